//! OAuth 2: refreshing, codes, revoking, the sign-in page.

use super::*;
use crate::domain::refresh::GRACE_MS;
use crate::domain::secret::{base64url, sha256};

pub(super) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

async fn signed_in() -> (Shop, Reply) {
    let shop = Shop::new();
    let session = shop.signed_in().await;
    (shop, session)
}

fn challenge() -> String {
    base64url(&sha256(VERIFIER.as_bytes()))
}

#[tokio::test]
async fn refreshing_rotates_and_reuse_ends_the_family() {
    let (shop, session) = signed_in().await;
    let first = session.member("refresh_token");
    let response = shop.refresh(&first).await;
    assert_eq!((response.status, response.header("cache-control")), (200, "no-store"));
    let second = response.member("refresh_token");
    assert_ne!(first, second);
    assert_eq!(shop.refresh(&first).await.member("refresh_token"), second, "a repeated request");

    shop.wait_ms(GRACE_MS + 1);
    let reused = shop.refresh(&first).await;
    assert_eq!(reused.expect(400)["error"], "invalid_grant");
    assert_eq!(shop.refresh(&second).await.json["error"], "invalid_grant");
    let other = shop.sign_in(ADA, PASSWORD).await.member("refresh_token");
    assert_eq!(shop.refresh(&other).await.status, 200, "other sessions continue");
}

#[tokio::test(flavor = "multi_thread")]
async fn refreshing_at_once_yields_one_successor() {
    let (shop, session) = signed_in().await;
    let (shop, token) = (Arc::new(shop), session.member("refresh_token"));
    let refresh = |_| {
        let (shop, token) = (shop.clone(), token.clone());
        async move { shop.refresh(&token).await.member("refresh_token") }
    };
    let mut successors = concurrently((0..16).map(refresh)).await;
    successors.dedup();
    assert_eq!(successors.len(), 1);
}

#[tokio::test]
async fn refresh_tokens_are_not_stored() {
    let (shop, session) = signed_in().await;
    let response = shop.refresh(&session.member("refresh_token")).await;
    for token in [session.member("refresh_token"), response.member("refresh_token")] {
        assert!(!shop.is_stored(token.split('.').nth(3).unwrap()).await);
    }
}

