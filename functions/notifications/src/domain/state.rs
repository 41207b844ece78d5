//! The state of a notification, and the outcome of an attempt.

use serde::{Deserialize, Serialize};

/// The result of rendering at acceptance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pinned {
    /// The template's version; 0 for a message that is never rendered.
    pub version: u32,
    /// The language of the template that was used.
    pub language: String,
    /// As the user's list of notifications shows it; empty once it has left the list.
    pub subject: String,
    /// The request's variables and those of the user. Deleted once it is sent or suppressed, or
    /// some time after it has failed.
    pub variables: Vec<(String, String)>,
}

/// The state of a notification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub enum State {
    /// To be sent, not before `due_ms`.
    Pending {
        /// Milliseconds since 1970.
        due_ms: u64,
    },
    /// An attempt is in progress, or its process crashed.
    Sending {
        /// When another attempt may take over.
        lease_until_ms: u64,
    },
    /// The provider accepted it.
    Sent {
        /// Milliseconds since 1970.
        at_ms: u64,
    },
    /// It will not be sent unless an operator replays it.
    Failed {
        /// For the user and for operators.
        reason: String,
    },
    /// The user disabled the channel, or has deleted their account.
    Suppressed,
}

impl State {
    /// The status in the API, which does not show leases.
    pub fn as_str(&self) -> &'static str {
        match self {
            State::Pending { .. } | State::Sending { .. } => "pending",
            State::Sent { .. } => "sent",
            State::Failed { .. } => "failed",
            State::Suppressed => "suppressed",
        }
    }
}

/// An attempt that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Milliseconds since 1970.
    pub at_ms: u64,
    /// For operators.
    pub detail: String,
}

/// The outcome of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The provider accepted it, as the message with this id.
    Delivered(String),
    /// The provider will never accept it: a hard bounce.
    Refused(String),
    /// The outcome is unknown, or a later attempt may succeed.
    Deferred {
        /// For operators.
        detail: String,
        /// The delay that the provider asked for, in milliseconds.
        retry_after_ms: Option<u64>,
    },
    /// The user disabled the channel.
    Unwanted,
}

impl Outcome {
    /// Repeat the attempt after the usual delay.
    pub fn deferred(detail: impl Into<String>) -> Self {
        Outcome::Deferred { detail: detail.into(), retry_after_ms: None }
    }
}
