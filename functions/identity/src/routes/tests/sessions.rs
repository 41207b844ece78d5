//! Signing out everywhere.

use super::oauth::{VERIFIER, code_for, redeem};
use super::*;
use crate::service::Error;

async fn signed_in(shop: &Shop) -> Answer {
    shop.register("ada@example.org").await;
    shop.sign_in("ada@example.org", "correct horse").await
}

async fn end_all(shop: &Shop, session: &Answer) -> Answer {
    shop.call("DELETE", "/api/v1/sessions", &session.member("access_token"), json!({})).await
}

async fn code(shop: &Shop) -> String {
    code_for(shop, "ada@example.org", "correct horse", "openid").await
}

#[tokio::test]
async fn signing_out_everywhere_ends_sessions_on_all_devices() {
    let shop = Shop::new();
    let session = signed_in(&shop).await;
    let elsewhere = shop.sign_in("ada@example.org", "correct horse").await;
    let tokens = redeem(&shop, &code(&shop).await, VERIFIER).await;
    let answer = end_all(&shop, &session).await;
    assert_eq!(answer.status, 204, "{}", answer.text);
    for ended in [&session, &elsewhere] {
        let refused = shop.refresh(&ended.member("refresh_token")).await;
        assert_eq!(refused.json()["error"], "invalid_grant");
    }
    let token = tokens.member("refresh_token");
    let fields =
        [("grant_type", "refresh_token"), ("refresh_token", &*token), ("client_id", "app")];
    assert_eq!(shop.form("/oauth2/token", &fields).await.json()["error"], "invalid_grant");

    let again = shop.sign_in("ada@example.org", "correct horse").await;
    assert_eq!(shop.refresh(&again.member("refresh_token")).await.status, 200);
    assert_eq!(redeem(&shop, &code(&shop).await, VERIFIER).await.status, 200);
}

#[tokio::test]
async fn a_pending_code_opens_no_session_afterwards() {
    let shop = Shop::new();
    let session = signed_in(&shop).await;
    let code = code(&shop).await;
    assert_eq!(end_all(&shop, &session).await.status, 204);
    assert_eq!(redeem(&shop, &code, VERIFIER).await.json()["error"], "invalid_grant");
}

#[tokio::test]
async fn a_concurrent_sign_in_opens_no_session_and_may_be_repeated() {
    let shop = Shop::new();
    let session = signed_in(&shop).await;
    let email = Email::parse("ada@example.org").unwrap();
    let user = shop.identity().sign_in(Some(&email), "correct horse").await.unwrap();
    assert_eq!(end_all(&shop, &session).await.status, 204);
    let refused = shop.identity().open_session(&user).await.err();
    assert!(matches!(refused, Some(Error::Store(_))), "{refused:?}");
    let user = shop.identity().sign_in(Some(&email), "correct horse").await.unwrap();
    assert!(shop.identity().open_session(&user).await.is_ok());
}

#[tokio::test]
async fn after_a_crash_at_any_step_all_sessions_continue_or_none() {
    for operations in 0..6 {
        let shop = Shop::new();
        let session = signed_in(&shop).await;
        let elsewhere = shop.sign_in("ada@example.org", "correct horse").await;
        let token = session.member("access_token");
        let me = shop.get("/api/v1/users/me", Some(&token)).await.member("id");
        let dying = chassis::store::FailingStore::after(operations, shop.store.clone());
        let ended = Identity::new(dying, shop.environment.clone()).end_sessions(&me).await;
        let mut statuses = Vec::new();
        for one in [&session, &elsewhere] {
            statuses.push(shop.refresh(&one.member("refresh_token")).await.status.as_u16());
        }
        let expected = if ended.is_ok() { 400 } else { 200 };
        assert_eq!(statuses, [expected; 2], "after {operations} operations");
    }
}

#[tokio::test]
async fn a_deleted_account_has_no_sessions_to_end() {
    let shop = Shop::new();
    let session = signed_in(&shop).await;
    let token = session.member("access_token");
    let body = json!({"password": "correct horse"});
    assert_eq!(shop.call("DELETE", "/api/v1/users/me", &token, body).await.status, 204);
    assert_eq!(end_all(&shop, &session).await.status, 401);
    for (method, path) in
        [("GET", "/api/v1/users/me/applications"), ("DELETE", "/api/v1/users/me/applications/app")]
    {
        assert_eq!(shop.call(method, path, &token, json!({})).await.status, 401, "{path}");
    }
    assert!(!shop.has_key("grants/"), "no grants were created again");
    assert_eq!(shop.call("DELETE", "/api/v1/sessions", "x.y.z", json!({})).await.status, 401);
}
