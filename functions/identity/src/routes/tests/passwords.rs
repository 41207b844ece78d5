//! Changing and resetting passwords.

use super::*;
use crate::domain::reset::RESET_LIFETIME_MS;

const NEW: &str = "four unrelated words here";

async fn change(shop: &Shop, token: &str, current: &str, new: &str) -> Reply {
    let body = json!({"current_password": current, "new_password": new});
    shop.call("POST", "/api/v1/users/me/password", token, body).await
}

/// Requests a reset. Returns the token of the newest mail.
async fn request_reset(shop: &Shop, email: &str) -> Option<String> {
    let response = shop.post("/api/v1/password-resets", json!({"email": email})).await;
    assert_eq!((response.status, response.json), (202, json!({})));
    shop.sweep().await;
    let link = shop.mails("password-reset").await.last()?["link"].as_str().unwrap().to_owned();
    let token = link.strip_prefix(&format!("{ISSUER}/reset?token=")).unwrap();
    Some(token.to_owned())
}

async fn reset(shop: &Shop, token: &str, new: &str) -> Reply {
    let path = format!("/api/v1/password-resets/{token}");
    shop.call("PUT", &path, "", json!({"new_password": new})).await
}

#[tokio::test]
async fn a_password_change_needs_the_password_and_ends_all_sessions() {
    let shop = Shop::new();
    let session = shop.signed_in().await;
    let elsewhere = shop.sign_in(ADA, PASSWORD).await;
    let token = session.member("access_token");
    assert_eq!(change(&shop, &token, "wrong horse!", NEW).await.status, 403);
    change(&shop, &token, PASSWORD, NEW).await.expect(204);
    for old in [&session, &elsewhere] {
        assert_eq!(shop.refresh(&old.member("refresh_token")).await.status, 400);
    }
    assert_eq!(shop.sign_in(ADA, PASSWORD).await.status, 401);
    let again = shop.sign_in(ADA, NEW).await;
    assert_eq!(shop.refresh(&again.member("refresh_token")).await.status, 200);
    assert_eq!(shop.mails("password-changed").await.len(), 1);
}

#[tokio::test]
async fn a_weak_new_password_is_refused() {
    let shop = Shop::new();
    let token = shop.token().await;
    for weak in ["password1", "short", ADA, "         "] {
        let problem = change(&shop, &token, PASSWORD, weak).await.expect(422);
        assert_eq!(problem["errors"][0]["pointer"], "/new_password", "{weak:?}");
    }
    let resets = request_reset(&shop, ADA).await.unwrap();
    assert_eq!(reset(&shop, &resets, "password1").await.status, 422);
    assert_eq!(reset(&shop, &resets, NEW).await.status, 204, "the token is still valid");
}

#[tokio::test]
async fn a_mail_resets_a_password_once_and_ends_all_sessions() {
    let shop = Shop::new();
    let session = shop.signed_in().await;
    let token = request_reset(&shop, " ADA@example.org ").await.unwrap();
    reset(&shop, &token, NEW).await.expect(204);
    assert_eq!(shop.sign_in(ADA, NEW).await.status, 200);
    assert_eq!(shop.sign_in(ADA, PASSWORD).await.status, 401);
    assert_eq!(shop.refresh(&session.member("refresh_token")).await.status, 400);
    let again = reset(&shop, &token, "another good choice of words").await;
    again.expect_problem(404, "reset-token-invalid");
}

#[tokio::test]
async fn expired_and_forged_reset_tokens_are_refused() {
    let shop = Shop::new();
    shop.signed_in().await;
    let token = request_reset(&shop, ADA).await.unwrap();
    let user_id = token.split('.').next().unwrap();
    let other = format!("{user_id}.{}", "A".repeat(43));
    for made_up in ["x", "usr_1.x", &other, &token[..token.len() - 1]] {
        assert_eq!(reset(&shop, made_up, NEW).await.status, 404, "{made_up}");
    }
    shop.wait_ms(RESET_LIFETIME_MS);
    assert_eq!(reset(&shop, &token, NEW).await.status, 404);
}

