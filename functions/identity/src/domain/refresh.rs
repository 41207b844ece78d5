//! Refresh tokens that rotate, in families.
//!
//! Every use of a refresh token yields a successor, and the family (everything that grew
//! from one sign-in) remembers the hash of the current token only. Three demands meet here:
//!
//! - A stolen store must not yield tokens: only hashes are kept.
//! - A client whose answer was lost repeats its request and must get *the same* successor,
//!   not a second branch: a successor is derived from its predecessor and the family's key,
//!   so it can be made again from what the client sends.
//! - The use of any older token of the family means that somebody copied it, and ends the
//!   family; the use of a made-up one means nothing and must not end it: each token carries
//!   a tag by which a genuine one is known without a list of all that ever were.

use super::client::FIRST_PARTY;
use super::secret::{array_from_base64url, base64url, equal, hmac, sha256};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A family ends so long after its sign-in, however busy it is. Milliseconds.
pub const FAMILY_LIFETIME_MS: u64 = 90 * 24 * 3600 * 1000;
/// A family ends when nobody used it for so long. Milliseconds.
pub const FAMILY_IDLE_MS: u64 = 30 * 24 * 3600 * 1000;
/// For so long after a rotation the predecessor may be presented again. Milliseconds.
pub const GRACE_MS: u64 = 10_000;
/// Longest token that is looked at, in bytes.
pub const TOKEN_BYTES_MAX: usize = 256;

const TAG_BYTES: usize = 16;

/// A token as clients hold it: `user.family.generation.secret.tag`.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken {
    pub user_id: String,
    pub family_id: String,
    generation: u32,
    secret: [u8; 32],
    tag: [u8; TAG_BYTES],
}

impl RefreshToken {
    /// Reads a token; `None` if it has not the shape of one.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > TOKEN_BYTES_MAX {
            return None;
        }
        let mut parts = text.split('.');
        let token = Self {
            user_id: parts.next()?.to_owned(),
            family_id: parts.next()?.to_owned(),
            generation: parts.next()?.parse().ok()?,
            secret: array_from_base64url(parts.next()?)?,
            tag: array_from_base64url(parts.next()?)?,
        };
        parts.next().is_none().then_some(token)
    }
}

impl fmt::Display for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (secret, tag) = (base64url(&self.secret), base64url(&self.tag));
        write!(f, "{}.{}.{}.{secret}.{tag}", self.user_id, self.family_id, self.generation)
    }
}

/// Everything that grew from one sign-in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Family {
    pub id: String,
    /// The client that it was issued to; none for the shop's own pages.
    pub client_id: Option<String>,
    /// Space-separated.
    pub scope: String,
    key: String,
    generation: u32,
    current: String,
    /// Hash of the immediate predecessor.
    previous: Option<String>,
    pub(super) created_at_ms: u64,
    pub(super) rotated_at_ms: u64,
    pub(super) revoked: bool,
}

/// Why a refresh token yields nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No such token, or it was issued to another client. Nothing changed.
    Unknown,
    /// The family ended by its age, by idling or by being revoked.
    Ended,
    /// The token was used before: somebody has a copy. The family has been revoked.
    Reused,
}

impl Family {
    /// A new family of this user and its first token, grown from 64 random bytes.
    pub fn start(
        id: String,
        user_id: &str,
        client_id: Option<String>,
        scope: String,
        random: &[u8; 64],
        now_ms: u64,
    ) -> (Self, RefreshToken) {
        let (mut key, mut secret) = ([0; 32], [0; 32]);
        key.copy_from_slice(&random[..32]);
        secret.copy_from_slice(&random[32..]);
        let family = Self {
            id,
            client_id,
            scope,
            key: base64url(&key),
            generation: 0,
            current: base64url(&sha256(&secret)),
            previous: None,
            created_at_ms: now_ms,
            rotated_at_ms: now_ms,
            revoked: false,
        };
        let token = family.token(&key, user_id, 0, secret);
        (family, token)
    }

    /// Trades a token for its successor. [`Refusal::Reused`] has changed the family, which
    /// must be stored just like a success.
    pub fn rotate(
        &mut self,
        token: &RefreshToken,
        client_id: Option<&str>,
        now_ms: u64,
    ) -> Result<RefreshToken, Refusal> {
        let key = self.recognize(token).ok_or(Refusal::Unknown)?;
        if !self.is_of(client_id) {
            return Err(Refusal::Unknown);
        }
        if self.has_ended(now_ms) {
            return Err(Refusal::Ended);
        }
        let hash = base64url(&sha256(&token.secret));
        let generation = token.generation.wrapping_add(1);
        let secret = hmac(&key, &[b"successor", &token.generation.to_be_bytes(), &token.secret]);
        let successor = self.token(&key, &token.user_id, generation, secret);
        if token.generation == self.generation && equal(hash.as_bytes(), self.current.as_bytes()) {
            self.generation = generation;
            self.previous = Some(hash);
            self.current = base64url(&sha256(&secret));
            self.rotated_at_ms = now_ms;
            return Ok(successor);
        }
        let immediate = generation == self.generation
            && self.previous.as_ref().is_some_and(|seen| equal(seen.as_bytes(), hash.as_bytes()));
        if immediate && now_ms.saturating_sub(self.rotated_at_ms) <= GRACE_MS {
            return Ok(successor);
        }
        self.revoked = true;
        Err(Refusal::Reused)
    }

    /// Ends the family if the token is a genuine one of it, of whichever generation.
    pub fn revoke(&mut self, token: &RefreshToken) {
        if self.recognize(token).is_some() {
            self.revoked = true;
        }
    }

