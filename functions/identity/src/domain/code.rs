//! Authorization codes with PKCE (RFC 6749 section 4.1, RFC 7636).

use super::secret::{Secret, array_from_base64url, base64url, equal, parts, sha256};
use serde::{Deserialize, Serialize};
use std::fmt;

/// How long a code is valid. Milliseconds.
pub const CODE_LIFETIME_MS: u64 = 60_000;
/// How long a used code is remembered, so that a second use is detected. Milliseconds.
pub const CODE_MEMORY_MS: u64 = 3600 * 1000;

/// A code as clients hold it: `user.code.secret`.
#[derive(Clone, PartialEq, Eq)]
pub struct CodeToken {
    pub user_id: String,
    pub code_id: String,
    secret: Secret,
}

impl CodeToken {
    /// Parses a code; `None` if its form is invalid.
    pub fn parse(text: &str) -> Option<Self> {
        let [user_id, code_id, secret] = parts(text)?;
        let (user_id, code_id) = (user_id.to_owned(), code_id.to_owned());
        Some(Self { user_id, code_id, secret: Secret::parse(secret)? })
    }
}

impl fmt::Display for CodeToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.user_id, self.code_id, self.secret)
    }
}

/// The request of an application to act for a user.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authorization {
    pub client_id: String,
    pub redirect_uri: String,
    /// base64url of SHA-256 of the verifier.
    pub code_challenge: String,
    /// Space-separated.
    pub scope: String,
    pub nonce: Option<String>,
}

/// What the user agreed to when the code was created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreement {
    #[serde(flatten)]
    pub authorization: Authorization,
    /// When the password was verified, in milliseconds since the Unix epoch.
    pub authenticated_at_ms: u64,
}

/// A code as it is stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Code {
    pub id: String,
    hash: String,
    pub agreement: Agreement,
    expires_at_ms: u64,
    /// The family that was started with it.
    family_id: Option<String>,
}

/// The parameters of a client that redeems a code.
#[derive(Clone, Copy, Debug)]
pub struct Redemption<'a> {
    pub client_id: &'a str,
    pub redirect_uri: &'a str,
    pub code_verifier: &'a str,
}

/// Why a code was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such code, or it is bound to another client, redirect URI or verifier. The code
    /// stays valid: guesses must not invalidate it.
    Unknown,
    Expired,
    /// It was used before. The family that it started must end.
    Reused {
        family_id: String,
    },
}

impl Code {
    /// A new code for a user who has just signed in, and the token for the client.
    pub fn new(
        id: String,
        user_id: &str,
        authorization: Authorization,
        secret: [u8; 32],
        now_ms: u64,
    ) -> (Self, CodeToken) {
        let agreement = Agreement { authorization, authenticated_at_ms: now_ms };
        let (hash, expires_at_ms) = (Secret(secret).hash(), now_ms + CODE_LIFETIME_MS);
        let (user_id, secret) = (user_id.to_owned(), Secret(secret));
        let token = CodeToken { user_id, code_id: id.clone(), secret };
        (Self { id, hash, agreement, expires_at_ms, family_id: None }, token)
    }

    /// Uses the code to start this family.
    pub fn redeem(
        &mut self,
        token: &CodeToken,
        redemption: &Redemption<'_>,
        family_id: &str,
        now_ms: u64,
    ) -> Result<Agreement, Refusal> {
        let authorization = &self.agreement.authorization;
        let bound = token.secret.has_hash(&self.hash)
            && redemption.client_id == authorization.client_id
            && redemption.redirect_uri == authorization.redirect_uri;
        if !bound {
            return Err(Refusal::Unknown);
        }
        if let Some(family_id) = self.family_id.clone() {
            return Err(Refusal::Reused { family_id });
        }
        if now_ms >= self.expires_at_ms {
            return Err(Refusal::Expired);
        }
        if !verifies(redemption.code_verifier, &authorization.code_challenge) {
            return Err(Refusal::Unknown);
        }
        self.family_id = Some(family_id.to_owned());
        Ok(self.agreement.clone())
    }

    /// Whether it can be forgotten.
    pub fn is_forgettable(&self, now_ms: u64) -> bool {
        let memory_ms = if self.family_id.is_some() { CODE_MEMORY_MS } else { 0 };
        now_ms >= self.expires_at_ms + memory_ms
    }
}

/// Whether this is an S256 challenge: the base64url of 32 bytes.
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
    use super::*;

    // RFC 7636 appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    const REDEMPTION: Redemption<'_> =
        Redemption { client_id: "app", redirect_uri: "https://a/cb", code_verifier: VERIFIER };

    fn code() -> (Code, CodeToken) {
        let authorization = Authorization {
            client_id: "app".into(),
            redirect_uri: "https://a/cb".into(),
            code_challenge: CHALLENGE.into(),
            scope: "openid".into(),
            nonce: None,
        };
        Code::new("cod_1".into(), "usr_1", authorization, [5; 32], 0)
    }

    #[test]
    fn a_code_is_bound_to_client_redirect_uri_and_verifier_and_survives_guesses() {
        let (mut code, token) = code();
        let token = CodeToken::parse(&token.to_string()).unwrap();
        let plain = Redemption { code_verifier: CHALLENGE, ..REDEMPTION };
        let short = Redemption { code_verifier: "", ..REDEMPTION };
        let client = Redemption { client_id: "other", ..REDEMPTION };
        let address = Redemption { redirect_uri: "https://a/cb/", ..REDEMPTION };
        for wrong in [plain, short, client, address] {
            assert_eq!(code.redeem(&token, &wrong, "fam_1", 1), Err(Refusal::Unknown), "{wrong:?}");
        }
        let mut guessed = token.clone();
        guessed.secret = Secret([0; 32]);
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
