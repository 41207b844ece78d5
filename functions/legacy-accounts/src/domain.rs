//! Access tokens for customers of the older shop.
//!
//! The profile is that of `identity`: RFC 9068, signed with Ed25519.

use chassis::auth::{ADMIN, Key, KeySet};
use data_encoding::BASE64URL_NOPAD;
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// How long a token is valid, in seconds.
pub const LIFETIME_S: u64 = 900;
/// Tokens of one user within this time are the same, in seconds, so that receivers verify the
/// signature once.
pub const SAME_S: u64 = 60;
/// The audience of tokens, as of `identity`.
const AUDIENCE: &str = "shop";
/// The role of customers.
pub const CUSTOMER: &str = "customer";

/// For whom a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A customer of the older shop.
    Customer(u64),
    /// The facade itself, to carry over what belongs to no customer.
    Carrier,
}

impl Subject {
    fn id(self) -> String {
        match self {
            Subject::Customer(number) => user_id(number),
            Subject::Carrier => user_id(0),
        }
    }

    fn role(self) -> &'static str {
        match self {
            Subject::Customer(_) => CUSTOMER,
            Subject::Carrier => ADMIN,
        }
    }
}

/// The id of a customer outside of the older shop.
pub fn user_id(customer: u64) -> String {
    chassis::id::numbered("usr", customer)
}

/// The customer with this id.
pub fn customer(user_id: &str) -> Option<u64> {
    chassis::id::number("usr", user_id)
}

/// Signs tokens.
#[derive(Clone)]
pub struct Issuer {
    issuer: String,
    key: SigningKey,
}

impl Issuer {
    /// The issuer with this name, whose key is derived from a secret.
    pub fn new(issuer: &str, secret: &str) -> Issuer {
        let digest =
            Sha256::new().chain_update("legacy-accounts\n").chain_update(secret).finalize();
        Issuer { issuer: issuer.to_owned(), key: SigningKey::from_bytes(&digest.into()) }
    }

    /// What tokens are verified with.
    pub fn key_set(&self) -> KeySet {
        let x = BASE64URL_NOPAD.encode(self.key.verifying_key().as_bytes());
        KeySet {
            issuer: self.issuer.clone(),
            audience: AUDIENCE.to_owned(),
            keys: vec![Key { kid: thumbprint(&x), x }],
        }
    }

    /// A token for this subject.
    pub fn token(&self, subject: Subject, now_s: u64) -> String {
        let issued_s = now_s - now_s % SAME_S;
        let id = subject.id();
        self.sign(&json!({
            "iss": self.issuer,
            "aud": AUDIENCE,
            "sub": id,
            "client_id": "legacy",
            "iat": issued_s,
            "exp": issued_s + LIFETIME_S,
            "jti": format!("{id}.{issued_s}"),
            "roles": [subject.role()],
        }))
    }

    fn sign(&self, claims: &Value) -> String {
        let x = BASE64URL_NOPAD.encode(self.key.verifying_key().as_bytes());
        let header = json!({"alg": "EdDSA", "typ": "at+jwt", "kid": thumbprint(&x)});
        let part = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
        let message = format!("{}.{}", part(&header), part(claims));
        let signature = self.key.sign(message.as_bytes()).to_bytes();
        format!("{message}.{}", BASE64URL_NOPAD.encode(&signature))
    }
}

/// RFC 7638 with the members of RFC 8037, section 2, in lexicographic order.
fn thumbprint(x: &str) -> String {
    let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    BASE64URL_NOPAD.encode(&Sha256::digest(members))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use chassis::auth::{ProofMemo, TokenError, verify};

    use super::*;

    const NOW_S: u64 = 1_769_860_830;

    fn issuer() -> Issuer {
        Issuer::new("http://shop.test", "a secret")
    }

    #[test]
    fn functions_accept_the_tokens() {
        let token = issuer().token(Subject::Customer(1001), NOW_S);
        let caller = verify(&token, &issuer().key_set(), NOW_S, &ProofMemo::new()).unwrap();
        assert_eq!(caller.user_id, "usr_00000000-0000-7000-8000-0000000003e9");
        assert_eq!((caller.is_admin(), caller.client), (false, None));
        let carrier = issuer().token(Subject::Carrier, NOW_S);
        let caller = verify(&carrier, &issuer().key_set(), NOW_S, &ProofMemo::new()).unwrap();
        assert!(caller.is_admin());
    }

    #[test]
    fn a_token_expires_and_fits_one_secret() {
        let token = issuer().token(Subject::Customer(1001), NOW_S);
        let later = verify(&token, &issuer().key_set(), NOW_S + LIFETIME_S, &ProofMemo::new());
        assert_eq!(later.unwrap_err(), TokenError::Expired);
        let other = Issuer::new("http://shop.test", "another secret").key_set();
        let other = verify(&token, &other, NOW_S, &ProofMemo::new());
        assert_eq!(other.unwrap_err(), TokenError::Key);
    }

    #[test]
    fn tokens_of_one_user_within_a_minute_are_the_same() {
        let token = |now_s| issuer().token(Subject::Customer(1001), now_s);
        assert_eq!(token(NOW_S), token(NOW_S + 29));
        assert_ne!(token(NOW_S), token(NOW_S + 30));
    }

    #[test]
    fn an_id_leads_back_to_its_customer() {
        assert_eq!(customer(&user_id(1001)), Some(1001));
        assert_eq!(customer(&chassis::id::new("usr")), None);
    }
}
