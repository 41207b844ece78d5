//! Password reset by mail: a token that can be used once and expires.
//!
//! Only hashes of tokens are stored, so that a leaked value reveals no token. Several tokens can be
//! valid, because a mail may be late and the user may request another one.

use super::secret::{Secret, parts};
use serde::{Deserialize, Serialize};
use std::fmt;

/// How long a token is valid. Milliseconds.
pub const RESET_LIFETIME_MS: u64 = 30 * 60 * 1000;
/// The maximum number of valid tokens of one account. No more mails are sent then.
pub const RESETS_MAX: usize = 3;

/// A token as it is in the mail: `user.secret`.
#[derive(Clone, PartialEq, Eq)]
pub struct ResetToken {
    pub user_id: String,
    secret: Secret,
}

impl ResetToken {
    /// A token for this user, of random bytes.
    pub fn new(user_id: &str, secret: [u8; 32]) -> Self {
        Self { user_id: user_id.to_owned(), secret: Secret(secret) }
    }

    /// Parses a token; `None` if its form is invalid.
    pub fn parse(text: &str) -> Option<Self> {
        let [user_id, secret] = parts(text)?;
        Some(Self { user_id: user_id.to_owned(), secret: Secret::parse(secret)? })
    }
}

impl fmt::Display for ResetToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.user_id, self.secret)
    }
}

/// The tokens of one account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Resets(Vec<Reset>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Reset {
    hash: String,
    expires_at_ms: u64,
}

impl Resets {
    /// Whether there are no tokens.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a token; false if [`RESETS_MAX`] are already valid.
    pub fn add(&mut self, token: &ResetToken, now_ms: u64) -> bool {
        self.0.retain(|reset| now_ms < reset.expires_at_ms);
        if self.0.len() >= RESETS_MAX {
            return false;
        }
        self.0.push(Reset { hash: token.secret.hash(), expires_at_ms: now_ms + RESET_LIFETIME_MS });
        true
    }

    /// Whether this token is valid.
    pub fn has(&self, token: &ResetToken, now_ms: u64) -> bool {
        let is_valid = |reset: &Reset| now_ms < reset.expires_at_ms;
        self.0.iter().any(|reset| is_valid(reset) && token.secret.has_hash(&reset.hash))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_expire_and_their_number_is_bounded() {
        let mut resets = Resets::default();
        let token = |n| ResetToken::new("usr_1", [n; 32]);
        for n in 0..3 {
            assert!(resets.add(&token(n), u64::from(n)));
        }
        assert!(!resets.add(&token(3), 3));
        assert!(resets.has(&token(0), RESET_LIFETIME_MS - 1) && !resets.has(&token(3), 3));
        assert!(!resets.has(&token(0), RESET_LIFETIME_MS));
        assert!(resets.add(&token(3), RESET_LIFETIME_MS), "the first has expired");
    }
}
