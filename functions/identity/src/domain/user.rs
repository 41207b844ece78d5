//! Accounts.

use super::email::Email;
use super::reset::Resets;
use super::secret::{array_from_base64url, base64url};
use chassis::outbox::{Draft, Full, HasOutbox, Outbox};
use chassis::sealed::{self, KEY_BYTES, NONCE_BYTES, PersonKey};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The source of the events.
const SOURCE: &str = "/shop/identity";
const REGISTERED: &str = "com.shop.identity.user.registered.v1";
const UPDATED: &str = "com.shop.identity.user.updated.v1";
/// Requests a mail to the user about their account.
const MAIL: &str = "com.shop.identity.user.mail.v1";
/// The account was deleted: consumers must delete their copies of its data.
const DELETED: &str = sealed::ACCOUNT_DELETED;

/// The role of all users.
pub const ROLE_CUSTOMER: &str = "customer";
/// The role of administrators, who may do everything.
pub const ROLE_ADMIN: &str = "admin";
/// The default language (BCP 47).
pub const LANGUAGE_DEFAULT: &str = "en";
/// Longest name, in characters.
pub const NAME_CHARS_MAX: usize = 200;
/// Longest language tag in bytes; RFC 5646 section 4.4.1 needs 35.
pub const LANGUAGE_BYTES_MAX: usize = 35;
/// The minimum time between two mails about attempts to register an existing address. Milliseconds.
pub const REPEATED_MAIL_EVERY_MS: u64 = 24 * 3600 * 1000;

/// Bytes of randomness that sealing needs.
pub const CHANCE_BYTES: usize = KEY_BYTES + NONCE_PREFIX_BYTES;
/// The rest of a nonce is the number of the event, which is unique for each user.
const NONCE_PREFIX_BYTES: usize = NONCE_BYTES - 8;

/// Randomness for one change of an account.
pub type Chance = [u8; CHANCE_BYTES];

/// An account as it is stored. It has the hash of the password, so no response contains it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
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
    /// Sessions and codes from before this time are invalid: the password was changed, or the user
    /// has signed out everywhere. Milliseconds since the Unix epoch.
    #[serde(default)]
    pub sessions_from_ms: u64,
    /// Tokens with which the password can be reset.
    #[serde(default, skip_serializing_if = "Resets::is_empty")]
    pub resets: Resets,
    /// When the owner last got a mail about an attempt to register the address.
    #[serde(default)]
    pub repeated_at_ms: u64,
    /// When the account was deleted. Its personal data was erased then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at_ms: Option<u64>,
    /// The key for sealing personal data in events, base64url; `None` before the first event and
    /// after the account was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    person_key: Option<String>,
    /// The unpublished events about this account.
    #[serde(default)]
    pub outbox: Outbox,
}

/// The data with which a user registers, in valid form.
#[derive(Clone, Debug)]
pub struct Registration {
    pub email: Email,
    pub password: String,
    pub name: String,
    pub language: String,
}

impl HasOutbox for User {
    fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    fn outbox_mut(&mut self) -> &mut Outbox {
        &mut self.outbox
    }
}

/// Changes of an account; `None` leaves a member as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    pub name: Option<String>,
    pub language: Option<String>,
}

impl User {
    /// A new account without events.
    pub fn new(
        it: Registration,
        password_hash: String,
        roles: &[&str],
        created_at_ms: u64,
    ) -> Self {
        Self {
            id: chassis::id::new("usr"),
            email: it.email,
            name: it.name,
            language: it.language,
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            password_hash,
            created_at_ms,
            ..Self::default()
        }
    }

    /// Adds the event that this account was registered, once.
    pub fn announce(&mut self, chance: &Chance, now_ms: u64) -> Result<(), Full> {
        if self.outbox.sequence_of(&self.id) > 0 {
            return Ok(());
        }
        self.push_state(REGISTERED, chance, now_ms)
    }

    /// Changes the account and adds the event, unless nothing differs. An account that was not
    /// announced yet is announced first, as it was.
    pub fn change(&mut self, changes: &Changes, chance: &Chance, now_ms: u64) -> Result<(), Full> {
        let name = changes.name.as_ref().unwrap_or(&self.name).clone();
        let language = changes.language.as_ref().unwrap_or(&self.language).clone();
        if (&name, &language) == (&self.name, &self.language) {
            return Ok(());
        }
        // After a crash, a change may come before the sweep that announces the account. Consumers
        // must not see a change before the registration.
        self.announce(chance, now_ms)?;
        (self.name, self.language) = (name, language);
        self.push_state(UPDATED, chance, now_ms)
    }

