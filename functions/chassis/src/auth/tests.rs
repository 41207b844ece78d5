#![allow(clippy::unwrap_used)]
use super::testing::Issuer;
use super::*;
use serde_json::{Value, json};

const NOW_S: u64 = 1_800_000_000;

fn trusted() -> KeySet {
    Issuer::new().key_set()
}

fn good_header() -> Value {
    json!({"alg": "EdDSA", "typ": "at+jwt", "kid": "k1"})
}

fn good_claims() -> Value {
    json!({
        "iss": "https://shop.test", "aud": "shop", "sub": "usr_1", "jti": "t1",
        "iat": NOW_S, "exp": NOW_S + 900, "roles": ["admin"], "scope": "shop orders",
    })
}

fn sign(header: &str, claims: &str) -> String {
    Issuer::new().sign_text(header, claims)
}

fn with_header(name: &str, value: Value) -> String {
    let mut header = good_header();
    header[name] = value;
    sign(&header.to_string(), &good_claims().to_string())
}

fn with_claim(name: &str, value: Value) -> String {
    let mut claims = good_claims();
    claims[name] = value;
    sign(&good_header().to_string(), &claims.to_string())
}

fn check(token: &str) -> Result<Caller, TokenError> {
    verify(token, &trusted(), NOW_S, &ProofMemo::new())
}

#[test]
fn a_good_token_proves_its_caller() {
    let caller = check(&sign(&good_header().to_string(), &good_claims().to_string())).unwrap();
    assert_eq!(caller.user_id, "usr_1");
    assert!(caller.is_admin());
    assert_eq!(caller.scopes, ["shop", "orders"]);
    assert!(check(&with_claim("aud", json!(["other", "shop"]))).is_ok());
    assert!(check(&with_header("typ", json!("application/AT+JWT"))).is_ok());
    assert!(check(&with_header("alg", json!("Ed25519"))).is_ok(), "RFC 9864");
}

#[test]
fn only_the_signature_is_cached() {
    let (memo, token) =
        (ProofMemo::new(), sign(&good_header().to_string(), &good_claims().to_string()));
    let look = |token: &str, trusted: &KeySet, now_s| verify(token, trusted, now_s, &memo);
    for _ in 0..2 {
        assert!(look(&token, &trusted(), NOW_S).is_ok());
    }
    assert_eq!(look(&token, &trusted(), NOW_S + 900), Err(TokenError::Expired));
    let withdrawn = KeySet { keys: Vec::new(), ..trusted() };
    assert_eq!(look(&token, &withdrawn, NOW_S), Err(TokenError::Key));
    let mut replaced = trusted();
    replaced.keys[0].x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo".to_owned();
    assert_eq!(look(&token, &replaced, NOW_S), Err(TokenError::Signature));
    let moved = KeySet { audience: "elsewhere".to_owned(), ..trusted() };
    assert_eq!(look(&token, &moved, NOW_S), Err(TokenError::Audience));
    let (signed, _) = token.rsplit_once('.').unwrap();
    let other = with_claim("sub", json!("usr_2"));
    let (_, other) = other.rsplit_once('.').unwrap();
    for _ in 0..2 {
        let forged = format!("{signed}.{other}");
        assert_eq!(look(&forged, &trusted(), NOW_S), Err(TokenError::Signature));
    }
}

#[test]
fn headers_of_known_exploits_are_refused() {
    for alg in ["none", "None", "HS256", "ES256", "eddsa", "ed25519", "Ed448", ""] {
        assert_eq!(check(&with_header("alg", json!(alg))), Err(TokenError::Algorithm), "{alg}");
    }
    for typ in [json!("JWT"), json!("id+jwt"), Value::Null, json!(1)] {
        assert_eq!(check(&with_header("typ", typ)), Err(TokenError::Type));
    }
    for kid in [json!("k2"), json!("../k1"), Value::Null] {
        assert_eq!(check(&with_header("kid", kid)), Err(TokenError::Key));
    }
    assert_eq!(check(&with_header("crit", json!(["exp"]))), Err(TokenError::Critical));
}

#[test]
fn an_unsigned_token_is_refused() {
    let header = json!({"alg": "none", "typ": "at+jwt", "kid": "k1"}).to_string();
    let token = sign(&header, &good_claims().to_string());
    let (signed, _) = token.rsplit_once('.').unwrap();
    assert_eq!(check(&format!("{signed}.")), Err(TokenError::Algorithm));
    let good = sign(&good_header().to_string(), &good_claims().to_string());
    let (signed, _) = good.rsplit_once('.').unwrap();
    assert_eq!(check(&format!("{signed}.")), Err(TokenError::Signature));
}

#[test]
fn a_token_signed_with_the_public_key_as_hmac_secret_is_refused() {
    // The classic confusion of RS256/EdDSA with HS256 can't happen: `alg` is fixed.
    assert_eq!(check(&with_header("alg", json!("HS256"))), Err(TokenError::Algorithm));
}

