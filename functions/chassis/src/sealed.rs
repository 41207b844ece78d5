//! Personal data in events, sealed (encrypted) with a key of the user that identity stores.
//!
//! Events are copied to the log, its backups and dead letters. It is impossible to find all copies
//! when a user asks for erasure. So personal data is sealed, in the member `sealed` of an event's
//! data, and erasure deletes the key.
//!
//! Consumers open received events with [`readable`] and then see plain members. For a user who was
//! erased, it returns no event. Functions delete the personal data in their own stores when they
//! receive the event of the account deletion: [`forgotten`] reads it.
//!
//! XChaCha20-Poly1305: its nonces are long enough to be random. The user's id is authenticated as
//! associated data, so data that was sealed for one user can't be opened as another's.

use crate::events::Event;
use crate::problem::Problem;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Map, Value};
use std::future::Future;

/// Bytes of a person's key.
pub const KEY_BYTES: usize = 32;
/// Bytes of a nonce. A nonce is never used twice with one key.
pub const NONCE_BYTES: usize = 24;
/// The member of an event's data that is sealed.
pub const MEMBER: &str = "sealed";
/// The type of the event that is published when a user has deleted their account. Consumers must
/// erase their personal data.
pub const ACCOUNT_DELETED: &str = "com.shop.identity.user.deleted.v1";
/// The member that names the person.
const PERSON: &str = "user_id";
/// The longest id of a person that becomes part of a key, in bytes.
const PERSON_BYTES_MAX: usize = 100;

/// A person's key.
pub type PersonKey = [u8; KEY_BYTES];

/// Why an event can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// The key is unavailable. Repeating is safe.
    #[error("the user's key is unavailable: {0}")]
    Unavailable(String),
    /// The key is wrong, or the data is not a JSON object. Repeating does not help.
    #[error("the sealed data can't be opened")]
    Damaged,
}

/// The event of an account deletion does not name the user. Delivering it again does not help.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the event {0} does not name the user whose account was deleted")]
pub struct Nameless(pub String);

impl From<Nameless> for Problem {
    fn from(error: Nameless) -> Problem {
        eprintln!("{error}");
        Problem::unprocessable(Vec::new()).detail(error.to_string())
    }
}

/// The source of users' keys. In a component whose world imports `shop:identity/persons`,
/// `bindings::IdentityPersons`.
pub trait PersonKeys: Clone + Send + Sync + 'static {
    /// The key of this user; `None` if they were erased.
    fn key(
        &self,
        user_id: &str,
    ) -> impl Future<Output = Result<Option<PersonKey>, Unreadable>> + Send;
}

/// Seals the members; base64url of nonce and ciphertext. `None` if the cipher fails, which only
/// happens for terabytes of data.
pub fn seal(
    key: &PersonKey,
    nonce: &[u8; NONCE_BYTES],
    user_id: &str,
    members: &Value,
) -> Option<String> {
    let text = members.to_string();
    let payload = Payload { msg: text.as_bytes(), aad: user_id.as_bytes() };
    let cipher = XChaCha20Poly1305::new(key.into());
    let sealed = cipher.encrypt(XNonce::from_slice(nonce), payload).ok()?;
    Some(BASE64URL_NOPAD.encode(&[nonce.as_slice(), &sealed].concat()))
}

/// Opens sealed members.
fn open(key: &PersonKey, user_id: &str, sealed: &str) -> Option<Map<String, Value>> {
    let bytes = BASE64URL_NOPAD.decode(sealed.as_bytes()).ok()?;
    let (nonce, sealed) = bytes.split_at_checked(NONCE_BYTES)?;
    let payload = Payload { msg: sealed, aad: user_id.as_bytes() };
    let cipher = XChaCha20Poly1305::new(key.into());
    let text = cipher.decrypt(XNonce::from_slice(nonce), payload).ok()?;
    serde_json::from_slice(&text).ok()
}

/// Parses a key as contracts transport it: base64url without padding.
pub fn key_from_text(text: &str) -> Option<PersonKey> {
    BASE64URL_NOPAD.decode(text.as_bytes()).ok()?.try_into().ok()
}

/// The event with its sealed members opened; unchanged if it has none. `None` if they belong to a
/// user who was erased.
///
/// # Errors
/// See [`Unreadable`].
pub async fn readable(event: &Event, keys: &impl PersonKeys) -> Result<Option<Event>, Unreadable> {
    let Ok(Value::Object(mut data)) = serde_json::from_str(&event.data) else {
        return Ok(Some(event.clone()));
    };
    let Some(sealed) = data.remove(MEMBER) else { return Ok(Some(event.clone())) };
    let user_id = data.get(PERSON).and_then(Value::as_str).ok_or(Unreadable::Damaged)?;
    let Some(key) = keys.key(user_id).await? else { return Ok(None) };
    let opened = sealed.as_str().and_then(|sealed| open(&key, user_id, sealed));
    // Sealed members can't replace plain ones.
    let mut members = opened.ok_or(Unreadable::Damaged)?;
    members.append(&mut data);
    Ok(Some(Event { data: Value::Object(members).to_string(), ..event.clone() }))
}

