//! Errors of stores, and what the caller can do about them.

/// The result of a store operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The kind of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The disk or the quota of the store is full.
    Full,
    /// The operating system or the engine denies access: a read-only directory, missing
    /// permissions.
    Denied,
    /// Another process holds the lock of the directory or of the file.
    InUse,
    /// No store has this label.
    NoSuchStore,
    /// The engine is closed, busy for too long, or unreachable. A retry may succeed.
    Unavailable,
    /// The data is damaged. An operator has to restore it.
    Corrupt,
    /// The data was written by a newer version of this program.
    Incompatible,
    /// The request can never succeed: a key that is too long, a value that is not a counter.
    Invalid,
}

/// A failed operation: its kind for code, its message for operators.
///
/// Messages name files and advise the operator; they must not be sent to clients.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// The kind.
    pub kind: ErrorKind,
    /// The message.
    pub message: String,
}

impl Error {
    /// Creates an error with a message for operators.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// Whether a retry of the same call may succeed without any action of an operator.
    ///
    /// The failed call may have taken effect, so retry only what is safe to repeat.
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

impl From<tessera_sqlite::Error> for Error {
    fn from(error: tessera_sqlite::Error) -> Self {
        use tessera_sqlite::ErrorKind as Kind;
        let kind = match error.kind {
            Kind::Full => ErrorKind::Full,
            Kind::Denied => ErrorKind::Denied,
            Kind::InUse => ErrorKind::InUse,
            Kind::Closed | Kind::Unavailable => ErrorKind::Unavailable,
            Kind::Corrupt | Kind::WrongFile => ErrorKind::Corrupt,
            Kind::Incompatible => ErrorKind::Incompatible,
            Kind::Invalid => ErrorKind::Invalid,
        };
        Self::new(kind, error.message)
    }
}