#[test]
fn claims_are_compared_and_times_checked() {
    assert_eq!(check(&with_claim("iss", json!("https://evil"))), Err(TokenError::Issuer));
    assert_eq!(check(&with_claim("aud", json!("other"))), Err(TokenError::Audience));
    assert_eq!(check(&with_claim("aud", json!([]))), Err(TokenError::Audience));
    assert_eq!(check(&with_claim("exp", json!(NOW_S))), Err(TokenError::Expired));
    assert_eq!(check(&with_claim("iat", json!(NOW_S + 31))), Err(TokenError::NotYet));
    assert_eq!(check(&with_claim("nbf", json!(NOW_S + 31))), Err(TokenError::NotYet));
    assert!(check(&with_claim("iat", json!(NOW_S + 30))).is_ok());
    for (name, value) in [
        ("exp", Value::Null),
        ("exp", json!("1800000900")),
        ("exp", json!(1e300)),
        ("sub", json!("")),
        ("jti", Value::Null),
        ("roles", json!("admin")),
        ("roles", json!([1])),
        ("scope", json!(["a"])),
        ("iss", Value::Null),
    ] {
        assert_eq!(check(&with_claim(name, value)), Err(TokenError::Claims), "{name}");
    }
}

#[test]
fn duplicate_members_are_refused() {
    let header = r#"{"alg":"EdDSA","typ":"at+jwt","kid":"k1","kid":"k1"}"#;
    assert_eq!(check(&sign(header, &good_claims().to_string())), Err(TokenError::Malformed));
    let claims = good_claims().to_string().replacen('{', r#"{"sub":"usr_2","#, 1);
    assert_eq!(check(&sign(&good_header().to_string(), &claims)), Err(TokenError::Malformed));
}

#[test]
fn any_change_of_any_character_is_refused() {
    let good = sign(&good_header().to_string(), &good_claims().to_string());
    for index in 0..good.len() {
        let mut edited = good.clone().into_bytes();
        edited[index] = if edited[index] == b'A' { b'B' } else { b'A' };
        assert!(check(&String::from_utf8(edited).unwrap()).is_err(), "character {index}");
    }
}

#[test]
fn texts_that_are_not_tokens_are_malformed() {
    let good = sign(&good_header().to_string(), &good_claims().to_string());
    let padded = format!("{good}==");
    let five_parts = format!("{good}.{good}");
    let long = "a".repeat(TOKEN_CHARS_MAX + 1);
    for text in ["", ".", "..", "a.b", "a.b.c", "é.é.é", &padded, &long, &five_parts] {
        assert_eq!(check(text), Err(TokenError::Malformed), "{text}");
    }
    let array = sign("[]", &good_claims().to_string());
    assert_eq!(check(&array), Err(TokenError::Malformed));
}

#[derive(Clone)]
struct State(KeySet);

impl AuthState for State {
    type Keys = KeySet;
    fn keys(&self) -> &KeySet {
        &self.0
    }
}

async fn admin(authorization: &[&str]) -> Result<Admin, Problem> {
    let mut request = http::Request::get("/");
    for value in authorization {
        request = request.header("authorization", *value);
    }
    let (mut parts, ()) = request.body(()).unwrap().into_parts();
    Admin::from_request_parts(&mut parts, &State(trusted())).await
}

#[tokio::test]
async fn the_extractors_answer_401_and_403_with_challenges() {
    use axum::response::IntoResponse;
    let good = format!("Bearer {}", Issuer::new().token("usr_1", &["admin"]));
    assert!(admin(&[&good]).await.is_ok());
    let customer = format!("bearer {}", Issuer::new().token("usr_1", &[]));
    for (headers, status, challenge) in [
        (vec![], 401, "Bearer realm"),
        (vec!["Basic YTpi"], 401, "Bearer realm"),
        (vec!["Bearer abc"], 401, "error=\"invalid_token\""),
        (vec![customer.as_str()], 403, "error=\"insufficient_scope\""),
    ] {
        let response = admin(&headers).await.unwrap_err().into_response();
        assert_eq!(response.status().as_u16(), status, "{headers:?}");
        let sent = response.headers()["www-authenticate"].to_str().unwrap();
        assert!(sent.contains(challenge), "{sent}");
    }
    assert_eq!(admin(&[&good, &good]).await.unwrap_err().status(), 400);
}

/// Returns old keys until its cache is dropped.
#[derive(Clone, Default)]
struct Stale(std::sync::Arc<std::sync::atomic::AtomicBool>);

impl KeySource for Stale {
    async fn current(&self) -> Result<KeySet, KeysUnavailable> {
        let old = KeySet { keys: Vec::new(), ..trusted() };
        Ok(if self.0.load(std::sync::atomic::Ordering::SeqCst) { trusted() } else { old })
    }

    fn forget(&self) -> bool {
        !self.0.swap(true, std::sync::atomic::Ordering::SeqCst)
    }
}

#[tokio::test]
async fn a_new_key_is_found_immediately() {
    let token = Issuer::new().token("usr_1", &[]);
    assert!(authenticate(&token, &Stale::default()).await.is_ok());
    let unknown = with_header("kid", json!("made-up"));
    assert_eq!(authenticate(&unknown, &Stale::default()).await.unwrap_err().status(), 401);
}

#[derive(Clone)]
struct NoKeys;

impl KeySource for NoKeys {
    async fn current(&self) -> Result<KeySet, KeysUnavailable> {
        Err(KeysUnavailable("gone".to_owned()))
    }
}

#[tokio::test]
async fn without_keys_every_token_is_refused() {
    let token = Issuer::new().token("usr_1", &["admin"]);
    assert_eq!(authenticate(&token, &NoKeys).await.unwrap_err().status(), 503);
}