    /// Whether it was issued to this client. Third-party applications have to identify themselves
    /// (RFC 6749 section 6); the shop's own pages do not.
    pub fn is_of(&self, client_id: Option<&str>) -> bool {
        let own = client_id.filter(|id| *id != FIRST_PARTY);
        own == self.client_id.as_deref()
    }

    /// Is nothing to be had from it any more?
    pub fn has_ended(&self, now_ms: u64) -> bool {
        self.revoked
            || now_ms.saturating_sub(self.created_at_ms) >= FAMILY_LIFETIME_MS
            || now_ms.saturating_sub(self.rotated_at_ms) >= FAMILY_IDLE_MS
    }

    /// The family's key, if the token was made with it.
    fn recognize(&self, token: &RefreshToken) -> Option<[u8; 32]> {
        let key = array_from_base64url(&self.key)?;
        let tag = self.tag(&key, &token.user_id, token.generation, &token.secret);
        (token.family_id == self.id && equal(&tag, &token.tag)).then_some(key)
    }

    fn token(
        &self,
        key: &[u8; 32],
        user_id: &str,
        generation: u32,
        secret: [u8; 32],
    ) -> RefreshToken {
        let tag = self.tag(key, user_id, generation, &secret);
        let (user_id, family_id) = (user_id.to_owned(), self.id.clone());
        RefreshToken { user_id, family_id, generation, secret, tag }
    }

    fn tag(
        &self,
        key: &[u8; 32],
        user_id: &str,
        generation: u32,
        secret: &[u8; 32],
    ) -> [u8; TAG_BYTES] {
        let generation = generation.to_be_bytes();
        let mac = hmac(key, &[b"tag", user_id.as_bytes(), self.id.as_bytes(), &generation, secret]);
        let mut tag = [0; TAG_BYTES];
        tag.copy_from_slice(&mac[..TAG_BYTES]);
        tag
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn family() -> (Family, RefreshToken) {
        Family::start("fam_1".into(), "usr_1", None, String::new(), &[9; 64], 1_000)
    }

    #[test]
    fn a_token_survives_being_written_down() {
        let (_, token) = family();
        let text = token.to_string();
        assert!(text.len() <= TOKEN_BYTES_MAX);
        assert!(RefreshToken::parse(&text).unwrap() == token);
        for other in ["", ".", "a.b.c.d.e", &format!("{text}."), &text[1..text.len() - 1]] {
            assert!(RefreshToken::parse(other).is_none_or(|read| read != token), "{other}");
        }
    }

    #[test]
    fn a_lost_answer_is_repeated_with_the_same_successor() {
        let (mut family, first) = family();
        let second = family.rotate(&first, None, 2_000).unwrap();
        let again = family.rotate(&first, None, 2_000 + GRACE_MS).unwrap();
        assert!(second == again);
        assert!(family.rotate(&second, None, 13_000).is_ok());
    }

    #[test]
    fn the_grace_ends() {
        let (mut family, first) = family();
        let second = family.rotate(&first, None, 2_000).unwrap();
        let late = family.rotate(&first, None, 2_001 + GRACE_MS);
        assert_eq!(late.err(), Some(Refusal::Reused));
        assert_eq!(family.rotate(&second, None, 12_002).err(), Some(Refusal::Ended));
    }

    #[test]
    fn the_grace_covers_the_immediate_predecessor_only() {
        let (mut family, first) = family();
        let second = family.rotate(&first, None, 2_000).unwrap();
        let third = family.rotate(&second, None, 2_001).unwrap();
        assert_eq!(family.rotate(&first, None, 2_002).err(), Some(Refusal::Reused));
        assert_eq!(family.rotate(&third, None, 2_003).err(), Some(Refusal::Ended));
    }

    #[test]
    fn made_up_tokens_do_not_end_a_family() {
        let (mut family, first) = family();
        let second = family.rotate(&first, None, 2_000).unwrap();
        let mut forged = first.clone();
        forged.secret = [0; 32];
        let mut shifted = first.clone();
        shifted.generation = 7;
        let mut moved = first;
        moved.user_id = "usr_2".into();
        for token in [forged, shifted, moved] {
            assert_eq!(family.rotate(&token, None, 2_001).err(), Some(Refusal::Unknown));
            family.revoke(&token);
        }
        assert!(family.rotate(&second, None, 2_002).is_ok());
    }

    #[test]
    fn another_client_gets_nothing_and_breaks_nothing() {
        let client = Some("app".to_owned());
        let (mut family, first) =
            Family::start("fam_1".into(), "usr_1", client, String::new(), &[9; 64], 0);
        assert_eq!(family.rotate(&first, Some("other"), 1).err(), Some(Refusal::Unknown));
        assert_eq!(family.rotate(&first, None, 1).err(), Some(Refusal::Unknown));
        assert_eq!(family.rotate(&first, Some(FIRST_PARTY), 1).err(), Some(Refusal::Unknown));
        assert!(family.rotate(&first, Some("app"), 1).is_ok());
    }

    #[test]
    fn families_end_by_idling_and_by_age() {
        let (mut idle, token) = family();
        assert_eq!(idle.rotate(&token, None, 1_000 + FAMILY_IDLE_MS).err(), Some(Refusal::Ended));
        let (mut busy, mut token) = family();
        let mut now_ms = 1_000;
        while now_ms + FAMILY_IDLE_MS / 2 < 1_000 + FAMILY_LIFETIME_MS {
            now_ms += FAMILY_IDLE_MS / 2;
            token = busy.rotate(&token, None, now_ms).unwrap();
        }
        let end = busy.rotate(&token, None, 1_000 + FAMILY_LIFETIME_MS);
        assert_eq!(end.err(), Some(Refusal::Ended));
    }
}
