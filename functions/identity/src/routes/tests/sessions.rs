//! Signing out everywhere.

use super::oauth::{VERIFIER, code_for, redeem};
use super::*;
use crate::service::Error;

async fn end_all(shop: &Shop, session: &Reply) -> Reply {
    shop.call("DELETE", "/api/v1/sessions", &session.member("access_token"), json!({})).await
}

async fn code(shop: &Shop) -> String {
    code_for(shop, ADA, PASSWORD, "openid").await
}

#[tokio::test]
async fn signing_out_everywhere_ends_sessions_on_all_devices() {
    let shop = Shop::new();
    let session = shop.signed_in().await;
    let elsewhere = shop.sign_in(ADA, PASSWORD).await;
    let tokens = redeem(&shop, &code(&shop).await, VERIFIER).await;
    end_all(&shop, &session).await.expect(204);
    for ended in [&session, &elsewhere] {
        let refused = shop.refresh(&ended.member("refresh_token")).await;
        assert_eq!(refused.json["error"], "invalid_grant");
    }
    let token = tokens.member("refresh_token");
    assert_eq!(shop.refresh_as(Some("app"), &token).await.json["error"], "invalid_grant");

    let again = shop.sign_in(ADA, PASSWORD).await;
    assert_eq!(shop.refresh(&again.member("refresh_token")).await.status, 200);
    assert_eq!(redeem(&shop, &code(&shop).await, VERIFIER).await.status, 200);
}

#[tokio::test]
async fn a_pending_code_opens_no_session_afterwards() {
    let shop = Shop::new();
    let session = shop.signed_in().await;
    let code = code(&shop).await;
    assert_eq!(end_all(&shop, &session).await.status, 204);
    assert_eq!(redeem(&shop, &code, VERIFIER).await.json["error"], "invalid_grant");
}

#[tokio::test]
async fn a_concurrent_sign_in_opens_no_session_and_can_be_repeated() {
    let shop = Shop::new();
    let session = shop.signed_in().await;
    let email = Email::parse(ADA).unwrap();
    let user = shop.identity().sign_in(Some(&email), PASSWORD).await.unwrap();
    assert_eq!(end_all(&shop, &session).await.status, 204);
    let refused = shop.identity().open_session(&user).await.err();
    assert!(matches!(refused, Some(Error::Store(_))), "{refused:?}");
    let user = shop.identity().sign_in(Some(&email), PASSWORD).await.unwrap();
    assert!(shop.identity().open_session(&user).await.is_ok());
}

#[tokio::test]
async fn after_a_crash_at_any_step_all_sessions_continue_or_none() {
    for operations in 0..6 {
        let shop = Shop::new();
        let session = shop.signed_in().await;
        let elsewhere = shop.sign_in(ADA, PASSWORD).await;
        let token = session.member("access_token");
        let me = shop.get(ME, Some(&token)).await.member("id");
        let ended = shop.dying(operations).end_sessions(&me).await;
        let mut statuses = Vec::new();
        for one in [&session, &elsewhere] {
            statuses.push(shop.refresh(&one.member("refresh_token")).await.status);
        }
        let expected = if ended.is_ok() { 400 } else { 200 };
        assert_eq!(statuses, [expected; 2], "after {operations} operations");
    }
}

#[tokio::test]
async fn a_deleted_account_has_no_sessions_to_end() {
    let shop = Shop::new();
    let session = shop.signed_in().await;
    let token = session.member("access_token");
    let body = json!({"password": PASSWORD});
    assert_eq!(shop.call("DELETE", ME, &token, body).await.status, 204);
    assert_eq!(end_all(&shop, &session).await.status, 401);
    for (method, path) in
        [("GET", "/api/v1/users/me/applications"), ("DELETE", "/api/v1/users/me/applications/app")]
    {
        assert_eq!(shop.call(method, path, &token, json!({})).await.status, 401, "{path}");
    }
    assert!(!shop.has_key("grants/"), "no grants were created again");
    assert_eq!(shop.call("DELETE", "/api/v1/sessions", "x.y.z", json!({})).await.status, 401);
}
