//! Loading a manifest from a disk, and checking its files.

use std::fs;

use tempfile::TempDir;
use tessera_manifest::{Code, check_files, load};

const MANIFEST: &str = r#"
spin_manifest_version = 2
application.name = "shop"

[[trigger.http]]
route = "/..."
component = "cart"

[component.cart]
source = "cart.wasm"
files = [{ source = "assets", destination = "/" }]
build = { command = "make", workdir = "cart" }
[component.cart.dependencies]
"a:a/a" = { path = "a.wasm" }
"b:b/b" = { component = "bridge" }

[component.bridge]
source = "bridge.wasm"
tool.tessera.bridges = "host"

[component.elsewhere]
source = "elsewhere.wasm"
tool.tessera.stock_only = true
"#;

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("spin.toml"), MANIFEST).unwrap();
    folder
}

#[test]
fn a_directory_means_the_manifest_in_it() {
    let folder = folder();
    let app = load(folder.path()).unwrap();
    assert_eq!(app.folder, folder.path());
    assert_eq!(app.origin.text(), MANIFEST);
    assert_eq!(load(&folder.path().join("spin.toml")).unwrap().name, "shop");
}

#[test]
fn a_manifest_that_cannot_be_read_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let errors = load(folder.path()).unwrap_err();
    assert_eq!(errors.problems()[0].code(), Code::Unreadable);
    assert!(errors.to_string().contains("there is no manifest at"), "{errors}");
    fs::write(folder.path().join("spin.toml"), [0xff, 0xfe]).unwrap();
    let errors = load(folder.path()).unwrap_err();
    assert!(errors.to_string().contains("is not a text file"), "{errors}");
}

#[test]
fn a_manifest_that_is_too_long_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spin.toml");
    fs::write(&path, "#".repeat(tessera_manifest::TEXT_LENGTH_MAX_BYTES + 1)).unwrap();
    let errors = load(&path).unwrap_err();
    assert!(errors.to_string().contains("longer than"), "{errors}");
}

#[test]
fn missing_files_are_reported_with_their_span() {
    let folder = folder();
    let app = load(folder.path()).unwrap();
    let problems = check_files(&app);
    let marked: Vec<_> =
        problems.iter().map(|problem| &MANIFEST[problem.labels()[0].span.clone()]).collect();
    assert_eq!(marked, ["\"cart.wasm\"", "\"a.wasm\"", "\"cart\"", "\"assets\""]);
    assert_eq!(problems[0].advice(), Some("run `tessera build`, which runs `make`"));
    let errors = app.origin.errors(problems).unwrap();
    assert_eq!(errors.problems().len(), 4);
}

#[test]
fn existing_files_are_not_reported() {
    let folder = folder();
    for file in ["cart.wasm", "a.wasm"] {
        fs::write(folder.path().join(file), "").unwrap();
    }
    for name in ["cart", "assets"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    let app = load(folder.path()).unwrap();
    assert_eq!(check_files(&app), []);
    assert!(app.origin.errors(Vec::new()).is_none());
}
