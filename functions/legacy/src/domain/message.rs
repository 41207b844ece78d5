//! Messages to customers about their orders.

use serde::{Deserialize, Serialize};

/// A message. One request sends one message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Names the request; also the idempotency key for the mail provider.
    pub request: String,
    /// The recipient.
    pub customer: u64,
    /// What has happened: the new state of the order.
    pub kind: String,
    /// The number of the order.
    pub order: String,
    /// When it was sent, UTC; empty before.
    #[serde(default)]
    pub sent: String,
}

impl Message {
    /// The subject of the mail.
    pub fn subject(&self) -> String {
        format!("Your order {}: {}", self.order, self.kind)
    }

    /// The text of the mail.
    pub fn text(&self, name: &str) -> String {
        format!("Dear {name},\n\nyour order {} is now {}.\n", self.order, self.kind)
    }
}
