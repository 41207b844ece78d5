//! Errors of the log, and what the caller can do about them.

/// The result of an operation on the log.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failed operation. The text is for operators and advises them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The request can never succeed: an attribute is malformed, or a limit is out of range.
    #[error("{0}")]
    Invalid(String),
    /// The subscription or the dead letter does not exist.
    #[error("{0}")]
    NotFound(String),
    /// The log is closed, in use by another process, or its file is unusable. The operation may have
    /// taken effect: retry with the same ids, with backoff.
    #[error("{0}")]
    Unavailable(String),
    /// The disk is full, or the size limit of the file is reached. The operation had no effect.
    #[error("{0}")]
    Full(String),
}

impl Error {
    /// Whether a retry of the same call may succeed.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Full(_))
    }
}

#[cfg(feature = "embedded")]
impl From<tessera_sqlite::Error> for Error {
    fn from(error: tessera_sqlite::Error) -> Self {
        use tessera_sqlite::ErrorKind as Kind;
        match error.kind {
            Kind::Full => Self::Full(error.message),
            Kind::Invalid | Kind::WrongFile | Kind::Incompatible => Self::Invalid(error.message),
            Kind::Closed => Self::Unavailable("the event log is closed".to_owned()),
            Kind::Denied | Kind::InUse | Kind::Unavailable | Kind::Corrupt => {
                Self::Unavailable(error.message)
            }
        }
    }
}
