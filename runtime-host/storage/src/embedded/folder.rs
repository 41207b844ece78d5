//! File names, and the locks that keep a second process out.
//!
//! Two processes on one database would each believe that it alone hands out versions and counts
//! deletions. An advisory lock goes away with the process that holds it, however that ends, which
//! a file with a process id in it does not; the id is there for the message only.

use std::{
    fmt::Write,
    fs::{self, File, TryLockError},
    io::{self, Read, Seek, Write as _},
    path::{Path, PathBuf},
};

use crate::{Error, ErrorKind, Result};

/// Held for as long as the value lives.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

/// Characters of the process id read back for the message.
const PID_BYTES_MAX: u64 = 20;

impl Lock {
    /// Locks a folder as a whole, creating it if need be.
    pub(super) fn folder(folder: &Path) -> Result<Self> {
        create_folder(folder)?;
        Self::take(&folder.join(".lock"), folder)
    }

    /// Locks one database file that lies somewhere else, by a lock file beside it.
    pub(super) fn file(database: &Path) -> Result<Self> {
        let mut name = database.as_os_str().to_owned();
        name.push(".lock");
        Self::take(Path::new(&name), database)
    }

    fn take(lock: &Path, subject: &Path) -> Result<Self> {
        let open = File::options().read(true).write(true).create(true).truncate(false).open(lock);
        let mut file = open.map_err(|error| file_error("write to", subject, &error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(in_use(subject, &mut file)),
            Err(TryLockError::Error(error)) => return Err(file_error("lock", subject, &error)),
        }
        sign(&mut file).map_err(|error| file_error("write to", subject, &error))?;
        Ok(Self { file })
    }
}

impl Drop for Lock {
    /// Closing the file is not enough while a process that is being started has a copy of it.
    fn drop(&mut self) {
        // If this fails, the lock goes away with the last copy.
        drop(self.file.unlock());
    }
}

fn sign(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    write!(file, "{}", std::process::id())
}

fn in_use(subject: &Path, file: &mut File) -> Error {
    let mut pid = String::new();
    let known = file.take(PID_BYTES_MAX).read_to_string(&mut pid).is_ok() && !pid.is_empty();
    let holder = if known { format!("process {pid}") } else { "another process".to_owned() };
    let path = subject.display();
    Error::new(
        ErrorKind::InUse,
        format!("`{path}` is in use by {holder}; stop it or choose another folder"),
    )
}

/// The one name of a database file, with its folder created.
pub(super) fn canonical(path: &Path) -> Result<PathBuf> {
    let Some(name) = path.file_name() else {
        return Err(Error::invalid(format!("`{}` does not name a file", path.display())));
    };
    let absolute = std::path::absolute(path).map_err(|error| file_error("find", path, &error))?;
    let folder = absolute.parent().unwrap_or(&absolute);
    create_folder(folder)?;
    let folder = folder.canonicalize().map_err(|error| file_error("find", folder, &error))?;
    Ok(folder.join(name))
}

fn create_folder(folder: &Path) -> Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(folder).map_err(|error| file_error("create", folder, &error))?;
    sync_folder_of(folder)
}

/// Makes a new entry of a folder durable: syncing a file does not promise that it is found.
pub(super) fn sync_folder_of(entry: &Path) -> Result<()> {
    let folder = match entry.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|error| file_error("write to", folder, &error))
}

/// A file name for a label: different for different labels, on file systems that ignore case
/// too, and never hidden or outside of the folder.
pub(super) fn file_name(label: &str) -> String {
    let mut name = String::with_capacity(label.len() + 3);
    for byte in label.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => name.push(char::from(byte)),
            // Writing to a string cannot fail.
            _ => drop(write!(name, "%{byte:02x}")),
        }
    }
    name + ".db"
}

fn file_error(verb: &str, path: &Path, error: &io::Error) -> Error {
    let kind = match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => ErrorKind::Denied,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::Full,
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => ErrorKind::Invalid,
        _ => ErrorKind::Unavailable,
    };
    Error::new(kind, format!("cannot {verb} `{}`: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_become_distinct_harmless_file_names() {
        assert_eq!(file_name("orders"), "orders.db");
        assert_eq!(file_name("../etc"), "%2e%2e%2fetc.db");
        assert_eq!(file_name("Orders"), "%4frders.db");
        assert_eq!(file_name("%4frders"), "%254frders.db");
        assert_eq!(file_name("größe"), "gr%c3%b6%c3%9fe.db");
    }

    #[test]
    fn file_errors_say_who_can_mend_them() {
        let kind = |kind: io::ErrorKind| file_error("open", Path::new("x"), &kind.into()).kind;
        assert_eq!(kind(io::ErrorKind::PermissionDenied), ErrorKind::Denied);
        assert_eq!(kind(io::ErrorKind::ReadOnlyFilesystem), ErrorKind::Denied);
        assert_eq!(kind(io::ErrorKind::StorageFull), ErrorKind::Full);
        assert_eq!(kind(io::ErrorKind::Interrupted), ErrorKind::Unavailable);
    }
}
