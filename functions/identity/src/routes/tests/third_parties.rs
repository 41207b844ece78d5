//! Access of third-party applications.

use super::oauth::{VERIFIER, code_for, redeem, show, submit};
use super::*;
use crate::domain::client::parse_clients;
use data_encoding::BASE64;

async fn with_ada() -> Shop {
    let shop = Shop::new();
    shop.register(ADA).await;
    shop
}

async fn tokens(shop: &Shop, scope: &str) -> Reply {
    let code = code_for(shop, ADA, PASSWORD, scope).await;
    redeem(shop, &code, VERIFIER).await
}

#[tokio::test]
async fn a_token_names_its_client_and_has_no_roles() {
    let shop = Shop::new();
    shop.set_admin(ROOT, "first password");
    let code = code_for(&shop, ROOT, "first password", "openid orders:read").await;
    let tokens = redeem(&shop, &code, VERIFIER).await;
    let access = tokens.member("access_token");
    let claims = part(&access, 1);
    assert_eq!(claims["aud"], "shop:clients");
    assert_eq!(claims["client_id"], "app");
    assert_eq!((&claims["scope"], &claims["roles"]), (&json!("openid orders:read"), &json!([])));
    for (method, path) in [
        ("PATCH", ME),
        ("DELETE", ME),
        ("POST", "/api/v1/users/me/password"),
        ("DELETE", "/api/v1/sessions"),
        ("GET", "/api/v1/users/me/applications"),
        ("GET", "/api/v1/admin/signing-keys"),
    ] {
        let response = shop.call(method, path, &access, json!({})).await;
        assert_eq!(response.status, 403, "{method} {path}");
        assert!(response.header("www-authenticate").contains("insufficient_scope"));
    }
    let token = tokens.member("refresh_token");
    let refreshed = shop.refresh_as(Some("app"), &token).await.member("access_token");
    assert_eq!(part(&refreshed, 1)["roles"], json!([]));
}

#[tokio::test]
async fn an_application_sees_only_granted_account_data() {
    let shop = with_ada().await;
    let me = async |scope: &str| {
        let access = tokens(&shop, scope).await.member("access_token");
        let response = shop.get(ME, Some(&access)).await;
        let members = response.json.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        (response.status, members.join(" "))
    };
    assert_eq!(me("openid").await, (200, "id".to_owned()));
    assert_eq!(me("openid email").await, (200, "email id".to_owned()));
    assert_eq!(me("openid profile").await, (200, "id language name".to_owned()));
    assert_eq!(me("email").await.0, 403);
}

#[tokio::test]
async fn refreshing_and_revoking_need_the_client() {
    let shop = with_ada().await;
    let refresh = tokens(&shop, "openid").await.member("refresh_token");
    let ask = async |path: &str, client: Option<&str>| {
        let mut fields =
            vec![("grant_type", "refresh_token"), ("refresh_token", &refresh), ("token", &refresh)];
        fields.extend(client.map(|client| ("client_id", client)));
        shop.form(path, &fields).await
    };
    for wrong in [None, Some("other"), Some("shop")] {
        assert_eq!(ask("/oauth2/token", wrong).await.json["error"], "invalid_grant");
        assert_eq!(ask("/oauth2/revoke", wrong).await.status, 200);
    }
    assert_eq!(ask("/oauth2/token", Some("app")).await.status, 200, "the session continues");
    assert_eq!(ask("/oauth2/revoke", Some("app")).await.status, 200);
    assert_eq!(ask("/oauth2/token", Some("app")).await.json["error"], "invalid_grant");
}

#[tokio::test]
async fn reduced_scopes_apply_from_the_next_refresh() {
    let shop = with_ada().await;
    let tokens = tokens(&shop, "openid email").await;
    let app = json!([{"client_id": "app", "redirect_uris": [CALLBACK], "scopes": ["openid"]}]);
    shop.settings().clients = parse_clients(&app.to_string()).unwrap();
    let token = tokens.member("refresh_token");
    let refreshed = shop.refresh_as(Some("app"), &token).await;
    assert_eq!(refreshed.member("scope"), "openid");
    assert_eq!(part(&refreshed.member("access_token"), 1)["scope"], "openid");
}

#[tokio::test]
async fn the_page_names_application_and_scopes_and_allows_denial() {
    let shop = with_ada().await;
    let page = show(&shop, &[]).await;
    assert!(page.text.contains("<strong>app</strong> asks to"), "{}", page.text);
    assert!(page.text.contains("<li>see your e-mail address</li>"), "{}", page.text);
    assert!(!page.text.contains("see your orders"));

    let response = submit(&shop, &[("decision", "deny")]).await;
    assert_eq!(response.status, 303);
    assert!(response.header("location").contains("error=access_denied"));
    let undecided = submit(&shop, &[("email", ADA), ("password", PASSWORD)]).await;
    assert_eq!(undecided.status, 400);
}

#[tokio::test]
async fn consent_is_listed_and_can_be_withdrawn() {
    let shop = with_ada().await;
    let own = shop.sign_in(ADA, PASSWORD).await.member("access_token");
    let refresh = tokens(&shop, "openid email").await.member("refresh_token");
    let path = "/api/v1/users/me/applications";
    let listed = shop.get(path, Some(&own)).await.json;
    assert_eq!(listed["items"][0]["client_id"], "app");
    assert_eq!(listed["items"][0]["scopes"], json!(["openid", "email"]));
    let withdrawn = shop.call("DELETE", &format!("{path}/app"), &own, json!({})).await;
    assert_eq!(withdrawn.status, 204);
    assert_eq!(shop.get(path, Some(&own)).await.json["items"], json!([]));
    assert_eq!(shop.refresh_as(Some("app"), &refresh).await.json["error"], "invalid_grant");
}

#[tokio::test]
async fn a_client_may_identify_itself_in_the_header() {
    let shop = with_ada().await;
    let ask = async |user: &str, code: &str| {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        let basic = format!("Basic {}", BASE64.encode(user.as_bytes()));
        send_form(&shop.client().with("authorization", &basic), "/oauth2/token", &fields).await
    };
    let code = code_for(&shop, ADA, PASSWORD, "openid").await;
    for user in ["app:secret", "stranger:"] {
        let refused = ask(user, &code).await;
        assert_eq!((refused.status, &refused.json["error"]), (401, &json!("invalid_client")));
        assert!(refused.header("www-authenticate").starts_with("Basic"), "{user}");
    }
    let tokens = ask("app:", &code).await;
    assert_eq!(tokens.status, 200, "{}", tokens.text);
}

#[tokio::test]
async fn a_duplicate_parameter_is_refused_in_json_too() {
    let shop = Shop::new();
    let body = r#"{"grant_type":"refresh_token","refresh_token":"a","refresh_token":"b"}"#;
    let client = shop.client().with("content-type", "application/json");
    let response = client.text("POST", "/oauth2/token", body).await;
    assert_eq!((response.status, &response.json["error"]), (400, &json!("invalid_request")));
}
