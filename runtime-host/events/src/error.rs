//! What can go wrong with the log, and what the caller may do about it.

/// The answer of the log.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why something was not done. The text is for people and advises them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The request can never succeed: an attribute is malformed, a limit out of range.
    #[error("{0}")]
    Invalid(String),
    /// There is no such subscription or dead letter.
    #[error("{0}")]
    NotFound(String),
    /// The log is closed, in use by another process, or its file cannot be used. Something may
    /// have been done: repeat with the same ids, with backoff.
    #[error("{0}")]
    Unavailable(String),
    /// The disk or the limit of the file is reached. Nothing was done; somebody has to make room.
    #[error("{0}")]
    Full(String),
}

impl Error {
    /// May the same call succeed later without anybody changing it?
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Full(_))
    }
}
