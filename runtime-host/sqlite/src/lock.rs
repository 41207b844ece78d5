//! Locks that keep a second process out.
//!
//! Engines keep state in memory (versions, figures, cached values), so two processes on one
//! database would each act on a wrong picture. An advisory lock is released by the operating system
//! whenever its process ends; a file with a process id is not. The process id in the file is only
//! used in the message.

use std::{
    fs::{File, TryLockError},
    io::{self, Read, Seek, Write},
    path::Path,
};

use crate::{
    Error, ErrorKind, Result,
    paths::{create_directory, parent, with_suffix},
};

/// An exclusive lock. Dropping it releases it.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

/// The maximum length of the process id read for the message, in bytes.
const PID_BYTES_MAX: u64 = 20;

impl Lock {
    /// Locks a directory with all its databases. Creates it if it does not exist.
    ///
    /// # Errors
    ///
    /// [`InUse`](ErrorKind::InUse) with the id of the process that holds the lock, and failures of
    /// the file system.
    pub fn directory(directory: &Path) -> Result<Self> {
        create_directory(directory)?;
        Self::acquire(&directory.join(".lock"), directory)
    }

    /// Locks a single database with a lock file beside it. Creates its directory if it does not
    /// exist.
    ///
    /// # Errors
    ///
    /// As for [`directory`](Self::directory).
    pub fn file(database: &Path) -> Result<Self> {
        create_directory(parent(database))?;
        Self::acquire(&with_suffix(database, ".lock"), database)
    }

    fn acquire(lock: &Path, subject: &Path) -> Result<Self> {
        let open = File::options().read(true).write(true).create(true).truncate(false).open(lock);
        let mut file = open.map_err(|error| Error::file("write to", subject, &error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(in_use(subject, &mut file)),
            Err(TryLockError::Error(error)) => return Err(Error::file("lock", subject, &error)),
        }
        write_pid(&mut file).map_err(|error| Error::file("write to", subject, &error))?;
        Ok(Self { file })
    }
}

impl Drop for Lock {
    /// Closing the file is not enough: a child process that is being started may have a copy of
    /// the descriptor.
    fn drop(&mut self) {
        // If this fails, the lock is released with the last copy.
        drop(self.file.unlock());
    }
}

fn write_pid(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    write!(file, "{}", std::process::id())
}

fn in_use(subject: &Path, file: &mut File) -> Error {
    let mut pid = String::new();
    let known = file.take(PID_BYTES_MAX).read_to_string(&mut pid).is_ok() && !pid.is_empty();
    let holder = if known { format!("process {pid}") } else { "another process".to_owned() };
    let path = subject.display();
    let message = format!("`{path}` is in use by {holder}; stop it or choose another path");
    Error::new(ErrorKind::InUse, message)
}
