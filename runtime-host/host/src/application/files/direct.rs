//! `--direct-mounts`: the folders themselves, so that a component sees changes at once.

use crate::engine::Mount;
use anyhow::{bail, ensure};
use std::path::Path;
use tessera_manifest::{Component, FileMount};

/// The folders of a component, each at its path. Only whole folders can be offered.
pub(super) fn mounts(
    application: &Path,
    component: &Component,
    writable: bool,
) -> anyhow::Result<Vec<Mount>> {
    let id = &component.id;
    ensure!(
        component.exclude_files.is_empty(),
        "--direct-mounts: the component `{id}` has `exclude_files`, which needs its files to be \
         collected"
    );
    component.files.iter().map(|one| mount(application, id, one, writable)).collect()
}

fn mount(application: &Path, id: &str, one: &FileMount, writable: bool) -> anyhow::Result<Mount> {
    let (folder, path) = match one {
        FileMount::Pattern(pattern) => (application.join(pattern), pattern),
        FileMount::Placement { source, destination, .. } => (source.clone(), destination),
    };
    if !folder.is_dir() {
        bail!(
            "--direct-mounts: only directories can be offered directly, and {} in the `files` of \
             the component `{id}` is none",
            folder.display()
        );
    }
    let path = path.trim_start_matches("./");
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    Ok(Mount { folder, path, writable })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn component(files: &str) -> Component {
        let manifest = format!(
            "spin_manifest_version = 2\napplication.name = \"x\"\n\
             [[trigger.http]]\nroute = \"/...\"\ncomponent = \"web\"\n\
             [component.web]\nsource = \"web.wasm\"\n{files}\n"
        );
        let app = tessera_manifest::parse(Path::new("/x/spin.toml"), &manifest).unwrap();
        app.components["web"].clone()
    }

    #[test]
    fn folders_are_offered_themselves_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("static")).unwrap();
        std::fs::write(folder.path().join("a.txt"), "").unwrap();
        let of = |files: &str| mounts(folder.path(), &component(files), false);
        let static_folder = folder.path().join("static");
        let expected =
            Mount { folder: static_folder.clone(), path: "/static".into(), writable: false };
        assert_eq!(of("files = [\"static\"]").unwrap(), [expected]);
        for (files, words) in [
            ("files = [\"a.txt\"]", "a.txt"),
            ("files = [\"static/*\"]", "static/*"),
            ("files = [\"static\"]\nexclude_files = [\"x\"]", "exclude_files"),
        ] {
            let error = of(files).unwrap_err().to_string();
            assert!(error.contains("--direct-mounts") && error.contains(words), "{error}");
        }
    }
}
