//! Whether a new contract fits those who use the old one, as plain functions of two documents.
//!
//! There are two directions. What clients *send* must still be accepted: the new schema accepts at
//! least what the old one did. What they *receive* must still be what they expect: the new schema
//! allows at most what the old one did. Both are one question, whether all values of one schema are
//! values of another one (`schema`), and each answer is a list of [`Break`]s, with the place in the
//! document and the reason.
//!
//! A removed member counts as a break in both directions: a receiver misses it, and what a sender says
//! with it is lost. Members may be added to what is received; receivers ignore those that they do not
//! know.

mod api;
mod documents;
mod events;
mod schema;

pub use api::compare as api;
pub use events::compare as events;
pub use schema::{Direction, compare as schema};

use std::fmt;

/// Something that no longer works for those who use the old contract.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Break {
    /// The place in the contract, for example `POST /orders: request: lines[].quantity`.
    pub at: String,
    /// What is no longer as it was.
    pub reason: String,
}

impl Break {
    fn new(at: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { at: at.into(), reason: reason.into() }
    }
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.reason)
    }
}
