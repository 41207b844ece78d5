//! The lock that keeps a second process away from the file.
//!
//! Two processes would each deliver everything. An advisory lock goes away with the process that
//! holds it, however that ends; the process id in the file is there for the message only.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read, Seek, Write},
    path::{Path, PathBuf},
};

use crate::{Error, Result};

/// Held for as long as the value lives.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

/// Characters of the process id read back for the message.
const PID_BYTES_MAX: u64 = 20;

impl Lock {
    /// Locks a database file by a file beside it, creating the folder if need be.
    pub(super) fn take(database: &Path) -> Result<Self> {
        create_folder_of(database)?;
        let mut name = database.as_os_str().to_owned();
        name.push(".lock");
        let name = PathBuf::from(name);
        let open = File::options().read(true).write(true).create(true).truncate(false).open(&name);
        let mut file = open.map_err(|error| file_error("open", &name, &error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(in_use(database, &mut file)),
            Err(TryLockError::Error(error)) => return Err(file_error("lock", &name, &error)),
        }
        sign(&mut file).map_err(|error| file_error("write to", &name, &error))?;
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

fn in_use(database: &Path, file: &mut File) -> Error {
    let mut pid = String::new();
    let known = file.take(PID_BYTES_MAX).read_to_string(&mut pid).is_ok() && !pid.is_empty();
    let holder = if known { format!("process {pid}") } else { "another process".to_owned() };
    let path = database.display();
    Error::Unavailable(format!("`{path}` is in use by {holder}; stop it or choose another file"))
}

fn create_folder_of(database: &Path) -> Result<()> {
    let Some(folder) = folder_of(database) else { return Ok(()) };
    if folder.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(folder).map_err(|error| file_error("create", folder, &error))?;
    sync_folder_of(folder)
}

/// Makes a new entry of a folder durable: syncing a file does not promise that it is found.
pub(super) fn sync_folder_of(entry: &Path) -> Result<()> {
    let folder = folder_of(entry).unwrap_or(Path::new("."));
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|error| file_error("write to", folder, &error))
}

fn folder_of(entry: &Path) -> Option<&Path> {
    entry.parent().filter(|folder| !folder.as_os_str().is_empty())
}

fn file_error(verb: &str, path: &Path, error: &io::Error) -> Error {
    let message = format!("cannot {verb} `{}`: {error}", path.display());
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::Full(message),
        _ => Error::Unavailable(message),
    }
}
