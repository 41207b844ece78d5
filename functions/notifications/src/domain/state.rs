//! Where a notification stands, and what an attempt does to it.

use serde::{Deserialize, Serialize};

/// What rendering at acceptance fixed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pinned {
    /// The template's version.
    pub version: u32,
    /// The language that was found.
    pub language: String,
    /// As the reader's list of notifications shows it; empty once it has left the list.
    pub subject: String,
    /// The request's variables and those known of the reader. Forgotten once it is sent or
    /// suppressed, or has been failed for long.
    pub variables: Vec<(String, String)>,
}

impl Pinned {
    /// The text of a message that is never rendered.
    pub fn nothing() -> Self {
        let (language, subject, variables) = Default::default();
        Self { version: 0, language, subject, variables }
    }
}

/// Where a notification stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub enum State {
    /// To be sent, not before `due_ms`.
    Pending {
        /// Milliseconds since 1970.
        due_ms: u64,
    },
    /// An attempt is under way, or died.
    Sending {
        /// When another attempt may take over.
        lease_until_ms: u64,
    },
    /// The provider took it.
    Sent {
        /// Milliseconds since 1970.
        at_ms: u64,
    },
    /// It will never be sent.
    Failed {
        /// For a person.
        reason: String,
    },
    /// The reader does not want messages on this channel, or has deleted their account.
    Suppressed,
}

impl State {
    /// The word for it in answers; a reader need not know of leases.
    pub fn word(&self) -> &'static str {
        match self {
            State::Pending { .. } | State::Sending { .. } => "pending",
            State::Sent { .. } => "sent",
            State::Failed { .. } => "failed",
            State::Suppressed => "suppressed",
        }
    }
}

/// One attempt that ended without success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setback {
    /// When, milliseconds since 1970.
    pub at_ms: u64,
    /// What went wrong, for a person.
    pub detail: String,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The provider took it, as the message with this id of its own.
    Delivered(String),
    /// The provider will never take it: a hard bounce.
    Refused(String),
    /// Nobody knows, or it may go better later.
    Deferred {
        /// For a person.
        detail: String,
        /// The provider's wish, milliseconds from now.
        retry_after_ms: Option<u64>,
    },
    /// The reader switched the channel off.
    Unwanted,
}
