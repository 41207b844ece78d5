//! Access of third-party applications.

use super::oauth::{VERIFIER, code_for, redeem, request};
use super::*;
use crate::domain::secret::{base64url, from_base64url, sha256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

async fn signed_in(email: &str) -> Shop {
    let shop = Shop::new();
    shop.register(email).await;
    shop
}

fn claims_of(token: &str) -> Value {
    let claims = from_base64url(token.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice(&claims).unwrap()
}

async fn tokens(shop: &Shop, scope: &str) -> Answer {
    let code = code_for(shop, "ada@example.org", "correct horse", scope).await;
    redeem(shop, &code, VERIFIER).await
}

#[tokio::test]
async fn a_token_names_its_client_and_has_no_roles() {
    let shop = Shop::new();
    shop.set_admin("root@example.org", "first password");
    let code = code_for(&shop, "root@example.org", "first password", "openid orders:read").await;
    let tokens = redeem(&shop, &code, VERIFIER).await;
    let access = tokens.member("access_token");
    let claims = claims_of(&access);
    assert_eq!(claims["aud"], "shop:clients");
    assert_eq!(claims["client_id"], "app");
    assert_eq!((&claims["scope"], &claims["roles"]), (&json!("openid orders:read"), &json!([])));
    for (method, path) in [
        ("PATCH", "/api/v1/users/me"),
        ("DELETE", "/api/v1/users/me"),
        ("POST", "/api/v1/users/me/password"),
        ("DELETE", "/api/v1/sessions"),
        ("GET", "/api/v1/users/me/applications"),
        ("GET", "/api/v1/admin/signing-keys"),
    ] {
        let answer = shop.call(method, path, &access, json!({})).await;
        assert_eq!(answer.status, 403, "{method} {path}");
        assert!(answer.header("www-authenticate").contains("insufficient_scope"));
    }
    let token = tokens.member("refresh_token");
    let fields =
        [("grant_type", "refresh_token"), ("refresh_token", &*token), ("client_id", "app")];
    let refreshed = shop.form("/oauth2/token", &fields).await.member("access_token");
    assert_eq!(claims_of(&refreshed)["roles"], json!([]));
}

#[tokio::test]
async fn an_application_sees_only_granted_account_data() {
    let shop = signed_in("ada@example.org").await;
    let me = async |scope: &str| {
        let access = tokens(&shop, scope).await.member("access_token");
        let answer = shop.get("/api/v1/users/me", Some(&access)).await;
        let json = answer.json();
        let members = json.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        (answer.status.as_u16(), members.join(" "))
    };
    assert_eq!(me("openid").await, (200, "id".to_owned()));
    assert_eq!(me("openid email").await, (200, "email id".to_owned()));
    assert_eq!(me("openid profile").await, (200, "id language name".to_owned()));
    assert_eq!(me("email").await.0, 403);
}

#[tokio::test]
async fn refreshing_and_revoking_need_the_client() {
    let shop = signed_in("ada@example.org").await;
    let refresh = tokens(&shop, "openid").await.member("refresh_token");
    let ask = async |path: &str, client: Option<&str>| {
        let mut fields =
            vec![("grant_type", "refresh_token"), ("refresh_token", &refresh), ("token", &refresh)];
        fields.extend(client.map(|client| ("client_id", client)));
        shop.form(path, &fields).await
    };
    for wrong in [None, Some("other"), Some("shop")] {
        assert_eq!(ask("/oauth2/token", wrong).await.json()["error"], "invalid_grant");
        assert_eq!(ask("/oauth2/revoke", wrong).await.status, 200);
    }
    assert_eq!(ask("/oauth2/token", Some("app")).await.status, 200, "nothing was ended");
    assert_eq!(ask("/oauth2/revoke", Some("app")).await.status, 200);
    assert_eq!(ask("/oauth2/token", Some("app")).await.json()["error"], "invalid_grant");
}

#[tokio::test]
async fn reduced_scopes_apply_from_the_next_refresh() {
    let shop = signed_in("ada@example.org").await;
    let tokens = tokens(&shop, "openid email").await;
    *shop.environment.scopes.lock().unwrap() = Some(vec!["openid"]);
    let token = tokens.member("refresh_token");
    let fields =
        [("grant_type", "refresh_token"), ("refresh_token", &*token), ("client_id", "app")];
    let refreshed = shop.form("/oauth2/token", &fields).await;
    assert_eq!(refreshed.member("scope"), "openid");
    assert_eq!(claims_of(&refreshed.member("access_token"))["scope"], "openid");
}

#[tokio::test]
async fn the_page_names_application_and_scopes_and_allows_denial() {
    let shop = signed_in("ada@example.org").await;
    let challenge = base64url(&sha256(VERIFIER.as_bytes()));
    let fields = request(&challenge);
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish();
    let page = shop.get(&format!("/oauth2/authorize?{query}"), None).await;
    assert!(page.text.contains("<strong>app</strong> asks to"), "{}", page.text);
    assert!(page.text.contains("<li>see your e-mail address</li>"), "{}", page.text);
    assert!(!page.text.contains("see your orders"));

    let mut denied = fields.clone();
    denied.push(("decision", "deny"));
    let answer = shop.form("/oauth2/authorize", &denied).await;
    assert_eq!(answer.status, 303);
    assert!(answer.header("location").contains("error=access_denied"));
    let mut undecided = fields;
    undecided.extend([("email", "ada@example.org"), ("password", "correct horse")]);
    assert_eq!(shop.form("/oauth2/authorize", &undecided).await.status, 400);
}

#[tokio::test]
async fn consent_is_listed_and_can_be_withdrawn() {
    let shop = signed_in("ada@example.org").await;
    let own = shop.sign_in("ada@example.org", "correct horse").await.member("access_token");
    let refresh = tokens(&shop, "openid email").await.member("refresh_token");
    let path = "/api/v1/users/me/applications";
    let listed = shop.get(path, Some(&own)).await.json();
    assert_eq!(listed["items"][0]["client_id"], "app");
    assert_eq!(listed["items"][0]["scopes"], json!(["openid", "email"]));
    let withdrawn = shop.call("DELETE", &format!("{path}/app"), &own, json!({})).await;
    assert_eq!(withdrawn.status, 204);
    assert_eq!(shop.get(path, Some(&own)).await.json()["items"], json!([]));
    let fields =
        [("grant_type", "refresh_token"), ("refresh_token", &*refresh), ("client_id", "app")];
    assert_eq!(shop.form("/oauth2/token", &fields).await.json()["error"], "invalid_grant");
}

#[tokio::test]
async fn a_client_may_identify_itself_in_the_header() {
    let shop = signed_in("ada@example.org").await;
    let ask = async |user: &str, code: &str| {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("grant_type", "authorization_code"),
                ("code", code),
                ("redirect_uri", CALLBACK),
                ("code_verifier", VERIFIER),
            ])
            .finish();
        let request = Request::post("/oauth2/token")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("authorization", format!("Basic {}", STANDARD.encode(user)));
        shop.send(request.body(Body::from(body)).unwrap()).await
    };
    let code = code_for(&shop, "ada@example.org", "correct horse", "openid").await;
    for user in ["app:secret", "stranger:"] {
        let refused = ask(user, &code).await;
        assert_eq!(
            (refused.status.as_u16(), &refused.json()["error"]),
            (401, &json!("invalid_client"))
        );
        assert!(refused.header("www-authenticate").starts_with("Basic"), "{user}");
    }
    let tokens = ask("app:", &code).await;
    assert_eq!(tokens.status, 200, "{}", tokens.text);
}

#[tokio::test]
async fn a_duplicate_parameter_is_refused_in_json_too() {
    let shop = Shop::new();
    let body = r#"{"grant_type":"refresh_token","refresh_token":"a","refresh_token":"b"}"#;
    let request = Request::post("/oauth2/token").header("content-type", "application/json");
    let answer = shop.send(request.body(Body::from(body)).unwrap()).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["error"]), (400, &json!("invalid_request")));
}
