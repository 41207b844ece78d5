//! Access tokens: JWS compact form, EdDSA over Ed25519 (under its old and its new name), the profile of RFC 9068.
//!
//! Strict where libraries are often lenient, because each leniency has led to an exploit
//! somewhere: the algorithm is fixed (never taken from the token), `typ` must be `at+jwt`
//! (an ID token is not an access token), base64url has one spelling, an object with a member
//! twice is refused, and so is any `crit`.

use super::proof::{ProofMemo, proof};
use super::{Caller, KeySet};
use data_encoding::BASE64URL_NOPAD;
use ed25519_dalek::{Signature, VerifyingKey};
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, de};
use serde_json::{Map, Value};
use std::fmt;

/// The maximum length of a token, in characters.
pub const TOKEN_CHARS_MAX: usize = 4_096;
/// How far the issuer's clock may be ahead of this one, in seconds.
const SKEW_S: u64 = 30;

/// Why a token is refused. The texts are safe to show: they contain nothing about keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not three base64url parts with JSON objects in the first two.
    #[error("malformed")]
    Malformed,
    /// `alg` is neither EdDSA nor Ed25519, its name since RFC 9864.
    #[error("unexpected algorithm")]
    Algorithm,
    /// `typ` is not `at+jwt`.
    #[error("not an access token")]
    Type,
    /// The header has `crit`; no extension is supported.
    #[error("critical extensions are not understood")]
    Critical,
    /// `kid` is absent or not the id of a valid key.
    #[error("unknown key")]
    Key,
    /// The signature is not that of the key over this token.
    #[error("bad signature")]
    Signature,
    /// `iss` is another issuer.
    #[error("unexpected issuer")]
    Issuer,
    /// `aud` is another audience.
    #[error("unexpected audience")]
    Audience,
    /// `exp` has passed.
    #[error("expired")]
    Expired,
    /// `nbf` or `iat` lies in the future.
    #[error("not valid yet")]
    NotYet,
    /// A claim is absent or has the wrong type.
    #[error("missing or malformed claims")]
    Claims,
}

/// The caller of this token, at `now_s` seconds since the epoch. `memo` has the signatures that
/// were verified before; everything else is checked each time.
pub fn verify(
    token: &str,
    trusted: &KeySet,
    now_s: u64,
    memo: &ProofMemo,
) -> Result<Caller, TokenError> {
    if token.len() > TOKEN_CHARS_MAX || token.matches('.').count() != 2 {
        return Err(TokenError::Malformed);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
    let (header, claims) = signed.split_once('.').ok_or(TokenError::Malformed)?;
    let header = object(header)?;
    check_header(&header)?;
    let key = key(&header, trusted)?;
    let proof = proof(token, &key);
    if !memo.has(&proof) {
        check_signature(signed, signature, &key)?;
        memo.keep(proof);
    }
    caller(&object(claims)?, trusted, now_s)
}

fn check_header(header: &Map<String, Value>) -> Result<(), TokenError> {
    if !matches!(header.get("alg").and_then(Value::as_str), Some("EdDSA" | "Ed25519")) {
        return Err(TokenError::Algorithm);
    }
    let kind = header.get("typ").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
    if kind != "at+jwt" && kind != "application/at+jwt" {
        return Err(TokenError::Type);
    }
    if header.contains_key("crit") { Err(TokenError::Critical) } else { Ok(()) }
}

fn key(header: &Map<String, Value>, trusted: &KeySet) -> Result<[u8; 32], TokenError> {
    let kid = header.get("kid").and_then(Value::as_str).ok_or(TokenError::Key)?;
    let key = trusted.keys.iter().find(|key| key.kid == kid).ok_or(TokenError::Key)?;
    decode(&key.x).and_then(|bytes| bytes.try_into().ok()).ok_or(TokenError::Key)
}

/// `verify_strict` also refuses keys and signatures of small order, with which one signature
/// could fit many messages.
fn check_signature(signed: &str, signature: &str, key: &[u8; 32]) -> Result<(), TokenError> {
    let key = VerifyingKey::from_bytes(key).map_err(|_| TokenError::Key)?;
    let bytes = decode(signature).ok_or(TokenError::Malformed)?;
    let signature = Signature::from_slice(&bytes).map_err(|_| TokenError::Signature)?;
    key.verify_strict(signed.as_bytes(), &signature).map_err(|_| TokenError::Signature)
}

fn caller(claims: &Map<String, Value>, trusted: &KeySet, now_s: u64) -> Result<Caller, TokenError> {
    if text(claims, "iss")? != trusted.issuer {
        return Err(TokenError::Issuer);
    }
    let client = client(claims, &trusted.audience)?;
    check_times(claims, now_s)?;
    let roles = roles(claims)?;
    Ok(Caller {
        user_id: text(claims, "sub")?.to_owned(),
        // An application gets none of the user's roles: its scopes decide.
        roles: if client.is_some() { Vec::new() } else { roles },
        scopes: scopes(claims)?,
        client,
        token_id: text(claims, "jti")?.to_owned(),
    })
}

/// The audience of tokens for third-party applications: `shop:clients`, where `shop` is the
/// audience for the shop's own pages.
pub fn clients_audience(audience: &str) -> String {
    format!("{audience}:clients")
}

/// The third-party application that the token was issued to, if any.
fn client(claims: &Map<String, Value>, own: &str) -> Result<Option<String>, TokenError> {
    let audience = claims.get("aud");
    if has_audience(audience, &clients_audience(own)) {
        return Ok(Some(text(claims, "client_id")?.to_owned()));
    }
    if has_audience(audience, own) { Ok(None) } else { Err(TokenError::Audience) }
}

fn check_times(claims: &Map<String, Value>, now_s: u64) -> Result<(), TokenError> {
    let seconds = |name: &str| claims.get(name).and_then(Value::as_u64).ok_or(TokenError::Claims);
    if now_s >= seconds("exp")? {
        return Err(TokenError::Expired);
    }
    let not_before = if claims.contains_key("nbf") { seconds("nbf")? } else { 0 };
    if seconds("iat")?.max(not_before) > now_s.saturating_add(SKEW_S) {
        return Err(TokenError::NotYet);
    }
    Ok(())
}

fn has_audience(audience: Option<&Value>, wanted: &str) -> bool {
    match audience {
        Some(Value::String(one)) => one == wanted,
        Some(Value::Array(many)) => many.iter().any(|one| one.as_str() == Some(wanted)),
        _ => false,
    }
}

fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> Result<&'a str, TokenError> {
    let text = claims.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    text.ok_or(TokenError::Claims)
}