/// The user to erase; `None` for events of other types.
///
/// # Errors
/// The event names no user, or its data names another one than its subject.
pub fn forgotten(event: &Event) -> Result<Option<String>, Nameless> {
    if event.kind != ACCOUNT_DELETED {
        return Ok(None);
    }
    let data: Value = serde_json::from_str(&event.data).unwrap_or_default();
    let named = data[PERSON].as_str().filter(|person| {
        event.subject.as_deref() == Some(*person) && (1..=PERSON_BYTES_MAX).contains(&person.len())
    });
    named.map(|person| Some(person.to_owned())).ok_or_else(|| Nameless(event.id.clone()))
}

/// Keys in memory, for tests of consumers.
#[cfg(any(test, feature = "testing"))]
#[derive(Clone, Debug, Default)]
pub struct MemoryKeys(
    std::sync::Arc<std::sync::Mutex<std::collections::BTreeMap<String, PersonKey>>>,
);

#[cfg(any(test, feature = "testing"))]
impl MemoryKeys {
    /// Sets or removes the key of a user.
    pub fn set(&self, user_id: &str, key: Option<PersonKey>) {
        let mut keys = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match key {
            Some(key) => keys.insert(user_id.to_owned(), key),
            None => keys.remove(user_id),
        };
    }
}

#[cfg(any(test, feature = "testing"))]
impl PersonKeys for MemoryKeys {
    async fn key(&self, user_id: &str) -> Result<Option<PersonKey>, Unreadable> {
        let keys = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Ok(keys.get(user_id).copied())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;
    use std::collections::BTreeMap;

    fn event(data: &Value) -> Event {
        Event {
            id: "usr_1.1".into(),
            source: "/shop/identity".into(),
            kind: "com.shop.identity.user.registered.v1".into(),
            subject: Some("usr_1".into()),
            time: None,
            data_content_type: None,
            data_schema: None,
            extensions: BTreeMap::new(),
            data: data.to_string(),
        }
    }

    fn sealed_for(user_id: &str) -> Event {
        let sealed = seal(&[1; 32], &[2; 24], "usr_1", &json!({"name": "Ada", "user_id": "x"}));
        let event = event(&json!({"user_id": user_id, "roles": [], "sealed": sealed}));
        assert!(!event.data.contains("Ada"));
        event
    }

    fn keys() -> MemoryKeys {
        let keys = MemoryKeys::default();
        keys.set("usr_1", Some([1; 32]));
        keys.set("usr_2", Some([1; 32]));
        keys.set("usr_3", Some([3; 32]));
        keys
    }

    #[tokio::test]
    async fn sealed_data_opens_only_with_the_users_key() {
        let opened = readable(&sealed_for("usr_1"), &keys()).await.unwrap().unwrap();
        let data: Value = serde_json::from_str(&opened.data).unwrap();
        assert_eq!(data, json!({"user_id": "usr_1", "roles": [], "name": "Ada"}));
        for other in ["usr_2", "usr_3"] {
            let damaged = readable(&sealed_for(other), &keys()).await;
            assert_eq!(damaged, Err(Unreadable::Damaged), "{other}");
        }
    }

    #[tokio::test]
    async fn without_the_key_there_is_no_event() {
        let keys = keys();
        keys.set("usr_1", None);
        assert_eq!(readable(&sealed_for("usr_1"), &keys).await, Ok(None));
    }

    #[test]
    fn only_an_account_deletion_names_a_user_to_erase() {
        let mut gone = event(&json!({"user_id": "usr_1"}));
        assert_eq!(forgotten(&gone), Ok(None), "it is another event");
        gone.kind = ACCOUNT_DELETED.to_owned();
        assert_eq!(forgotten(&gone), Ok(Some("usr_1".to_owned())));
        for data in ["{}", "", r#"{"user_id":"usr_2"}"#, r#"{"user_id":1}"#] {
            gone.data = data.to_owned();
            assert_eq!(forgotten(&gone), Err(Nameless("usr_1.1".to_owned())), "{data}");
        }
    }

    #[tokio::test]
    async fn unsealed_data_is_unchanged() {
        for data in [json!({"user_id": "usr_9", "name": "Ada"}), json!([])] {
            let event = event(&data);
            assert_eq!(readable(&event, &keys()).await, Ok(Some(event.clone())));
        }
    }
}
