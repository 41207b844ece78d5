//! Deleting an account.

use super::*;

async fn delete(shop: &Shop, token: &str, password: &str) -> Reply {
    shop.call("DELETE", ME, token, json!({"password": password})).await
}

#[tokio::test]
async fn deleting_an_account_needs_its_password() {
    let shop = Shop::new();
    let session = shop.signed_in().await;
    let token = session.member("access_token");
    assert_eq!(delete(&shop, &token, "wrong horse").await.status, 403);
    delete(&shop, &token, PASSWORD).await.expect(204);
    assert_eq!(shop.get(ME, Some(&token)).await.status, 401);
    assert_eq!(shop.patch(&token, None, json!({"name": "Eve"})).await.status, 401);
    assert_eq!(shop.sign_in(ADA, PASSWORD).await.status, 401);
    assert_eq!(shop.refresh(&session.member("refresh_token")).await.status, 400);
    assert_eq!(delete(&shop, &token, PASSWORD).await.status, 401);
}

#[tokio::test]
async fn a_deletion_leaves_no_readable_personal_data() {
    let shop = Shop::new();
    let token = shop.token().await;
    shop.patch(&token, None, json!({"name": "Ada Lovelace"})).await;
    assert_eq!(shop.published().await[1].2["name"], "Ada Lovelace");
    assert_eq!(delete(&shop, &token, PASSWORD).await.status, 204);
    let published = shop.published().await;
    let kinds: Vec<_> = published.iter().map(|(kind, number, _)| (&**kind, *number)).collect();
    assert_eq!(kinds, [("registered.v1", 1), ("updated.v1", 2), ("deleted.v1", 3)]);
    let [registered, updated, deleted] = [0, 1, 2].map(|index: usize| &published[index].2);
    assert_eq!((registered, updated), (&Value::Null, &Value::Null), "the key was deleted");
    assert_eq!(deleted.as_object().unwrap().keys().collect::<Vec<_>>(), ["user_id"]);
    for text in [ADA, "Lovelace", "argon2"] {
        assert!(!shop.is_stored(text).await, "{text}");
    }
}

#[tokio::test]
async fn an_address_of_an_unfinished_deletion_can_be_registered() {
    for operations in 0..30 {
        let shop = Shop::new();
        let token = shop.token().await;
        let me = shop.get(ME, Some(&token)).await.member("id");
        if shop.dying(operations).delete_account(&me, PASSWORD).await.is_ok() {
            // No sweep has run in the meantime.
            let token = shop.token().await;
            shop.sweep().await;
            let again = shop.get(ME, Some(&token)).await;
            assert_ne!(again.member("id"), me, "after {operations} operations");
        }
    }
}

#[tokio::test]
async fn a_pending_registration_does_not_prevent_the_deletion_event() {
    let shop = Shop::new();
    let token = shop.token().await;
    // The state after a failure during the registration.
    let entry = json!([{
        "user_id": shop.key("user/").unwrap().strip_prefix("user/"),
        "address_key": shop.key("email/"),
        "begun_ms": shop.environment.now_ms(),
    }]);
    shop.store.write(&shop.key("registrations/").unwrap(), &entry).await.unwrap();
    shop.environment.log.set_down(true);
    assert_eq!(delete(&shop, &token, PASSWORD).await.status, 204);
    shop.wait_ms(crate::service::REGISTRATION_AGE_MS);
    let _ = shop.identity().sweep().await;
    shop.environment.log.set_down(false);
    shop.sweep().await;
    assert_eq!(shop.published_types().await.last().unwrap(), "deleted.v1");
}

#[tokio::test]
async fn after_a_crash_at_any_step_a_deletion_is_complete_or_absent() {
    for operations in 0..30 {
        let shop = Shop::new();
        let token = shop.token().await;
        let me = shop.get(ME, Some(&token)).await.member("id");
        let deleted = shop.dying(operations).delete_account(&me, PASSWORD).await;
        let swept = shop.identity().sweep().await.unwrap();
        let exists = shop.sign_in(ADA, PASSWORD).await.status == 200;
        assert_eq!(deleted.is_err() && swept.waiting > 0, exists && swept.waiting > 0);
        assert!(exists || !shop.is_stored(ADA).await, "after {operations}");
        assert!(!exists || deleted.is_err(), "after {operations}");
        let is_last = shop.published_types().await.last().is_some_and(|kind| kind == "deleted.v1");
        assert_eq!(is_last, !exists, "after {operations}");
        assert_eq!(shop.has_key("grants/"), exists, "after {operations}");
        if !exists {
            shop.register(ADA).await;
            assert_eq!(shop.sign_in(ADA, PASSWORD).await.status, 200);
        }
    }
}