#[tokio::test]
async fn requests_do_not_reveal_whether_an_address_has_an_account() {
    let shop = Shop::new();
    shop.signed_in().await;
    let writes = async |email: &str| {
        let response = shop.post("/api/v1/password-resets", json!({"email": email})).await;
        let keys = shop.store.keys().len();
        (response.status, response.text, keys)
    };
    let known = writes(ADA).await;
    assert_eq!((known.0, known.1.as_str()), (202, "{}"));
    let unknown = writes("nobody@example.org").await;
    assert_eq!((unknown.0, &unknown.1), (known.0, &known.1));
    shop.sweep().await;
    assert_eq!(shop.mails("password-reset").await.len(), 1);
    let wrong = shop.post("/api/v1/password-resets", json!({"email": "nobody"})).await;
    assert_eq!(wrong.status, 422);
}

#[tokio::test]
async fn the_number_of_reset_mails_is_limited() {
    let shop = Shop::new();
    shop.signed_in().await;
    for _ in 0..10 {
        request_reset(&shop, ADA).await;
    }
    assert_eq!(shop.mails("password-reset").await.len(), crate::domain::reset::RESETS_MAX);
}

#[tokio::test]
async fn reset_tokens_are_not_stored() {
    let shop = Shop::new();
    shop.signed_in().await;
    let token = request_reset(&shop, ADA).await.unwrap();
    assert!(!shop.is_stored(token.split('.').nth(1).unwrap()).await);
    let events = shop.environment.log.events();
    assert!(events.iter().all(|event| !event.data.contains("ada@")), "personal data is sealed");
}

#[tokio::test]
async fn a_configured_password_cannot_be_changed_through_the_api() {
    let shop = Shop::new();
    shop.set_admin(ROOT, "first password");
    let session = shop.sign_in(ROOT, "first password").await;
    let token = session.member("access_token");
    let response = change(&shop, &token, "first password", NEW).await;
    response.expect_problem(409, "managed-account");
    assert_eq!(request_reset(&shop, ROOT).await, None);
    let gone = shop.call("DELETE", ME, &token, json!({"password": "first password"}));
    assert_eq!(gone.await.status, 409);
}

#[tokio::test]
async fn a_sign_in_that_overlaps_a_change_opens_no_session() {
    let shop = Shop::new();
    let token = shop.token().await;
    let email = Email::parse(ADA).unwrap();
    let user = shop.identity().sign_in(Some(&email), PASSWORD).await.unwrap();
    assert_eq!(change(&shop, &token, PASSWORD, NEW).await.status, 204);
    assert!(shop.identity().open_session(&user).await.is_err());
}

#[tokio::test]
async fn accounts_of_older_versions_can_be_read() {
    let shop = Shop::new();
    shop.signed_in().await;
    let key = shop.key("user/").unwrap();
    let mut user: Value = shop.store.read(&key).await.unwrap().unwrap();
    let members = user.as_object_mut().unwrap();
    for new in ["sessions_from_ms", "resets", "repeated_at_ms", "deleted_at_ms", "person_key"] {
        members.remove(new);
    }
    shop.store.write(&key, &user).await.unwrap();
    let token = shop.sign_in(ADA, PASSWORD).await.member("access_token");
    assert_eq!(change(&shop, &token, PASSWORD, NEW).await.status, 204);
    let events = shop.environment.log.events();
    assert_eq!(events.last().unwrap().kind, "com.shop.identity.user.mail.v1");
}

#[tokio::test]
async fn unreadable_values_do_not_stop_reset_mails() {
    let shop = Shop::new();
    shop.register(ADA).await;
    let asked = shop.post("/api/v1/password-resets", json!({"email": ADA})).await;
    assert_eq!(asked.status, 202);
    for key in ["registrations/0", "deletions/0", "keys"] {
        shop.store.set(key, b"?").await.unwrap();
    }
    assert_eq!(shop.post("/sweep", json!({})).await.status, 500, "the first error is returned");
    assert_eq!(shop.mails("password-reset").await.len(), 1);
}
