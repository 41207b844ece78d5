//! The error of routes and host patterns.

use std::fmt;

/// Why a text is not a pattern, and a hint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatternError {
    /// A clause without a full stop.
    pub message: String,
    /// What to write instead.
    pub hint: String,
}

impl PatternError {
    pub(crate) fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into() }
    }
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.message, self.hint)
    }
}

impl std::error::Error for PatternError {}
