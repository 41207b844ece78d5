//! Signing keys and their rotation.
//!
//! A key has four phases. It is *published* but does not sign yet, so that all caches of the key
//! set get it. It *signs*. When its successor signs, it is still *accepted*, because tokens that it
//! signed are still valid. Then it is *removed*. The phases follow from the creation times of the
//! keys in a ring.

use super::secret::{array_from_base64url, base64url, sha256};
use ed25519_dalek::{Signer as _, SigningKey};
use serde::{Deserialize, Serialize};

/// An Ed25519 key as it is stored. The seed is secret: only [`KeyRecord::signer`] reads it, and no
/// response contains it.
#[derive(Clone, Serialize, Deserialize)]
pub struct KeyRecord {
    /// The RFC 7638 thumbprint of the public key, so that different keys have different names.
    pub kid: String,
    /// The public key, 32 bytes in base64url.
    pub x: String,
    seed: String,
    /// Milliseconds since the Unix epoch.
    pub created_at_ms: u64,
}

/// The time after which a key is replaced. Milliseconds.
pub const KEY_LIFETIME_MS: u64 = 30 * 24 * 3600 * 1000;
/// How long a key is published before it signs: longer than caches keep the set. Milliseconds.
pub const KEY_AHEAD_MS: u64 = 2 * 3600 * 1000;
/// How long a key is accepted after its successor has started to sign: longer than the lifetime of
/// any token. Milliseconds.
pub const KEY_BEHIND_MS: u64 = 3600 * 1000;
/// The maximum number of keys.
pub const KEYS_MAX: usize = 8;

/// All published keys, newest first.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct KeyRing {
    pub keys: Vec<KeyRecord>,
}

impl KeyRing {
    /// The current signing key: the newest one that has been published for long enough, or else the
    /// oldest key.
    pub fn signing(&self, now_ms: u64) -> Option<&KeyRecord> {
        let ready = |key: &&KeyRecord| now_ms.saturating_sub(key.created_at_ms) >= KEY_AHEAD_MS;
        self.keys.iter().find(ready).or(self.keys.last())
    }

    /// Whether a published key does not sign yet.
    pub fn has_successor(&self, now_ms: u64) -> bool {
        let newest = self.keys.first().map(|key| &key.kid);
        newest != self.signing(now_ms).map(|key| &key.kid)
    }

    /// Whether a new key is due.
    pub fn is_due(&self, now_ms: u64) -> bool {
        let newest = self.keys.first();
        newest.is_none_or(|key| now_ms.saturating_sub(key.created_at_ms) >= KEY_LIFETIME_MS)
    }

    /// Publishes a key; false if there are [`KEYS_MAX`].
    pub fn add(&mut self, key: KeyRecord) -> bool {
        let has_room = self.keys.len() < KEYS_MAX;
        if has_room {
            self.keys.insert(0, key);
        }
        has_room
    }

    /// Whether there is a key that is no longer needed.
    pub fn has_outlived(&self, now_ms: u64) -> bool {
        self.needed(now_ms) < self.keys.len()
    }

    /// Removes keys that are no longer needed.
    pub fn retire(&mut self, now_ms: u64) {
        self.keys.truncate(self.needed(now_ms));
    }

    /// How many of the newest keys are needed: all until the successor of a key has signed so long
    /// that all tokens of older keys have expired.
    fn needed(&self, now_ms: u64) -> usize {
        let alone = |key: &KeyRecord| {
            now_ms.saturating_sub(key.created_at_ms) >= KEY_AHEAD_MS + KEY_BEHIND_MS
        };
        self.keys.iter().position(alone).map_or(self.keys.len(), |index| index + 1)
    }
}

/// A key that can sign.
pub struct Signer {
    /// For the header of what is signed.
    pub kid: String,
    key: SigningKey,
}

impl KeyRecord {
    /// The key that is derived from 32 random bytes.
    pub fn from_seed(seed: &[u8; 32], created_at_ms: u64) -> Self {
        let x = base64url(SigningKey::from_bytes(seed).verifying_key().as_bytes());
        Self { kid: thumbprint(&x), x, seed: base64url(seed), created_at_ms }
    }

    /// The key for signing; `None` if the record is damaged.
    pub fn signer(&self) -> Option<Signer> {
        let key = SigningKey::from_bytes(&array_from_base64url(&self.seed)?);
        let intact = base64url(key.verifying_key().as_bytes()) == self.x;
        intact.then(|| Signer { kid: self.kid.clone(), key })
    }
}

impl Signer {
    /// The 64 bytes of the signature.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }
}

/// RFC 7638 with the members of RFC 8037 section 2, in lexicographic order.
fn thumbprint(x: &str) -> String {
    base64url(&sha256(format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#).as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_key_is_its_thumbprint() {
        // RFC 8037 appendix A.2 and A.3.
        let seed = array_from_base64url("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
        let record = KeyRecord::from_seed(&seed, 0);
        assert_eq!(record.x, "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        assert_eq!(record.kid, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    fn key(number: u8, created_at_ms: u64) -> KeyRecord {
        KeyRecord::from_seed(&[number; 32], created_at_ms)
    }

    fn names(ring: &KeyRing) -> Vec<&str> {
        ring.keys.iter().map(|key| key.kid.as_str()).collect()
    }

    #[test]
    fn a_key_is_published_before_it_signs_and_accepted_afterwards() {
        let (old, new) = (key(1, 0), key(2, KEY_LIFETIME_MS));
        let mut ring = KeyRing { keys: vec![old.clone()] };
        assert_eq!(ring.signing(0).unwrap().kid, old.kid, "the first signs at once");
        assert!(!ring.is_due(KEY_LIFETIME_MS - 1) && ring.is_due(KEY_LIFETIME_MS));
        assert!(ring.add(new.clone()));
        assert!(!ring.is_due(KEY_LIFETIME_MS));

        let begins_ms = KEY_LIFETIME_MS + KEY_AHEAD_MS;
        assert_eq!(ring.signing(begins_ms - 1).unwrap().kid, old.kid);
        assert!(ring.has_successor(begins_ms - 1));
        assert_eq!(ring.signing(begins_ms).unwrap().kid, new.kid);
        assert!(!ring.has_successor(begins_ms));

        let ends_ms = begins_ms + KEY_BEHIND_MS;
        ring.retire(ends_ms - 1);
        assert_eq!(names(&ring), [&new.kid, &old.kid]);
        assert!(ring.has_outlived(ends_ms));
        ring.retire(ends_ms);
        assert_eq!(names(&ring), [&new.kid]);
        ring.retire(u64::MAX);
        assert_eq!(names(&ring), [&new.kid], "one is always left");
    }

    #[test]
    fn the_number_of_keys_is_bounded() {
        let mut ring = KeyRing { keys: vec![key(0, 0)] };
        let added = (1..=20).filter(|number| ring.add(key(*number, u64::from(*number)))).count();
        assert_eq!((added, ring.keys.len()), (KEYS_MAX - 1, KEYS_MAX));
    }

    #[test]
    fn a_damaged_record_signs_nothing() {
        let mut record = KeyRecord::from_seed(&[1; 32], 0);
        assert!(record.signer().is_some());
        record.x = KeyRecord::from_seed(&[2; 32], 0).x;
        assert!(record.signer().is_none());
    }
}
