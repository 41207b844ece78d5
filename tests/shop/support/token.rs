//! Verification of tokens with the published keys.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, VerifyingKey};
use serde_json::Value;

/// A published key (RFC 8037).
pub(crate) struct JsonWebKey {
    kid: String,
    key: VerifyingKey,
}

impl JsonWebKey {
    pub(crate) fn read(key: &Value) -> Self {
        let x = URL_SAFE_NO_PAD.decode(key["x"].as_str().expect("x")).expect("base64url");
        let x = x.try_into().expect("32 bytes");
        let key_of = VerifyingKey::from_bytes(&x).expect("a point of the curve");
        Self { kid: key["kid"].as_str().expect("kid").to_owned(), key: key_of }
    }
}

/// Header and claims of a token that one of the keys has signed.
pub(crate) fn claims(token: &str, keys: &[JsonWebKey]) -> Option<(Value, Value)> {
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let json =
        |part: &str| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).ok()?).ok();
    let header = json(header)?;
    let key = keys.iter().find(|key| header["kid"] == key.kid.as_str())?;
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    let signature = Signature::from_slice(&signature).ok()?;
    key.key.verify_strict(signed.as_bytes(), &signature).ok()?;
    Some((header, json(claims)?))
}
