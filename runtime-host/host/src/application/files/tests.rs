//! Which files a component sees, and at which paths.

#![allow(clippy::unwrap_used)]

use super::*;
use tempfile::TempDir;

/// An application with a few files.
fn application() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for path in ["app/static/a.css", "app/static/deep/b.css", "app/static/c.map", "secret"] {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, path.file_name().unwrap().as_encoded_bytes()).unwrap();
    }
    folder
}

fn gathered(folder: &TempDir, files: &str) -> anyhow::Result<Vec<String>> {
    gathered_beside(folder, "state", files)
}

/// With the state directory at this path.
fn gathered_beside(folder: &TempDir, state_dir: &str, files: &str) -> anyhow::Result<Vec<String>> {
    let root = folder.path().join("app");
    let manifest = format!(
        "spin_manifest_version = 2\n[application]\nname = \"x\"\n\
         [[trigger.http]]\nroute = \"/...\"\ncomponent = \"web\"\n\
         [component.web]\nsource = \"web.wasm\"\n{files}\n"
    );
    let app = tessera_manifest::parse(&root.join("spin.toml"), &manifest).unwrap();
    let state = folder.path().join(state_dir);
    let mounts = mounts(&app, &app.components["web"], &FileOptions::default(), &state)?;
    let [Mount { folder, .. }] = &*mounts else { return Ok(Vec::new()) };
    let found = glob::glob(&format!("{}/**/*", folder.display())).unwrap();
    let files = found.map(Result::unwrap).filter(|path| path.is_file());
    let name = |path: PathBuf| path.strip_prefix(folder).unwrap().display().to_string();
    Ok(files.map(name).collect())
}

#[test]
fn patterns_files_and_folders_keep_their_paths() {
    let app = application();
    assert_eq!(gathered(&app, "files = [\"static/*.css\"]").unwrap(), ["static/a.css"]);
    let all = ["static/a.css", "static/c.map", "static/deep/b.css"];
    for pattern in ["static/**/*", "./static/**/*", "x/../static/**/*", ""] {
        let files = format!("files = [\"{pattern}\"]");
        assert_eq!(gathered(&app, &files).unwrap(), all, "{pattern:?}");
    }
    assert_eq!(gathered(&app, "").unwrap(), [""; 0]);
    assert_eq!(gathered(&app, "files = [\"static/*.none\"]").unwrap(), [""; 0]);
}

#[test]
fn a_folder_is_at_its_path_and_where_stock_spin_puts_it() {
    let app = application();
    let all = [
        "static/a.css",
        "static/c.map",
        "static/deep/b.css",
        "static/static/a.css",
        "static/static/c.map",
        "static/static/deep/b.css",
    ];
    assert_eq!(gathered(&app, "files = [\"static\"]").unwrap(), all);
    let files = "files = [\"static/\"]\nexclude_files = [\"static/deep/*\", \"**/c.*\"]";
    assert_eq!(gathered(&app, files).unwrap(), ["static/a.css", "static/static/a.css"]);
}

#[test]
fn placements_move_and_exclusions_hold() {
    let app = application();
    let files = "files = [{ source = \"static\", destination = \"/\" }]\n\
                 exclude_files = [\"**/*.map\"]";
    assert_eq!(gathered(&app, files).unwrap(), ["a.css", "deep/b.css"]);
    let files = "files = [{ source = \"static/a.css\", destination = \"x/z/../y.css\" }]\n\
                 exclude_files = [\"static/a.css\"]";
    assert_eq!(gathered(&app, files).unwrap(), ["x/y.css"], "one that is named is there");
}

#[test]
fn a_restart_replaces_the_copies_and_not_the_originals() {
    let app = application();
    gathered(&app, "files = [\"static/**/*\"]").unwrap();
    assert_eq!(gathered(&app, "files = [\"static/a.css\"]").unwrap(), ["static/a.css"]);
    let original = fs::read_to_string(app.path().join("app/static/a.css")).unwrap();
    assert_eq!(original, "a.css");
    // Named twice, there once.
    let twice = "files = [\"static/a.css\", \"static/*.css\"]";
    assert_eq!(gathered(&app, twice).unwrap(), ["static/a.css"]);
    assert_eq!(fs::read_to_string(app.path().join("app/static/a.css")).unwrap(), "a.css");
}

#[test]
#[cfg(unix)]
fn links_and_placements_may_lead_out_of_the_application() {
    let app = application();
    let link = app.path().join("app/static/deep/link");
    std::os::unix::fs::symlink(app.path().join("secret"), link).unwrap();
    let files = "files = [\"static/deep/*\"]";
    assert_eq!(gathered(&app, files).unwrap(), ["static/deep/b.css", "static/deep/link"]);
    fs::create_dir(app.path().join("common")).unwrap();
    fs::write(app.path().join("common/a.txt"), "").unwrap();
    fs::write(app.path().join("common/b.txt"), "").unwrap();
    let files = "files = [{ source = \"../common\", destination = \"/\" }]\n\
                 exclude_files = [\"../common/b.*\"]";
    assert_eq!(gathered(&app, files).unwrap(), ["a.txt"]);
    let files = "files = [{ source = \"../secret\", destination = \"/s\" }]";
    assert_eq!(gathered(&app, files).unwrap(), ["s"]);
}

#[test]
fn absolute_paths_do_not_lead_out_of_the_application() {
    let app = application();
    let of = |path: &str| {
        let path = app.path().join(path);
        let files =
            format!("files = [{{ source = \"{}\", destination = \"/x\" }}]", path.display());
        gathered(&app, &files)
    };
    assert_eq!(of("app/static/a.css").unwrap(), ["x"]);
    let error = of("secret").unwrap_err();
    assert!(format!("{error:#}").contains("lies outside"), "{error:#}");
}

#[test]
fn no_component_sees_files_of_the_state_directory() {
    let app = application();
    let state = app.path().join("app/.tessera");
    fs::create_dir_all(&state).unwrap();
    fs::write(state.join("admin-token"), "secret").unwrap();
    std::os::unix::fs::symlink(state.join("admin-token"), app.path().join("app/key")).unwrap();
    let all = ["static/a.css", "static/c.map", "static/deep/b.css"];
    // The second time, what the first one gathered is there as well.
    for files in ["**/*", "**/*", "", ".tessera", ".tessera/admin-token", "key"] {
        let manifest = format!("files = [\"{files}\"]");
        let found = gathered_beside(&app, "app/.tessera", &manifest).unwrap();
        let expected = if ["**/*", ""].contains(&files) { &all[..] } else { &[] };
        assert_eq!(found, expected, "{files}");
    }
    let error = gathered_beside(&app, "app", "files = [\"static\"]").unwrap_err();
    assert!(format!("{error:#}").contains("--state-dir"), "{error:#}");
}

#[test]
fn paths_do_not_lead_out_of_their_folder() {
    assert!(relative(Path::new("../x")).is_err());
    assert!(relative(Path::new("a/../../x")).is_err());
    assert!(relative(Path::new("/x")).is_err());
    assert_eq!(relative(Path::new("./a/./c/../b")).unwrap(), Path::new("a/b"));
}

#[test]
fn a_missing_file_is_named() {
    let app = application();
    let error = gathered(&app, "files = [\"statik/a.css\"]").unwrap_err();
    assert!(format!("{error:#}").contains("`statik/a.css`"), "{error:#}");
}
