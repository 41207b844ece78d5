//! An issuer of access tokens for the tests of functions, on native targets only. Its private key is
//! in this file and is used nowhere else.

use super::{Key, KeySet};
use crate::clock::now_ms;
use data_encoding::BASE64URL_NOPAD;
use ed25519_dalek::{Signer, SigningKey};
use serde_json::{Value, json};

/// The lifetime of the tokens, in seconds.
const LIFETIME_S: u64 = 900;

/// Signs tokens that [`Issuer::key_set`] verifies.
#[derive(Clone, Debug)]
pub struct Issuer {
    key: SigningKey,
}

impl Default for Issuer {
    fn default() -> Issuer {
        Issuer::new()
    }
}

impl Issuer {
    /// Always the same key.
    pub fn new() -> Issuer {
        Issuer { key: SigningKey::from_bytes(&[7; 32]) }
    }

    /// The keys of its tokens; a [`super::KeySource`].
    pub fn key_set(&self) -> KeySet {
        let x = BASE64URL_NOPAD.encode(self.key.verifying_key().as_bytes());
        KeySet {
            issuer: "https://shop.test".to_owned(),
            audience: "shop".to_owned(),
            keys: vec![Key { kid: "k1".to_owned(), x }],
        }
    }

    /// A valid access token of this user, as the value after `Bearer `.
    pub fn token(&self, user_id: &str, roles: &[&str]) -> String {
        let now_s = now_ms() / 1_000;
        self.sign(
            &json!({"alg": "EdDSA", "typ": "at+jwt", "kid": "k1"}),
            &json!({
                "iss": "https://shop.test", "aud": "shop", "sub": user_id, "jti": "t1",
                "iat": now_s, "exp": now_s + LIFETIME_S, "roles": roles, "scope": "",
                "client_id": "shop",
            }),
        )
    }

    /// A valid access token of a third-party application. It claims a role, which real ones never
    /// do.
    pub fn client_token(&self, user_id: &str, client_id: &str, scope: &str) -> String {
        let now_s = now_ms() / 1_000;
        self.sign(
            &json!({"alg": "EdDSA", "typ": "at+jwt", "kid": "k1"}),
            &json!({
                "iss": "https://shop.test", "aud": "shop:clients", "sub": user_id, "jti": "t1",
                "iat": now_s, "exp": now_s + LIFETIME_S, "roles": ["admin"], "scope": scope,
                "client_id": client_id,
            }),
        )
    }

    /// Any header and claims, signed.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        self.sign_text(&header.to_string(), &claims.to_string())
    }

    /// Any texts as header and claims, signed.
    pub fn sign_text(&self, header: &str, claims: &str) -> String {
        let encode = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
        let signed = format!("{}.{}", encode(header.as_bytes()), encode(claims.as_bytes()));
        let signature = self.key.sign(signed.as_bytes()).to_bytes();
        format!("{signed}.{}", encode(&signature))
    }
}
