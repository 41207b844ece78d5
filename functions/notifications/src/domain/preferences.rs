//! By which channels a reader wants to be told.

use serde::{Deserialize, Serialize};

use super::Channel;

/// What a reader wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preferences {
    /// Mails about one's own orders and account.
    pub email: bool,
    /// Messages to one's devices.
    pub push: bool,
}

impl Default for Preferences {
    /// Both: these messages are about what the reader did, not advertisements.
    fn default() -> Self {
        Self { email: true, push: true }
    }
}

impl Preferences {
    /// Whether `channel` may be used.
    pub fn allow(&self, channel: Channel) -> bool {
        match channel {
            Channel::Email => self.email,
            Channel::Push => self.push,
        }
    }
}
