//! Changing an account, and the published events.

use super::*;
use crate::service::REGISTRATION_AGE_MS;

#[tokio::test]
async fn a_registration_and_each_change_are_published_once_and_in_order() {
    let shop = Shop::new();
    let token = shop.token().await;
    let response = shop.patch(&token, None, json!({"language": "pt-BR"})).await;
    assert_eq!((response.status, response.member("language")), (200, "pt-BR".to_owned()));
    assert_eq!(response.member("name"), "Ada", "what is left out stays");
    shop.patch(&token, None, json!({"name": " Ada L. "})).await;
    shop.patch(&token, None, json!({"name": "Ada L."})).await;
    shop.patch(&token, None, json!({})).await;

    let published = shop.published().await;
    let kinds: Vec<_> = published.iter().map(|(kind, number, _)| (&**kind, *number)).collect();
    assert_eq!(kinds, [("registered.v1", 1), ("updated.v1", 2), ("updated.v1", 3)]);
    let data = &published[2].2;
    let members: Vec<_> = data.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["email", "language", "name", "roles", "user_id"]);
    assert_eq!((&data["name"], &data["roles"]), (&json!("Ada L."), &json!(["customer"])));
}

#[tokio::test]
async fn a_change_needs_the_current_etag_in_if_match() {
    let shop = Shop::new();
    let token = shop.token().await;
    let me = shop.get(ME, Some(&token)).await;
    let changed = shop.patch(&token, Some(me.etag()), json!({"name": "Ada L."})).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    assert_ne!(me.etag(), changed.etag());
    for stale in [me.etag(), "\"x\", \"y\"", "W/\"x\""] {
        let response = shop.patch(&token, Some(stale), json!({"name": "Eve"})).await;
        assert_eq!(response.status, 412, "{stale}");
    }
    assert_eq!(shop.patch(&token, Some("x"), json!({"name": "Eve"})).await.status, 400);
    let list = format!("\"x\", {}", changed.etag());
    assert_eq!(shop.patch(&token, Some(&list), json!({"name": "B"})).await.status, 200);
    assert_eq!(shop.patch(&token, Some("*"), json!({"name": "C"})).await.status, 200);
}

#[tokio::test]
async fn all_faults_of_a_change_are_reported() {
    let shop = Shop::new();
    let token = shop.token().await;
    let body = json!({"name": " ", "language": "?", "email": "eve@example.org", "roles": []});
    let problem = shop.patch(&token, None, body).await.expect(422);
    assert_eq!(problem["errors"].as_array().unwrap().len(), 4, "{problem}");
    let stranger = shop.patch("x.y.z", None, json!({"name": "Eve"})).await;
    assert_eq!(stranger.status, 401);
}

#[tokio::test]
async fn accounts_are_created_while_the_log_is_down_and_published_later() {
    let shop = Shop::new();
    shop.environment.log.set_down(true);
    let token = shop.token().await;
    assert_eq!(shop.patch(&token, None, json!({"name": "B"})).await.status, 200);
    assert_eq!(shop.published().await, []);
    let waiting = shop.post("/sweep", json!({})).await.json;
    assert_eq!(waiting["waiting"], 1, "{waiting}");
    shop.environment.log.set_down(false);
    assert_eq!(shop.post("/sweep", json!({})).await.json["announced"], 1);
    assert_eq!(shop.published_types().await, ["registered.v1", "updated.v1"]);
    let nothing = shop.post("/sweep", json!({})).await.json;
    assert_eq!((&nothing["announced"], &nothing["waiting"]), (&json!(0), &json!(0)));
}

#[tokio::test]
async fn after_a_crash_at_any_step_each_usable_account_is_published_once() {
    for operations in 0..40 {
        let shop = Shop::new();
        let made = shop.dying(operations).register(registration()).await;
        shop.wait_ms(REGISTRATION_AGE_MS);
        let swept = shop.identity().sweep().await.unwrap();
        assert_eq!(swept.waiting, 0, "after {operations} operations");
        let exists = shop.sign_in(ADA, PASSWORD).await.status == 200;
        assert!(exists || made.is_err(), "after {operations} operations");
        assert_eq!(!shop.published().await.is_empty(), exists, "after {operations} operations");
        assert!(shop.published().await.len() < 2, "after {operations} operations");
        let stored = (shop.has_key("user/"), shop.has_key("grants/"));
        assert_eq!(stored, (exists, exists), "after {operations} operations");
    }
}

#[tokio::test]
async fn a_registration_that_takes_too_long_claims_no_address() {
    let shop = Shop::new();
    shop.environment.clock.advance_on_read(REGISTRATION_AGE_MS / 2);
    assert_eq!(shop.register(ADA).await.status, 503);
    for prefix in ["email/", "user/", "grants/"] {
        assert!(!shop.has_key(prefix), "{prefix}");
    }
    shop.environment.clock.advance_on_read(0);
    assert_eq!(shop.register(ADA).await.status, 202);
}

/// A shop where a registration has crashed after it had claimed its address, before it was
/// published.
async fn unpublished() -> Shop {
    for operations in 0..40 {
        let shop = Shop::new();
        let _ = shop.dying(operations).register(registration()).await;
        if shop.has_key("email/") {
            assert_eq!(shop.published().await, []);
            return shop;
        }
    }
    unreachable!("a registration ends");
}

#[tokio::test]
async fn the_registration_is_published_before_a_change_that_comes_before_the_sweep() {
    let shop = unpublished().await;
    let token = shop.sign_in(ADA, PASSWORD).await.member("access_token");
    assert_eq!(shop.patch(&token, None, json!({"name": "Ada"})).await.status, 200);
    assert_eq!(shop.published().await, [], "nothing has changed");
    assert_eq!(shop.patch(&token, None, json!({"name": "Ada L."})).await.status, 200);
    shop.identity().sweep().await.unwrap();
    let name =
        |(kind, number, data): &(String, u64, Value)| format!("{kind} {number} {}", data["name"]);
    let names: Vec<_> = shop.published().await.iter().map(name).collect();
    assert_eq!(names, ["registered.v1 1 \"Ada\"", "updated.v1 2 \"Ada L.\""]);
}

#[tokio::test]
async fn the_registration_is_published_before_a_role_that_is_given_before_the_sweep() {
    let shop = unpublished().await;
    shop.set_admin(ADA, "battery staple");
    assert_eq!(shop.sign_in(ADA, "battery staple").await.status, 200);
    shop.identity().sweep().await.unwrap();
    assert_eq!(shop.published_types().await, ["registered.v1", "updated.v1"]);
}

#[tokio::test]
async fn a_sweep_does_not_touch_a_registration_in_progress() {
    let shop = Shop::new();
    // The account is on the list and has not claimed its address yet.
    shop.dying(4).register(registration()).await.unwrap_err();
    assert_eq!(shop.identity().sweep().await.unwrap().waiting, 1);
    assert_eq!(shop.published().await, []);
}

#[tokio::test]
async fn an_account_with_the_administrators_address_gets_password_and_role() {
    let shop = Shop::new();
    shop.register(ADA).await;
    shop.set_admin(ADA, "battery staple");
    assert_eq!(shop.sign_in(ADA, PASSWORD).await.status, 401, "the configured one replaces it");
    assert_eq!(shop.sign_in(ADA, "battery staple").await.status, 200);
    let published = shop.published().await;
    assert_eq!(published[1].0, "updated.v1");
    assert_eq!(published[1].2["roles"], json!(["customer", "admin"]));
}
