//! People with an account.

use super::email::Email;
use serde::{Deserialize, Serialize};

/// What everybody may do: buy.
pub const ROLE_CUSTOMER: &str = "customer";
/// What those who run the shop may do: everything.
pub const ROLE_ADMIN: &str = "admin";
/// The language of people who named none (BCP 47).
pub const LANGUAGE_DEFAULT: &str = "en";
/// Longest name in characters.
pub const NAME_CHARS_MAX: usize = 200;
/// Longest language tag in bytes; RFC 5646 section 4.4.1 needs 35.
pub const LANGUAGE_BYTES_MAX: usize = 35;

/// An account as it is stored. Never answered as a whole: it holds the password's hash.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct User {
    /// `usr_` and a UUIDv7.
    pub id: String,
    pub email: Email,
    pub name: String,
    /// BCP 47 tag.
    pub language: String,
    /// At least [`ROLE_CUSTOMER`].
    pub roles: Vec<String>,
    /// Argon2id in PHC string format.
    pub password_hash: String,
    /// Milliseconds since the Unix epoch.
    pub created_at_ms: u64,
}

impl User {
    /// Gives a role that the user may have already.
    pub fn grant(&mut self, role: &str) {
        if !self.roles.iter().any(|held| held == role) {
            self.roles.push(role.to_owned());
        }
    }

    /// Is one of the roles this one?
    pub fn has(&self, role: &str) -> bool {
        self.roles.iter().any(|held| held == role)
    }
}

/// Is this shaped like a BCP 47 tag (`en`, `pt-BR`, `zh-Hant-TW`)?
pub fn is_language(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let primary = parts.next().unwrap_or_default();
    tag.len() <= LANGUAGE_BYTES_MAX
        && (2..=8).contains(&primary.len())
        && primary.bytes().all(|c| c.is_ascii_alphabetic())
        && parts.all(|part| {
            (1..=8).contains(&part.len()) && part.bytes().all(|c| c.is_ascii_alphanumeric())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn language_tags_have_the_shape_of_bcp_47() {
        for tag in ["en", "pt-BR", "zh-Hant-TW", "sl-rozaj-biske-1994"] {
            assert!(is_language(tag), "{tag}");
        }
        for tag in ["", "e", "en_GB", "en-", "-en", "123", "en--GB", "en-123456789", "<b>"] {
            assert!(!is_language(tag), "{tag}");
        }
    }
}
