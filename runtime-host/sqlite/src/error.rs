//! Failures of databases and files, with the path and advice for the operator.

use std::{io, path::Path};

use rusqlite::ErrorCode;

/// The result of an operation on a database.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The kind of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The disk, the quota or the size limit of the database is reached.
    Full,
    /// The operating system or SQLite denies access to the file or its directory.
    Denied,
    /// Another process holds the lock.
    InUse,
    /// The database was closed.
    Closed,
    /// A temporary failure, such as a file that another program has locked for too long.
    Unavailable,
    /// The file is damaged.
    Corrupt,
    /// The file is not a database, or a database of another program.
    WrongFile,
    /// The file was written by a newer version of this program.
    Incompatible,
    /// The request can never succeed: an unusable path, a value that is too large.
    Invalid,
}

/// A failed operation: its kind for code, its message for operators.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// The kind.
    pub kind: ErrorKind,
    /// The message. It names the file and advises the operator.
    pub message: String,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// A failure of SQLite on this file.
    pub fn sqlite(path: &Path, error: &rusqlite::Error) -> Self {
        let (kind, advice) = match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => {
                (ErrorKind::Full, "free disk space or raise the size limit of the database")
            }
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
                (ErrorKind::Denied, "check the permissions of the file and of its directory")
            }
            Some(ErrorCode::DatabaseCorrupt) => {
                (ErrorKind::Corrupt, "restore the file from a backup or move it away")
            }
            Some(ErrorCode::NotADatabase) => {
                (ErrorKind::WrongFile, "restore the file from a backup or choose another path")
            }
            Some(ErrorCode::TooBig) => (ErrorKind::Invalid, "store smaller values"),
            Some(_) => (ErrorKind::Unavailable, "try again"),
            None => (ErrorKind::Corrupt, "the file has an unexpected table or value"),
        };
        Self::new(kind, format!("`{}`: {error}; {advice}", path.display()))
    }

    /// A failure of the file system: what could not be done, and with which path.
    pub(crate) fn file(verb: &str, path: &Path, error: &io::Error) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                ErrorKind::Denied
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::Full,
            io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => ErrorKind::Invalid,
            _ => ErrorKind::Unavailable,
        };
        Self::new(kind, format!("cannot {verb} `{}`: {error}", path.display()))
    }

    pub(crate) fn closed(path: &Path) -> Self {
        Self::new(ErrorKind::Closed, format!("`{}` is closed", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_errors_have_the_kind_of_their_cause() {
        let kind = |kind: io::ErrorKind| Error::file("open", Path::new("x"), &kind.into()).kind;
        assert_eq!(kind(io::ErrorKind::PermissionDenied), ErrorKind::Denied);
        assert_eq!(kind(io::ErrorKind::ReadOnlyFilesystem), ErrorKind::Denied);
        assert_eq!(kind(io::ErrorKind::StorageFull), ErrorKind::Full);
        assert_eq!(kind(io::ErrorKind::NotADirectory), ErrorKind::Invalid);
        assert_eq!(kind(io::ErrorKind::Interrupted), ErrorKind::Unavailable);
    }
}
