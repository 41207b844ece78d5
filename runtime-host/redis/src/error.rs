//! Why an operation failed.

/// A failed operation. The texts name no users and no passwords.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// The server could not be reached, or did not accept the user.
    #[error("no connection to {address}: {cause}")]
    Connect {
        /// The server.
        address: String,
        /// The cause.
        cause: String,
    },
    /// The connection ended before the reply. Whether the server did the work is not known.
    #[error("the connection to the server was lost: {0}")]
    Lost(String),
    /// No reply in time. Whether the server did the work is not known.
    #[error("the server did not reply in time")]
    Timeout,
    /// The reply is larger than allowed.
    #[error("query result exceeds limit of {max_bytes} bytes")]
    TooLarge {
        /// The limit.
        max_bytes: usize,
    },
    /// The server refused the command, for example because of the type of a value.
    #[error("{code} {detail}")]
    Refused {
        /// Its code, for example `WRONGTYPE`.
        code: String,
        /// Its text.
        detail: String,
    },
    /// The reply has another type than the command should have.
    #[error("unexpected reply: {0}")]
    UnexpectedReply(String),
}

impl Error {
    /// Whether the server has refused the command and done nothing.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused { .. })
    }
}

impl From<redis::RedisError> for Error {
    fn from(error: redis::RedisError) -> Self {
        match error.code() {
            Some(code) => Self::Refused {
                code: code.to_owned(),
                detail: error.detail().unwrap_or_default().to_owned(),
            },
            None => Self::Lost(error.to_string()),
        }
    }
}
