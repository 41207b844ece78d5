//! What can go wrong with a store, and what the caller may do about it.

/// The answer of a store operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an operation was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The disk or the quota of the store is full. Goes away when somebody makes room.
    Full,
    /// The operating system or the engine refuses access: a read-only folder, a missing right.
    Denied,
    /// Another process holds the folder or the file.
    InUse,
    /// No store has this label.
    NoSuchStore,
    /// The engine is closed, busy for too long, or out of reach. Worth another try.
    Unavailable,
    /// The data is damaged. Needs a person.
    Corrupt,
    /// The data was written by a newer version of this program. Needs an upgrade.
    Incompatible,
    /// The request can never succeed: a key that is too long, a counter that is not a number.
    Invalid,
}

/// A failed operation: its kind for code, its message for people.
///
/// Messages name files and advise the operator; they are not meant for the outside.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// For decisions.
    pub kind: ErrorKind,
    /// For people.
    pub message: String,
}

impl Error {
    /// An error with a message for the operator.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// May the same call succeed when it is made again, with nobody mending anything?
    ///
    /// The failed call may have taken effect: repeat only what is safe to repeat.
    pub fn is_retryable(&self) -> bool {
        self.kind == ErrorKind::Unavailable
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }

    pub(crate) fn closed(label: &str) -> Self {
        Self::new(ErrorKind::Unavailable, format!("the store `{label}` is closed"))
    }
}