fn roles(claims: &Map<String, Value>) -> Result<Vec<String>, TokenError> {
    match claims.get("roles") {
        None => Ok(Vec::new()),
        Some(roles) => Vec::deserialize(roles).map_err(|_| TokenError::Claims),
    }
}

fn scopes(claims: &Map<String, Value>) -> Result<Vec<String>, TokenError> {
    match claims.get("scope") {
        None => Ok(Vec::new()),
        Some(Value::String(scope)) => {
            Ok(scope.split_ascii_whitespace().map(str::to_owned).collect())
        }
        Some(_) => Err(TokenError::Claims),
    }
}

/// Decodes base64url as in JOSE (RFC 7515): without padding, and only in its canonical form, so that
/// a token has only one text.
fn decode(text: &str) -> Option<Vec<u8>> {
    BASE64URL_NOPAD.decode(text.as_bytes()).ok()
}

fn object(part: &str) -> Result<Map<String, Value>, TokenError> {
    let bytes = decode(part).ok_or(TokenError::Malformed)?;
    let object: UniqueMembers =
        serde_json::from_slice(&bytes).map_err(|_| TokenError::Malformed)?;
    Ok(object.0)
}

/// A JSON object whose members all have different names. Parsers disagree on which of two
/// equal names counts, and so can be made to see different tokens.
struct UniqueMembers(Map<String, Value>);

impl<'de> Deserialize<'de> for UniqueMembers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<UniqueMembers, D::Error> {
        deserializer.deserialize_map(UniqueMembersVisitor)
    }
}

struct UniqueMembersVisitor;

impl<'de> Visitor<'de> for UniqueMembersVisitor {
    type Value = UniqueMembers;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object without duplicate members")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<UniqueMembers, A::Error> {
        let mut members = Map::new();
        while let Some((name, value)) = access.next_entry::<String, Value>()? {
            if members.insert(name, value).is_some() {
                return Err(de::Error::custom("duplicate member"));
            }
        }
        Ok(UniqueMembers(members))
    }
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn only_canonical_base64url_is_decoded() {
        assert_eq!(decode("TQ"), Some(b"M".to_vec()));
        for text in ["TR", "TQ==", "T", "T Q", "+/==", "TQ\n"] {
            assert_eq!(decode(text), None, "{text:?}");
        }
    }
}
