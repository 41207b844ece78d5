//! People with an account.

use super::email::Email;
use chassis::outbox::{Draft, Full, HasOutbox, Outbox};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Who publishes what happens to users.
const SOURCE: &str = "/shop/identity";
const REGISTERED: &str = "com.shop.identity.user.registered.v1";
const UPDATED: &str = "com.shop.identity.user.updated.v1";

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
    /// What others have still to be told of this account.
    #[serde(default)]
    pub outbox: Outbox,
}

impl HasOutbox for User {
    fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    fn outbox_mut(&mut self) -> &mut Outbox {
        &mut self.outbox
    }
}

/// What somebody changes of their account; none leaves it as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    pub name: Option<String>,
    pub language: Option<String>,
}

impl User {
    /// Tells others that this account exists, once.
    pub fn announce(&mut self, now_ms: u64) -> Result<(), Full> {
        if self.outbox.sequence_of(&self.id) > 0 {
            return Ok(());
        }
        self.tell(REGISTERED, now_ms)
    }

    /// Changes the account and tells others of it, if there is anything to change. An account
    /// that was never announced is announced first, as it was.
    pub fn change(&mut self, changes: &Changes, now_ms: u64) -> Result<(), Full> {
        let name = changes.name.as_ref().unwrap_or(&self.name).clone();
        let language = changes.language.as_ref().unwrap_or(&self.language).clone();
        if (&name, &language) == (&self.name, &self.language) {
            return Ok(());
        }
        // After a crash a change may come before the sweep that announces. Nobody may see a
        // change of an account whose registration is never told.
        self.announce(now_ms)?;
        (self.name, self.language) = (name, language);
        self.tell(UPDATED, now_ms)
    }

    /// Tells others what the account is now; before that, that it exists, if they were never
    /// told.
    pub fn tell_update(&mut self, now_ms: u64) -> Result<(), Full> {
        self.announce(now_ms)?;
        self.tell(UPDATED, now_ms)
    }

    fn tell(&mut self, kind: &str, at_ms: u64) -> Result<(), Full> {
        let data = json!({
            "user_id": self.id,
            "email": self.email.as_str(),
            "name": self.name,
            "language": self.language,
            "roles": self.roles,
        });
        let (source, kind) = (SOURCE.to_owned(), kind.to_owned());
        self.outbox.push(Draft { source, kind, subject: self.id.clone(), at_ms, data })
    }

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
