//! Paths of databases, and directories that survive a power cut.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use crate::{Error, ErrorKind, Result};

/// The canonical path of a database file that may not exist yet. Creates its directory.
///
/// Returns the same path for all spellings, so that it can serve as a key.
///
/// # Errors
///
/// [`Invalid`](ErrorKind::Invalid) if the path does not name a file, and failures of the file
/// system.
pub fn canonical(path: &Path) -> Result<PathBuf> {
    let Some(name) = path.file_name() else {
        let message = format!("`{}` does not name a file", path.display());
        return Err(Error::new(ErrorKind::Invalid, message));
    };
    let absolute = std::path::absolute(path).map_err(|error| Error::file("find", path, &error))?;
    let directory = absolute.parent().unwrap_or(&absolute);
    create_directory(directory)?;
    let directory =
        directory.canonicalize().map_err(|error| Error::file("find", directory, &error))?;
    Ok(directory.join(name))
}

/// Creates a directory and its parents, durably.
pub(crate) fn create_directory(directory: &Path) -> Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(directory).map_err(|error| Error::file("create", directory, &error))?;
    sync_parent(directory)
}

/// Makes a new directory entry durable: syncing a file does not sync the entry that names it.
pub(crate) fn sync_parent(entry: &Path) -> Result<()> {
    let parent = parent(entry);
    let synced = File::open(parent).and_then(|directory| directory.sync_all());
    synced.map_err(|error| Error::file("write to", parent, &error))
}

/// The directory of an entry.
pub(crate) fn parent(entry: &Path) -> &Path {
    match entry.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// A path with a suffix, such as `-wal`.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
