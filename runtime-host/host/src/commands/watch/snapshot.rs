//! The watched files at one moment. Two snapshots are compared: that shows what has changed, however it
//! was done, by writing, renaming or removing, and whatever the operating system reports of it.

use super::globs::{Glob, is_skipped};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// The most files that are watched.
const FILES_MAX: usize = 100_000;
/// The most folders that are watched.
const FOLDERS_MAX: usize = 10_000;

/// The watched files.
#[derive(Debug, Default)]
pub(super) struct Snapshot {
    files: BTreeMap<PathBuf, Stamp>,
    /// The folders whose changes matter.
    pub(super) folders: BTreeSet<Folder>,
    /// Whether there are more files or folders than are watched.
    pub(super) is_cut: bool,
}

/// A folder. A new one may have the same path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Folder {
    pub(super) path: PathBuf,
    inode: u64,
}

/// What changes with the content of a file: time, length, and identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: (i64, i64),
    length: u64,
    inode: u64,
}

impl Snapshot {
    /// The files of these patterns, now. Blocks.
    pub(super) fn take<'a>(globs: impl Iterator<Item = &'a Glob>) -> Self {
        let mut snapshot = Self::default();
        // Each folder is read once, for all patterns that begin there.
        let mut by_base = BTreeMap::<&Path, Vec<&Glob>>::new();
        for glob in globs {
            by_base.entry(glob.base()).or_default().push(glob);
        }
        for (base, globs) in by_base {
            match fs::metadata(base) {
                Ok(metadata) if metadata.is_dir() => {
                    snapshot.read(base, &globs);
                    continue;
                }
                Ok(metadata) => snapshot.add(base.to_owned(), &metadata),
                Err(_) => {}
            }
            // There it is created, replaced and removed.
            let parent = base.ancestors().skip(1).find(|folder| folder.is_dir());
            if let Some(folder) = parent {
                snapshot.add_folder(folder);
            }
        }
        snapshot
    }

    /// The files that were changed, created or removed since an earlier snapshot.
    pub(super) fn changed_since(&self, earlier: &Self) -> BTreeSet<PathBuf> {
        let is_new = |(path, stamp): &(&PathBuf, &Stamp)| earlier.files.get(*path) != Some(*stamp);
        let new = self.files.iter().filter(is_new).map(|(path, _)| path);
        let gone = earlier.files.keys().filter(|path| !self.files.contains_key(*path));
        new.chain(gone).cloned().collect()
    }

    /// Takes some files as they were in an earlier snapshot, so that their changes since then still
    /// count.
    pub(super) fn keep(&mut self, earlier: &Self, is_kept: impl Fn(&Path) -> bool) {
        self.files.retain(|path, _| !is_kept(path));
        let kept = earlier.files.iter().filter(|(path, _)| is_kept(path));
        self.files.extend(kept.map(|(path, stamp)| (path.clone(), *stamp)));
    }

    fn read(&mut self, base: &Path, globs: &[&Glob]) {
        let depth_max = globs.iter().map(|glob| glob.depth_max()).max().unwrap_or(0);
        let mut open = vec![(base.to_owned(), 0)];
        while let Some((folder, depth)) = open.pop() {
            if !self.add_folder(&folder) {
                return;
            }
            // What can't be read is not watched; it may also be gone again.
            let Ok(entries) = fs::read_dir(&folder) else { continue };
            for entry in entries.flatten() {
                let path = entry.path();
                let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
                if is_folder {
                    let name = entry.file_name();
                    if depth < depth_max && !is_skipped(&name.to_string_lossy()) {
                        open.push((path, depth + 1));
                    }
                } else if globs.iter().any(|glob| glob.covers(&path)) {
                    let Ok(metadata) = fs::metadata(&path) else { continue };
                    self.add(path, &metadata);
                }
            }
        }
    }

    fn add(&mut self, path: PathBuf, metadata: &Metadata) {
        if self.files.len() >= FILES_MAX {
            self.is_cut = true;
            return;
        }
        let stamp = Stamp {
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            length: metadata.len(),
            inode: metadata.ino(),
        };
        self.files.insert(path, stamp);
    }

    /// Returns whether there was room for it.
    fn add_folder(&mut self, path: &Path) -> bool {
        // It may be gone again.
        let Ok(metadata) = fs::metadata(path) else { return true };
        let folder = Folder { path: path.to_owned(), inode: metadata.ino() };
        if self.folders.len() >= FOLDERS_MAX && !self.folders.contains(&folder) {
            self.is_cut = true;
            return false;
        }
        self.folders.insert(folder);
        true
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn has_folder(snapshot: &Snapshot, path: &Path) -> bool {
        snapshot.folders.iter().any(|folder| folder.path == path)
    }

    fn take(folder: &Path) -> Snapshot {
        let globs = ["src/**/*.rs", "out/a.wasm"].map(|text| Glob::new(folder, text).unwrap());
        Snapshot::take(globs.iter())
    }

    #[test]
    fn all_kinds_of_changes_are_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let empty = take(folder.path());
        // What does not exist yet is waited for in the folder above.
        assert!(has_folder(&empty, folder.path()));
        fs::create_dir_all(path("src/deep")).unwrap();
        for name in ["src/a.rs", "src/deep/b.rs", "src/c.rs", "src/note.txt"] {
            fs::write(path(name), name).unwrap();
        }
        let first = take(folder.path());
        assert!(has_folder(&first, &path("src/deep")));
        let created = ["src/a.rs", "src/c.rs", "src/deep/b.rs"].map(path);
        assert_eq!(first.changed_since(&empty), created.into_iter().collect());
        // Written with the same length, replaced by renaming, removed, and created.
        fs::write(path("src/a.rs"), "src/x.rs").unwrap();
        fs::write(path("new"), "src/deep/b.rs").unwrap();
        fs::rename(path("new"), path("src/deep/b.rs")).unwrap();
        fs::remove_file(path("src/c.rs")).unwrap();
        fs::create_dir(path("out")).unwrap();
        fs::write(path("out/a.wasm"), "").unwrap();
        fs::write(path("src/note.txt"), "other").unwrap();
        let second = take(folder.path());
        let changed = ["out/a.wasm", "src/a.rs", "src/c.rs", "src/deep/b.rs"].map(path);
        assert_eq!(second.changed_since(&first), changed.into_iter().collect());
        assert!(take(folder.path()).changed_since(&second).is_empty());
    }

    #[test]
    fn changes_of_files_that_are_kept_still_count() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["src", "out"] {
            fs::create_dir(path(name)).unwrap();
        }
        for name in ["src/edited.rs", "src/gone.rs", "src/same.rs", "out/a.wasm"] {
            fs::write(path(name), "").unwrap();
        }
        let earlier = take(folder.path());
        for name in ["src/edited.rs", "src/new.rs", "out/a.wasm"] {
            fs::write(path(name), "other").unwrap();
        }
        fs::remove_file(path("src/gone.rs")).unwrap();
        let mut snapshot = take(folder.path());
        snapshot.keep(&earlier, |path| path.extension().is_some_and(|name| name == "rs"));
        let changed = ["src/edited.rs", "src/gone.rs", "src/new.rs"].map(path);
        assert_eq!(take(folder.path()).changed_since(&snapshot), changed.into_iter().collect());
    }

    #[test]
    fn folders_of_builds_are_skipped_unless_they_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("target/a.rs");
        fs::create_dir(folder.path().join("target")).unwrap();
        fs::write(&file, "").unwrap();
        for (pattern, has_it) in [("**/*.rs", false), ("target/*.rs", true)] {
            let glob = Glob::new(folder.path(), pattern).unwrap();
            let snapshot = Snapshot::take([&glob].into_iter());
            assert_eq!(snapshot.files.contains_key(&file), has_it, "{pattern}");
        }
    }
}