    /// Adds an event with the current state, after the one about the registration.
    pub fn push_update(&mut self, chance: &Chance, now_ms: u64) -> Result<(), Full> {
        self.announce(chance, now_ms)?;
        self.push_state(UPDATED, chance, now_ms)
    }

    /// Requests a mail to this user about their account. Its content is sealed, because a link in
    /// it can be as sensitive as the password.
    pub fn request_mail(
        &mut self,
        template: &str,
        variables: &Value,
        chance: &Chance,
        now_ms: u64,
    ) -> Result<(), Full> {
        self.announce(chance, now_ms)?;
        let number = self.outbox.sequence_of(&self.id) + 1;
        let request_id = format!("{}:{template}:{number}", self.id);
        let members =
            json!({"template": template, "variables": variables, "request_id": request_id});
        let data = json!({"user_id": self.id});
        self.push_sealed(MAIL, data, &members, chance, now_ms)
    }

    /// Ends all sessions and all pending authorization codes.
    pub fn end_sessions(&mut self, now_ms: u64) {
        // Including those of this millisecond.
        self.sessions_from_ms = self.sessions_from_ms.max(now_ms.saturating_add(1));
    }

    /// Erases the personal data, with the key that seals it in events, and publishes the deletion.
    /// Only the id and the number of the last event are left.
    pub fn delete(&mut self, now_ms: u64) -> Result<(), Full> {
        if self.is_deleted() {
            return Ok(());
        }
        let data = json!({"user_id": self.id});
        self.push(DELETED, data, now_ms)?;
        self.deleted_at_ms = Some(now_ms);
        self.sessions_from_ms = u64::MAX;
        (self.email, self.name, self.language, self.password_hash) = Default::default();
        self.roles.clear();
        self.resets = Resets::default();
        self.person_key = None;
        Ok(())
    }

    /// Whether the account was deleted.
    pub fn is_deleted(&self) -> bool {
        self.deleted_at_ms.is_some()
    }

    /// The key that seals this user's data in events; `None` if nothing was sealed yet or the
    /// account was deleted.
    pub fn person_key(&self) -> Option<&str> {
        self.person_key.as_deref()
    }

    fn push_state(&mut self, kind: &str, chance: &Chance, at_ms: u64) -> Result<(), Full> {
        let members = json!({
            "email": self.email.as_str(),
            "name": self.name,
            "language": self.language,
        });
        let data = json!({"user_id": self.id, "roles": self.roles});
        self.push_sealed(kind, data, &members, chance, at_ms)
    }

    fn push_sealed(
        &mut self,
        kind: &str,
        mut data: Value,
        members: &Value,
        chance: &Chance,
        at_ms: u64,
    ) -> Result<(), Full> {
        let unsealable = || Full("the data can't be sealed".to_owned());
        let (fresh, prefix) = chance.split_at(KEY_BYTES);
        let text = self.person_key.get_or_insert_with(|| base64url(fresh)).clone();
        let key: PersonKey = array_from_base64url(&text).ok_or_else(unsealable)?;
        let number = self.outbox.sequence_of(&self.id) + 1;
        let mut nonce = [0; NONCE_BYTES];
        nonce[..NONCE_PREFIX_BYTES].copy_from_slice(prefix);
        nonce[NONCE_PREFIX_BYTES..].copy_from_slice(&number.to_be_bytes());
        let sealed = sealed::seal(&key, &nonce, &self.id, members).ok_or_else(unsealable)?;
        data[sealed::MEMBER] = Value::String(sealed);
        self.push(kind, data, at_ms)
    }

    fn push(&mut self, kind: &str, data: Value, at_ms: u64) -> Result<(), Full> {
        let (source, kind) = (SOURCE.to_owned(), kind.to_owned());
        self.outbox.push(Draft { source, kind, subject: self.id.clone(), at_ms, data })
    }

    /// Whether the user has this role.
    pub fn has(&self, role: &str) -> bool {
        self.roles.iter().any(|held| held == role)
    }
}

/// Whether this has the form of a BCP 47 tag (`en`, `pt-BR`, `zh-Hant-TW`).
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
