//! A user: their profile, and the channels that they have enabled.

use serde::{Deserialize, Serialize};

use super::Channel;

/// The profile of a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The address for mails.
    pub email: String,
    /// The name for texts.
    pub name: String,
    /// BCP 47 tag.
    pub language: String,
}

/// The channels that may be used for messages to a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct Preferences {
    /// Whether mails may be sent.
    pub email: bool,
    /// Whether push messages may be sent.
    pub push: bool,
}

impl Default for Preferences {
    /// Both: these messages are about the user's own actions, not advertisements.
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
