//! Writes the files of a project: all of them or none, and none that exists.

use anyhow::{Context as _, bail};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// What is written.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// New files, and their texts.
    pub(super) created: Vec<(PathBuf, String)>,
    /// Files that exist and are changed, and their new texts.
    pub(super) changed: Vec<(PathBuf, String)>,
}

impl Plan {
    /// Writes everything. After an error, files are as they were before.
    pub(super) fn write(&self) -> anyhow::Result<()> {
        if let Some((path, _)) =
            self.created.iter().find(|(path, _)| path.symlink_metadata().is_ok())
        {
            bail!(
                "{} exists already: choose another name, or remove it",
                super::super::shown(path)
            );
        }
        let mut created = Created::default();
        for (path, text) in &self.created {
            let written = created.file(path, text);
            written.with_context(|| format!("{} can't be written", super::super::shown(path)))?;
        }
        for (path, text) in &self.changed {
            let written = replace(path, text);
            written.with_context(|| format!("{} can't be written", super::super::shown(path)))?;
        }
        created.keep();
        Ok(())
    }
}

/// Files and folders that are removed again unless everything is written.
#[derive(Debug, Default)]
struct Created {
    files: Vec<PathBuf>,
    folders: Vec<PathBuf>,
}

impl Created {
    fn file(&mut self, path: &Path, text: &str) -> io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let missing = folder.ancestors().take_while(|one| !one.exists()).map(Path::to_owned);
        let missing: Vec<PathBuf> = missing.collect();
        for folder in missing.into_iter().rev().filter(|one| !one.as_os_str().is_empty()) {
            fs::create_dir(&folder)?;
            self.folders.push(folder);
        }
        let mut file = File::create_new(path)?;
        self.files.push(path.to_owned());
        file.write_all(text.as_bytes())
    }

    fn keep(mut self) {
        self.files.clear();
        self.folders.clear();
    }
}

impl Drop for Created {
    fn drop(&mut self) {
        // What can't be removed stays: the reason for all this is reported.
        for file in self.files.drain(..) {
            let _ = fs::remove_file(file);
        }
        for folder in self.folders.drain(..).rev() {
            let _ = fs::remove_dir(folder);
        }
    }
}

/// Replaces a file, or what a link leads to, as a whole.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let path = path.canonicalize()?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(fs::metadata(&path)?.permissions())?;
    file.persist(&path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn nothing_is_left_if_something_can_not_be_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("file"), "old").unwrap();
        let plan = Plan {
            created: vec![
                (path("new/deep/a"), "a".to_owned()),
                // A file is in the place of its folder.
                (path("file/b"), "b".to_owned()),
            ],
            changed: vec![(path("file"), "new".to_owned())],
        };
        let error = format!("{:#}", plan.write().unwrap_err());
        assert!(error.contains("file/b can't be written"), "{error}");
        assert!(!path("new").exists());
        assert_eq!(fs::read_to_string(path("file")).unwrap(), "old");
    }

    #[test]
    fn a_file_that_exists_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "old").unwrap();
        let plan = Plan { created: vec![(path.clone(), "new".to_owned())], changed: vec![] };
        assert!(plan.write().unwrap_err().to_string().contains("exists already"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    }
}
