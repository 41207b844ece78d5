//! Deleting an account.

use super::*;
use chassis::store::FailingStore;

async fn delete(shop: &Shop, token: &str, password: &str) -> Answer {
    shop.call("DELETE", "/api/v1/users/me", token, json!({"password": password})).await
}

async fn signed_in(shop: &Shop) -> Answer {
    shop.register("ada@example.org").await;
    shop.sign_in("ada@example.org", "correct horse").await
}

/// Whether the text is in any value of the store or in any event.
async fn is_found(shop: &Shop, text: &str) -> bool {
    let mut found = shop.environment.log.events().iter().any(|event| event.data.contains(text));
    for key in shop.store.keys() {
        let value = shop.store.get(&key).await.unwrap().unwrap_or_default();
        found |= String::from_utf8_lossy(&value).contains(text);
    }
    found
}

#[tokio::test]
async fn deleting_an_account_needs_its_password() {
    let shop = Shop::new();
    let session = signed_in(&shop).await;
    let token = session.member("access_token");
    assert_eq!(delete(&shop, &token, "wrong horse").await.status, 403);
    let answer = delete(&shop, &token, "correct horse").await;
    assert_eq!(answer.status, 204, "{}", answer.text);
    assert_eq!(shop.get("/api/v1/users/me", Some(&token)).await.status, 401);
    assert_eq!(shop.patch(&token, None, json!({"name": "Eve"})).await.status, 401);
    assert_eq!(shop.sign_in("ada@example.org", "correct horse").await.status, 401);
    assert_eq!(shop.refresh(&session.member("refresh_token")).await.status, 400);
    assert_eq!(delete(&shop, &token, "correct horse").await.status, 401);
}

#[tokio::test]
async fn a_deletion_leaves_no_readable_personal_data() {
    let shop = Shop::new();
    let token = signed_in(&shop).await.member("access_token");
    shop.patch(&token, None, json!({"name": "Ada Lovelace"})).await;
    assert_eq!(shop.told().await[1].2["name"], "Ada Lovelace");
    assert_eq!(delete(&shop, &token, "correct horse").await.status, 204);
    let told = shop.told().await;
    let kinds: Vec<_> = told.iter().map(|(kind, number, _)| (kind.as_str(), *number)).collect();
    assert_eq!(kinds, [("registered.v1", 1), ("updated.v1", 2), ("deleted.v1", 3)]);
    assert_eq!((&told[0].2, &told[1].2), (&Value::Null, &Value::Null), "the key was deleted");
    let members: Vec<_> = told[2].2.as_object().unwrap().keys().cloned().collect();
    assert_eq!(members, ["user_id"]);
    for text in ["ada@example.org", "Lovelace", "argon2"] {
        assert!(!is_found(&shop, text).await, "{text}");
    }
}

#[tokio::test]
async fn a_released_address_can_be_registered_as_a_new_account() {
    let shop = Shop::new();
    let session = signed_in(&shop).await;
    let first = shop.get("/api/v1/users/me", Some(&session.member("access_token"))).await;
    for _ in 0..6 {
        let token = signed_in(&shop).await.member("access_token");
        assert_eq!(delete(&shop, &token, "correct horse").await.status, 204);
    }
    let token = signed_in(&shop).await.member("access_token");
    let again = shop.get("/api/v1/users/me", Some(&token)).await;
    assert_ne!(first.json()["id"], again.json()["id"]);
}

#[tokio::test]
async fn an_address_of_an_unfinished_deletion_can_be_registered() {
    for operations in 0..30 {
        let shop = Shop::new();
        let token = signed_in(&shop).await.member("access_token");
        let me = shop.get("/api/v1/users/me", Some(&token)).await.member("id");
        let dying = FailingStore::after(operations, shop.store.clone());
        let dying = Identity::new(dying, shop.environment.clone());
        if dying.delete_account(&me, "correct horse").await.is_ok() {
            // No sweep has run in the meantime.
            let token = signed_in(&shop).await.member("access_token");
            shop.sweep().await;
            let again = shop.get("/api/v1/users/me", Some(&token)).await;
            assert_ne!(again.member("id"), me, "after {operations} operations");
        }
    }
}

#[tokio::test]
async fn a_noted_registration_does_not_prevent_the_deletion_event() {
    let shop = Shop::new();
    let token = signed_in(&shop).await.member("access_token");
    let key = shop.store.keys().into_iter().find(|key| key.starts_with("user/")).unwrap();
    let id = key.strip_prefix("user/").unwrap();
    // The state after a failure during the registration.
    let shard = shop.store.keys().into_iter().find(|key| key.starts_with("registrations/"));
    let note = json!([{
        "user_id": id,
        "address_key": shop.store.keys().into_iter().find(|key| key.starts_with("email/")),
        "begun_ms": shop.environment.now_ms.load(Ordering::SeqCst),
    }]);
    shop.store.write(&shard.unwrap(), &note).await.unwrap();
    shop.environment.log.set_down(true);
    assert_eq!(delete(&shop, &token, "correct horse").await.status, 204);
    shop.wait_ms(crate::service::REGISTRATION_AGE_MS);
    let _ = shop.identity().sweep().await;
    shop.environment.log.set_down(false);
    shop.sweep().await;
    assert_eq!(shop.told().await.last().unwrap().0, "deleted.v1");
}

#[tokio::test]
async fn after_a_crash_at_any_step_a_deletion_is_complete_or_absent() {
    for operations in 0..30 {
        let shop = Shop::new();
        let token = signed_in(&shop).await.member("access_token");
        let me = shop.get("/api/v1/users/me", Some(&token)).await.member("id");
        let dying = FailingStore::after(operations, shop.store.clone());
        let deleted = Identity::new(dying, shop.environment.clone())
            .delete_account(&me, "correct horse")
            .await;
        let swept = shop.identity().sweep().await.unwrap();
        let exists = shop.sign_in("ada@example.org", "correct horse").await.status == 200;
        assert_eq!(deleted.is_err() && swept.waiting > 0, exists && swept.waiting > 0);
        assert!(exists || !is_found(&shop, "ada@example.org").await, "after {operations}");
        assert!(!exists || deleted.is_err(), "after {operations}");
        let told = shop.told().await;
        let last = told.last().map(|(kind, ..)| kind.as_str());
        assert_eq!(last == Some("deleted.v1"), !exists, "after {operations}");
        assert_eq!(shop.has_key("grants/"), exists, "after {operations}");
        if !exists {
            shop.register("ada@example.org").await;
            assert_eq!(shop.sign_in("ada@example.org", "correct horse").await.status, 200);
        }
    }
}
