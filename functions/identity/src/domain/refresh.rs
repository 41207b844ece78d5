//! Refresh tokens that rotate, in families.
//!
//! Each use of a refresh token returns its successor, and the family (all tokens that follow from
//! one sign-in) stores only the hash of the current token. There are three requirements:
//!
//! - A leaked store must not reveal tokens: only hashes are stored.
//! - A client that lost the response repeats its request and must get *the same* successor: it is
//!   derived from its predecessor and the family's key, so it can be computed again from the
//!   request.
//! - The use of an older token of the family means that the token was copied, and ends the family.
//!   A forged token must not end it: each token has a tag, which proves that it is genuine without
//!   a list of all tokens.

use super::client::FIRST_PARTY;
use super::secret::{Secret, array_from_base64url, base64url, equal, hmac, parts};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The maximum age of a family. Milliseconds.
pub const FAMILY_LIFETIME_MS: u64 = 90 * 24 * 3600 * 1000;
/// A family that was not used for this long ends. Milliseconds.
pub const FAMILY_IDLE_MS: u64 = 30 * 24 * 3600 * 1000;
/// How long after a rotation the predecessor can be used again. Milliseconds.
pub const GRACE_MS: u64 = 10_000;
const TAG_BYTES: usize = 16;

/// A token as clients hold it: `user.family.generation.secret.tag`.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken {
    pub user_id: String,
    pub family_id: String,
    generation: u32,
    secret: Secret,
    tag: [u8; TAG_BYTES],
}

impl RefreshToken {
    /// Parses a token; `None` if its form is invalid.
    pub fn parse(text: &str) -> Option<Self> {
        let [user_id, family_id, generation, secret, tag] = parts(text)?;
        Some(Self {
            user_id: user_id.to_owned(),
            family_id: family_id.to_owned(),
            generation: generation.parse().ok()?,
            secret: Secret::parse(secret)?,
            tag: array_from_base64url(tag)?,
        })
    }
}

impl fmt::Display for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { user_id, family_id, generation, secret, tag } = self;
        write!(f, "{user_id}.{family_id}.{generation}.{secret}.{}", base64url(tag))
    }
}

/// A session: all tokens that follow from one sign-in.
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

/// Why a refresh token was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such token, or it was issued to another client. Nothing changed.
    Unknown,
    /// The family has expired, was idle for too long, or was revoked.
    Ended,
    /// The token was used before, so it was copied. The family has been revoked.
    Reused,
}

impl Family {
    /// A new family of this user and its first token, from 64 random bytes.
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
            current: Secret(secret).hash(),
            previous: None,
            created_at_ms: now_ms,
            rotated_at_ms: now_ms,
            revoked: false,
        };
        let token = family.token(&key, user_id, 0, Secret(secret));
        (family, token)
    }

    /// Exchanges a token for its successor. [`Refusal::Reused`] changes the family, which must be
    /// stored like after a success.
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
        let generation = token.generation.wrapping_add(1);
        let secret = hmac(&key, &[b"successor", &token.generation.to_be_bytes(), &token.secret.0]);
        let successor = self.token(&key, &token.user_id, generation, Secret(secret));
        if token.generation == self.generation && token.secret.has_hash(&self.current) {
            self.generation = generation;
            self.previous = Some(token.secret.hash());
            self.current = successor.secret.hash();
            self.rotated_at_ms = now_ms;
            return Ok(successor);
        }
        let immediate = generation == self.generation
            && self.previous.as_ref().is_some_and(|hash| token.secret.has_hash(hash));
        if immediate && now_ms.saturating_sub(self.rotated_at_ms) <= GRACE_MS {
            return Ok(successor);
        }
        self.revoked = true;
        Err(Refusal::Reused)
    }

    /// Ends the family if the token is a genuine one of it, of any generation.
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

    /// Whether it has ended.
    pub fn has_ended(&self, now_ms: u64) -> bool {
        self.revoked
            || now_ms.saturating_sub(self.created_at_ms) >= FAMILY_LIFETIME_MS
            || now_ms.saturating_sub(self.rotated_at_ms) >= FAMILY_IDLE_MS
    }

    /// The family's key, if the token was created with it.
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
        secret: Secret,
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
        secret: &Secret,
    ) -> [u8; TAG_BYTES] {
        let generation = generation.to_be_bytes();
        let mac =
            hmac(key, &[b"tag", user_id.as_bytes(), self.id.as_bytes(), &generation, &secret.0]);
        let mut tag = [0; TAG_BYTES];
        tag.copy_from_slice(&mac[..TAG_BYTES]);
        tag
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn family() -> (Family, RefreshToken) {
        Family::start("fam_1".into(), "usr_1", None, String::new(), &[9; 64], 1_000)
    }

    #[test]
    fn a_token_round_trips() {
        let (_, token) = family();
        let text = token.to_string();
        assert!(text.len() <= super::super::secret::TOKEN_BYTES_MAX);
        assert!(RefreshToken::parse(&text).unwrap() == token);
        for other in ["", ".", "a.b.c.d.e", &format!("{text}."), &text[1..text.len() - 1]] {
            assert!(RefreshToken::parse(other).is_none_or(|read| read != token), "{other}");
        }
    }

    #[test]
    fn a_repeated_request_gets_the_same_successor() {
        let (mut family, first) = family();
        let second = family.rotate(&first, None, 2_000).unwrap();
        let again = family.rotate(&first, None, 2_000 + GRACE_MS).unwrap();
        assert!(second == again);
        assert!(family.rotate(&second, None, 13_000).is_ok());
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
    fn forged_tokens_do_not_end_a_family() {
        let (mut family, first) = family();
        let second = family.rotate(&first, None, 2_000).unwrap();
        let mut forged = first.clone();
        forged.secret = Secret([0; 32]);
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
    fn families_end_when_they_are_idle_or_too_old() {
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
