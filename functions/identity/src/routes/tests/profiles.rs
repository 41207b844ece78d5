//! Changing one's account, and what others are told of it.

use super::*;
use crate::service::{REGISTRATION_AGE_MS, Registration};
use chassis::store::FailingStore;

async fn signed_in(shop: &Shop) -> String {
    shop.register("ada@example.org").await;
    shop.sign_in("ada@example.org", "correct horse").await.member("access_token")
}

#[tokio::test]
async fn a_registration_and_each_change_are_told_once_and_in_order() {
    let shop = Shop::new();
    let token = signed_in(&shop).await;
    let answer = shop.patch(&token, None, json!({"language": "pt-BR"})).await;
    assert_eq!((answer.status.as_u16(), answer.member("language")), (200, "pt-BR".to_owned()));
    assert_eq!(answer.member("name"), "Ada", "what is left out stays");
    shop.patch(&token, None, json!({"name": " Ada L. "})).await;
    shop.patch(&token, None, json!({"name": "Ada L."})).await;
    shop.patch(&token, None, json!({})).await;

    let told = shop.told().await;
    let kinds: Vec<_> = told.iter().map(|(kind, number, _)| (kind.as_str(), *number)).collect();
    assert_eq!(kinds, [("registered.v1", 1), ("updated.v1", 2), ("updated.v1", 3)]);
    let data = &told[2].2;
    let members: Vec<_> = data.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["email", "language", "name", "roles", "user_id"]);
    assert_eq!((&data["name"], &data["roles"]), (&json!("Ada L."), &json!(["customer"])));
}

#[tokio::test]
async fn a_change_of_what_has_changed_meanwhile_is_refused() {
    let shop = Shop::new();
    let token = signed_in(&shop).await;
    let me = shop.get("/api/v1/users/me", Some(&token)).await;
    let etag = me.header("etag").to_owned();
    assert!(etag.starts_with('"'), "{etag}");
    let changed = shop.patch(&token, Some(&etag), json!({"name": "Ada L."})).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    let next = changed.header("etag").to_owned();
    assert_ne!(etag, next);
    for stale in [etag.as_str(), "\"x\", \"y\"", "W/\"x\""] {
        let answer = shop.patch(&token, Some(stale), json!({"name": "Eve"})).await;
        assert_eq!(answer.status, 412, "{stale}");
    }
    let list = format!("\"x\", {next}");
    assert_eq!(shop.patch(&token, Some(&list), json!({"name": "B"})).await.status, 200);
    assert_eq!(shop.patch(&token, Some("*"), json!({"name": "C"})).await.status, 200);
}

#[tokio::test]
async fn faults_of_a_change_are_named_and_nothing_else_can_be_changed() {
    let shop = Shop::new();
    let token = signed_in(&shop).await;
    let body = json!({"name": " ", "language": "?", "email": "eve@example.org", "roles": []});
    let answer = shop.patch(&token, None, body).await;
    assert_eq!(answer.status, 422);
    assert_eq!(answer.json()["errors"].as_array().unwrap().len(), 4, "{}", answer.text);
    let stranger = shop.patch("x.y.z", None, json!({"name": "Eve"})).await;
    assert_eq!(stranger.status, 401);
}

#[tokio::test]
async fn an_account_is_made_while_the_log_is_away_and_told_later() {
    let shop = Shop::new();
    shop.environment.log.set_down(true);
    let token = signed_in(&shop).await;
    assert_eq!(shop.patch(&token, None, json!({"name": "B"})).await.status, 200);
    assert_eq!(shop.told().await, []);
    let waiting = shop.post("/sweep", json!({})).await.json();
    assert_eq!(waiting["waiting"], 1, "{waiting}");
    shop.environment.log.set_down(false);
    assert_eq!(shop.post("/sweep", json!({})).await.json()["announced"], 1);
    let kinds: Vec<_> = shop.told().await.into_iter().map(|(kind, ..)| kind).collect();
    assert_eq!(kinds, ["registered.v1", "updated.v1"]);
    let nothing = shop.post("/sweep", json!({})).await.json();
    assert_eq!((&nothing["announced"], &nothing["waiting"]), (&json!(0), &json!(0)));
}

fn registration() -> Registration {
    Registration {
        email: Email::parse("ada@example.org").unwrap(),
        password: "correct horse".to_owned(),
        name: "Ada".to_owned(),
        language: "en".to_owned(),
    }
}

