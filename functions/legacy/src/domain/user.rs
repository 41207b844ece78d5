//! Users and their sessions.

use serde::{Deserialize, Serialize};

/// The maximum length of a name, in characters.
pub const NAME_CHARS_MAX: usize = 100;

/// A customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The number of the customer.
    pub id: u64,
    /// In lower case.
    pub email: String,
    /// For texts.
    pub name: String,
    /// BCP 47 tag.
    pub language: String,
    /// Made by the function `passwords`.
    pub password: String,
}

/// A session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Whose it is.
    pub customer: u64,
    /// Milliseconds since 1970.
    pub until_ms: u64,
}

/// Whether a text can be a mail address: more than that is found out by a mail.
pub fn is_address(text: &str) -> bool {
    let is_plain =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_graphic());
    text.len() <= 254
        && text.split_once('@').is_some_and(|(local, host)| {
            is_plain(local) && is_plain(host) && host.contains('.') && !host.contains('@')
        })
}
