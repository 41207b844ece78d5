//! Authorization codes with PKCE (RFC 6749 section 4.1, RFC 7636).

use super::secret::{array_from_base64url, base64url, equal, sha256};
use serde::{Deserialize, Serialize};
use std::fmt;

/// How long a code is good for. Milliseconds.
pub const CODE_LIFETIME_MS: u64 = 60_000;
/// How long a used code is remembered, so that a second use is noticed. Milliseconds.
pub const CODE_MEMORY_MS: u64 = 3600 * 1000;
/// Longest code that is looked at, in bytes.
const CODE_BYTES_MAX: usize = 256;

/// A code as clients hold it: `user.code.secret`.
#[derive(Clone, PartialEq, Eq)]
pub struct CodeToken {
    pub user_id: String,
    pub code_id: String,
    secret: [u8; 32],
}

impl CodeToken {
    /// Reads a code; `None` if it has not the shape of one.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > CODE_BYTES_MAX {
            return None;
        }
        let mut parts = text.split('.');
        let (user_id, code_id) = (parts.next()?.to_owned(), parts.next()?.to_owned());
        let secret = array_from_base64url(parts.next()?)?;
        parts.next().is_none().then_some(Self { user_id, code_id, secret })
    }
}

impl fmt::Display for CodeToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.user_id, self.code_id, base64url(&self.secret))
    }
}

/// What the person agreed to when the code was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreement {
    pub client_id: String,
    pub redirect_uri: String,
    /// base64url of SHA-256 of the verifier.
    pub code_challenge: String,
    /// Space-separated.
    pub scope: String,
    pub nonce: Option<String>,
    /// When the password was typed, milliseconds since the Unix epoch.
    pub authenticated_at_ms: u64,
}

/// A code as it is stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Code {
    pub id: String,
    hash: String,
    pub agreement: Agreement,
    expires_at_ms: u64,
    /// The family that its one use started.
    family_id: Option<String>,
}

/// What a client sends to redeem a code.
#[derive(Clone, Copy, Debug)]
pub struct Redemption<'a> {
    pub client_id: &'a str,
    pub redirect_uri: &'a str,
    pub code_verifier: &'a str,
}

/// Why a code yields nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No such code, or it is bound to another client, address or verifier. It is not used
    /// up by this: who guesses must not be able to spoil it.
    Unknown,
    Expired,
    /// It was used before. What it started must end.
    Reused {
        family_id: String,
    },
}

impl Code {
    /// A new code and what the client gets of it.
    pub fn new(
        id: String,
        user_id: &str,
        agreement: Agreement,
        secret: [u8; 32],
        now_ms: u64,
    ) -> (Self, CodeToken) {
        let token = CodeToken { user_id: user_id.to_owned(), code_id: id.clone(), secret };
        let hash = base64url(&sha256(&secret));
        let expires_at_ms = now_ms + CODE_LIFETIME_MS;
        (Self { id, hash, agreement, expires_at_ms, family_id: None }, token)
    }

    /// Uses the code up to start this family.
    pub fn redeem(
        &mut self,
        token: &CodeToken,
        redemption: &Redemption<'_>,
        family_id: &str,
        now_ms: u64,
    ) -> Result<Agreement, Refusal> {
        let hash = base64url(&sha256(&token.secret));
        let bound = equal(hash.as_bytes(), self.hash.as_bytes())
            && redemption.client_id == self.agreement.client_id
            && redemption.redirect_uri == self.agreement.redirect_uri;
        if !bound {
            return Err(Refusal::Unknown);
        }
        if let Some(family_id) = self.family_id.clone() {
            return Err(Refusal::Reused { family_id });
        }
        if now_ms >= self.expires_at_ms {
            return Err(Refusal::Expired);
        }
        if !verifies(redemption.code_verifier, &self.agreement.code_challenge) {
            return Err(Refusal::Unknown);
        }
        self.family_id = Some(family_id.to_owned());
        Ok(self.agreement.clone())
    }

    /// May it be forgotten?
    pub fn is_forgettable(&self, now_ms: u64) -> bool {
        let memory_ms = if self.family_id.is_some() { CODE_MEMORY_MS } else { 0 };
        now_ms >= self.expires_at_ms + memory_ms
    }
}

/// Is this an S256 challenge? It is the base64url of 32 bytes.
pub fn is_challenge(text: &str) -> bool {
    array_from_base64url::<32>(text).is_some()
}

/// RFC 7636 section 4.6, method S256.
fn verifies(verifier: &str, challenge: &str) -> bool {
    let unreserved = |c: u8| c.is_ascii_alphanumeric() || b"-._~".contains(&c);
    (43..=128).contains(&verifier.len())
        && verifier.bytes().all(unreserved)
        && equal(base64url(&sha256(verifier.as_bytes())).as_bytes(), challenge.as_bytes())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    // RFC 7636 appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    const REDEMPTION: Redemption<'_> =
        Redemption { client_id: "app", redirect_uri: "https://a/cb", code_verifier: VERIFIER };

    fn code() -> (Code, CodeToken) {
        let agreement = Agreement {
            client_id: "app".into(),
            redirect_uri: "https://a/cb".into(),
            code_challenge: CHALLENGE.into(),
            scope: "openid".into(),
            nonce: None,
            authenticated_at_ms: 0,
        };
        Code::new("cod_1".into(), "usr_1", agreement, [5; 32], 0)
    }

    #[test]
    fn a_code_is_good_once() {
        let (mut code, token) = code();
        let token = CodeToken::parse(&token.to_string()).unwrap();
        assert!(code.redeem(&token, &REDEMPTION, "fam_1", 1).is_ok());
        let again = code.redeem(&token, &REDEMPTION, "fam_2", 2);
        assert_eq!(again, Err(Refusal::Reused { family_id: "fam_1".into() }));
    }

    #[test]
    fn a_code_is_bound_to_client_address_and_verifier_and_survives_guesses() {
        let (mut code, token) = code();
        let plain = Redemption { code_verifier: CHALLENGE, ..REDEMPTION };
        let short = Redemption { code_verifier: "", ..REDEMPTION };
        let client = Redemption { client_id: "other", ..REDEMPTION };
        let address = Redemption { redirect_uri: "https://a/cb/", ..REDEMPTION };
        for wrong in [plain, short, client, address] {
            assert_eq!(code.redeem(&token, &wrong, "fam_1", 1), Err(Refusal::Unknown), "{wrong:?}");
        }
        let mut guessed = token.clone();
        guessed.secret = [0; 32];
        assert_eq!(code.redeem(&guessed, &REDEMPTION, "fam_1", 1), Err(Refusal::Unknown));
        assert!(code.redeem(&token, &REDEMPTION, "fam_1", 1).is_ok());
    }

    #[test]
    fn a_code_expires_and_is_remembered_only_when_used() {
        let (mut unused, token) = code();
        let late = unused.redeem(&token, &REDEMPTION, "fam_1", CODE_LIFETIME_MS);
        assert_eq!(late, Err(Refusal::Expired));
        assert!(unused.is_forgettable(CODE_LIFETIME_MS));
        let (mut used, token) = code();
        used.redeem(&token, &REDEMPTION, "fam_1", 1).unwrap();
        assert!(!used.is_forgettable(CODE_LIFETIME_MS));
        assert!(used.is_forgettable(CODE_LIFETIME_MS + CODE_MEMORY_MS));
    }
}