#[tokio::test]
async fn killed_at_any_step_an_account_that_can_be_signed_in_to_is_told_once() {
    for operations in 0..40 {
        let shop = Shop::new();
        let dying = FailingStore::after(operations, shop.store.clone());
        let made = Identity::new(dying, shop.environment.clone()).register(registration()).await;
        shop.wait_ms(REGISTRATION_AGE_MS);
        let swept = shop.identity().sweep().await.unwrap();
        assert_eq!(swept.waiting, 0, "after {operations} operations");
        let exists = shop.sign_in("ada@example.org", "correct horse").await.status == 200;
        assert!(exists || made.is_err(), "after {operations} operations");
        assert_eq!(shop.told().await.len(), usize::from(exists), "after {operations} operations");
        let kept = (shop.has_key("user/"), shop.has_key("grants/"));
        assert_eq!(kept, (exists, exists), "after {operations} operations");
    }
}

#[tokio::test]
async fn a_registration_that_stalls_claims_no_address_for_an_account_that_a_sweep_takes_away() {
    let shop = Shop::new();
    shop.environment.stall_ms.store(REGISTRATION_AGE_MS / 2, Ordering::SeqCst);
    assert_eq!(shop.register("ada@example.org").await.status, 503);
    for prefix in ["email/", "user/", "grants/"] {
        assert!(!shop.has_key(prefix), "{prefix}");
    }
    shop.environment.stall_ms.store(0, Ordering::SeqCst);
    assert_eq!(shop.register("ada@example.org").await.status, 202);
}

/// A shop where a registration died after it had claimed its address, before it was told.
async fn untold() -> Shop {
    for operations in 0..40 {
        let shop = Shop::new();
        let dying = FailingStore::after(operations, shop.store.clone());
        let _ = Identity::new(dying, shop.environment.clone()).register(registration()).await;
        if shop.has_key("email/") {
            assert_eq!(shop.told().await, []);
            return shop;
        }
    }
    unreachable!("a registration ends");
}

#[tokio::test]
async fn a_change_before_the_sweep_does_not_swallow_the_registration() {
    let shop = untold().await;
    let token = shop.sign_in("ada@example.org", "correct horse").await.member("access_token");
    assert_eq!(shop.patch(&token, None, json!({"name": "Ada"})).await.status, 200);
    assert_eq!(shop.told().await, [], "nothing has changed");
    assert_eq!(shop.patch(&token, None, json!({"name": "Ada L."})).await.status, 200);
    shop.identity().sweep().await.unwrap();
    let names: Vec<_> =
        shop.told().await.into_iter().map(|(kind, at, d)| (kind, at, d["name"].clone())).collect();
    let expected = [("registered.v1", 1, "Ada"), ("updated.v1", 2, "Ada L.")];
    assert_eq!(names, expected.map(|(kind, at, name)| (kind.to_owned(), at, json!(name))));
}

#[tokio::test]
async fn a_role_before_the_sweep_does_not_swallow_the_registration() {
    let shop = untold().await;
    shop.set_admin("ada@example.org", "battery staple");
    assert_eq!(shop.sign_in("ada@example.org", "battery staple").await.status, 200);
    shop.identity().sweep().await.unwrap();
    let kinds: Vec<_> = shop.told().await.into_iter().map(|(kind, ..)| kind).collect();
    assert_eq!(kinds, ["registered.v1", "updated.v1"]);
}

#[tokio::test]
async fn a_registration_that_is_going_on_is_left_alone() {
    let shop = Shop::new();
    // It has noted its account and not yet claimed its address.
    let dying = FailingStore::after(4, shop.store.clone());
    Identity::new(dying, shop.environment.clone()).register(registration()).await.unwrap_err();
    assert_eq!(shop.identity().sweep().await.unwrap().waiting, 1);
    assert_eq!(shop.told().await, []);
}

#[tokio::test]
async fn a_role_that_is_given_is_told() {
    let shop = Shop::new();
    shop.register("ada@example.org").await;
    shop.set_admin("ada@example.org", "battery staple");
    assert_eq!(shop.sign_in("ada@example.org", "battery staple").await.status, 200);
    let told = shop.told().await;
    assert_eq!(told[1].0, "updated.v1");
    assert_eq!(told[1].2["roles"], json!(["customer", "admin"]));
}