#[tokio::test]
async fn tokens_are_requested_with_forms_or_json() {
    let (shop, session) = signed_in().await;
    let token = session.member("refresh_token");
    let body = json!({"grant_type": "refresh_token", "refresh_token": token});
    assert_eq!(shop.post("/oauth2/token", body).await.status, 200);
    for (fields, error) in [
        (vec![], "invalid_request"),
        (vec![("grant_type", "password")], "unsupported_grant_type"),
        (vec![("grant_type", "refresh_token")], "invalid_request"),
        (vec![("grant_type", "refresh_token"), ("grant_type", "x")], "invalid_request"),
        (vec![("grant_type", "refresh_token"), ("refresh_token", "x")], "invalid_grant"),
    ] {
        let response = shop.form("/oauth2/token", &fields).await;
        assert_eq!(response.status, 400, "{fields:?}");
        assert_eq!(response.json["error"], error, "{fields:?}");
        assert_eq!(response.header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn a_revoked_session_has_ended_and_revoking_reveals_nothing() {
    let (shop, session) = signed_in().await;
    let other = shop.signed_in().await;
    let token = session.member("refresh_token");
    assert_eq!(shop.form("/oauth2/revoke", &[("token", "made.up")]).await.status, 200);
    assert_eq!(shop.form("/oauth2/revoke", &[("token", &token)]).await.status, 200);
    assert_eq!(shop.refresh(&token).await.json["error"], "invalid_grant");
    assert_eq!(shop.form("/oauth2/revoke", &[("token", &token)]).await.status, 200);
    assert_eq!(shop.refresh(&other.member("refresh_token")).await.status, 200, "another session");
    let access = session.member("access_token");
    let response = shop.form("/oauth2/revoke", &[("token", &access)]).await;
    assert_eq!(response.json["error"], "unsupported_token_type");
}

/// A request for authorization, with the value of `other` replaced.
pub(super) fn request<'a>(
    challenge: &'a str,
    other: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    let mut fields = vec![
        ("response_type", "code"),
        ("client_id", "app"),
        ("redirect_uri", CALLBACK),
        ("scope", "openid email"),
        ("state", "s\"<&"),
        ("nonce", "n-1"),
        ("code_challenge", challenge),
        ("code_challenge_method", "S256"),
    ];
    fields.retain(|(name, _)| other.iter().all(|(replaced, _)| replaced != name));
    fields.extend(other);
    fields
}

pub(super) async fn show(shop: &Shop, other: &[(&str, &str)]) -> Reply {
    let query = encoded(&request(&challenge(), other));
    shop.get(&format!("/oauth2/authorize?{query}"), None).await
}

pub(super) async fn submit(shop: &Shop, other: &[(&str, &str)]) -> Reply {
    shop.form("/oauth2/authorize", &request(&challenge(), other)).await
}

fn parameter(location: &str, name: &str) -> Option<String> {
    let (_, query) = location.split_once('?')?;
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

pub(super) async fn code_for(shop: &Shop, email: &str, password: &str, scope: &str) -> String {
    let other = [("scope", scope), ("decision", "allow"), ("email", email), ("password", password)];
    let response = submit(shop, &other).await;
    assert_eq!(response.status, 303, "{}", response.text);
    let location = response.header("location");
    assert!(location.starts_with("https://app.test/cb?code="), "{location}");
    assert_eq!(parameter(location, "state").unwrap(), "s\"<&");
    assert_eq!(parameter(location, "iss").unwrap(), ISSUER);
    parameter(location, "code").unwrap()
}

pub(super) async fn redeem(shop: &Shop, code: &str, verifier: &str) -> Reply {
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("client_id", "app"),
        ("redirect_uri", CALLBACK),
        ("code_verifier", verifier),
    ];
    shop.form("/oauth2/token", &fields).await
}

#[tokio::test]
async fn an_application_gets_tokens_for_a_code_once() {
    let (shop, _) = signed_in().await;
    let code = code_for(&shop, ADA, PASSWORD, "openid email").await;
    let wrong = redeem(&shop, &code, &"x".repeat(43)).await;
    assert_eq!(wrong.json["error"], "invalid_grant");
    let tokens = redeem(&shop, &code, VERIFIER).await;
    assert_eq!(tokens.json["scope"], "openid email", "{}", tokens.text);

    let id_token = tokens.member("id_token");
    let claims = part(&id_token, 1);
    assert_eq!((&claims["aud"], &claims["nonce"]), (&json!("app"), &json!("n-1")));
    assert_eq!(claims["email"], ADA);
    assert_eq!(claims.get("name"), None, "profile was not requested");
    assert_eq!(shop.get(ME, Some(&id_token)).await.status, 401, "no access token");
    let access = tokens.member("access_token");
    assert_eq!(shop.get(ME, Some(&access)).await.status, 200);

    let again = redeem(&shop, &code, VERIFIER).await;
    assert_eq!(again.json["error"], "invalid_grant");
    let refresh = tokens.member("refresh_token");
    assert_eq!(shop.refresh_as(Some("app"), &refresh).await.status, 400, "the session has ended");
}

#[tokio::test]
async fn the_form_escapes_values_and_has_a_content_security_policy() {
    let shop = Shop::new();
    let page = show(&shop, &[]).await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("value=\"s&quot;&lt;&amp;\""), "{}", page.text);
    assert!(page.text.contains("<label for=\"email\">"));
    let policy = page.header("content-security-policy");
    assert!(policy.contains("default-src 'none'"));
    assert!(policy.contains("form-action 'self' https://app.test;"), "{policy}");
    assert_eq!(page.header("x-frame-options"), "DENY");

    let email = ("email", "ada@example.org\"><script>");
    let refused = submit(&shop, &[email, ("password", "wrong"), ("decision", "allow")]).await;
    assert_eq!(refused.status, 403);
    assert!(refused.header("content-type").starts_with("text/html"));
    assert!(refused.text.contains("role=\"alert\""));
    assert!(!refused.text.contains("<script>") && !refused.text.contains("wrong"));
}

#[tokio::test]
async fn other_sites_cannot_send_the_form() {
    let (shop, _) = signed_in().await;
    let challenge = challenge();
    let fields = [("email", ADA), ("password", PASSWORD), ("decision", "allow")];
    for (site, status) in [("cross-site", 400), ("same-origin", 303)] {
        let client = shop.client().with("sec-fetch-site", site);
        let response = send_form(&client, "/oauth2/authorize", &request(&challenge, &fields)).await;
        assert_eq!(response.status, status, "{site}");
    }
}

#[tokio::test]
async fn there_is_no_redirect_to_an_unregistered_address() {
    let shop = Shop::new();
    for (name, value) in [
        ("redirect_uri", "https://app.test/cb/../x"),
        ("redirect_uri", "https://app.test/cb?x=1"),
        ("redirect_uri", "https://app.test/c"),
        ("redirect_uri", "https://evil.test/cb"),
        ("redirect_uri", ""),
        ("client_id", "other"),
    ] {
        let response = show(&shop, &[(name, value)]).await;
        assert_eq!(response.status, 400, "{name}={value}");
        assert_eq!(response.header("location"), "");
    }
}

#[tokio::test]
async fn other_errors_are_reported_to_the_application() {
    let shop = Shop::new();
    for (name, value, error) in [
        ("response_type", "token", "unsupported_response_type"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("code_challenge_method", "", "invalid_request"),
        ("code_challenge", "short", "invalid_request"),
        ("prompt", "none", "login_required"),
    ] {
        let response = show(&shop, &[(name, value)]).await;
        assert_eq!(response.status, 303, "{name}={value}");
        assert_eq!(parameter(response.header("location"), "error").unwrap(), error);
        assert_eq!(parameter(response.header("location"), "iss").unwrap(), ISSUER);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_requests_get_the_same_first_key_and_only_its_public_part() {
    let shop = Arc::new(Shop::new());
    let get = |_| {
        let shop = shop.clone();
        async move { shop.get("/.well-known/jwks.json", None).await.json }
    };
    let mut documents = concurrently((0..8).map(get)).await;
    documents.dedup();
    assert_eq!(documents.len(), 1);
    let key = documents[0]["keys"][0].as_object().unwrap();
    let members: Vec<_> = key.keys().map(String::as_str).collect();
    assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x"]);
}

#[tokio::test]
async fn discovery_names_endpoints_under_the_issuer() {
    let document = Shop::new().get("/.well-known/openid-configuration", None).await.json;
    assert_eq!(document["issuer"], ISSUER);
    assert_eq!(document["token_endpoint"], "https://shop.test/oauth2/token");
    assert_eq!(document["code_challenge_methods_supported"], json!(["S256"]));
}
