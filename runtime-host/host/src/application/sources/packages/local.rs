//! Registries that are folders: `<namespace>/<name>/<version>.wasm`.

use super::{Package, none_fits};
use anyhow::Context as _;
use semver::Version;
use std::path::{Path, PathBuf};

/// The file of a package.
pub(super) fn get(root: Option<&Path>, package: &Package) -> anyhow::Result<PathBuf> {
    let root = root.with_context(|| {
        format!(
            "its registry is a folder that {} does not name: add `local = {{ root = \"…\" }}`",
            super::config::shown_path()
        )
    })?;
    let (namespace, name) = package.parts();
    let folder = root.join(namespace).join(name);
    let entries = std::fs::read_dir(&folder)
        .with_context(|| format!("its folder {} can't be read", folder.display()))?;
    let version = |path: PathBuf| {
        let version = Version::parse(path.file_stem()?.to_str()?).ok()?;
        path.extension().is_some_and(|extension| extension == "wasm").then_some((version, path))
    };
    let mut files: Vec<_> = entries.flatten().filter_map(|entry| version(entry.path())).collect();
    files.sort_by(|(a, _), (b, _)| b.cmp(a));
    let newest = files.iter().find(|(version, _)| package.version.matches(version));
    newest.map(|(_, path)| path.clone()).ok_or_else(|| {
        let versions: Vec<_> = files.iter().map(|(version, _)| version.clone()).collect();
        none_fits(&package.version, &versions)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_file_that_fits_is_chosen() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("a/b");
        std::fs::create_dir_all(&folder).unwrap();
        for name in ["1.9.0.wasm", "1.10.0.wasm", "2.0.0.wasm", "1.11.0.txt", "x.wasm"] {
            std::fs::write(folder.join(name), "").unwrap();
        }
        let get = |name: &str, version: &str| {
            let (name, version) = (name.to_owned(), version.parse().unwrap());
            get(Some(root.path()), &Package { registry: None, name, version })
        };
        assert_eq!(get("a:b", "1").unwrap(), folder.join("1.10.0.wasm"));
        let error = get("a:b", "3").unwrap_err().to_string();
        assert!(error.contains("2.0.0, 1.10.0, 1.9.0"), "{error}");
        assert!(get("a:c", "1").unwrap_err().to_string().contains("a/c can't be read"));
    }
}
