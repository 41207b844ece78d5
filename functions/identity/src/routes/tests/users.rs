//! Accounts and sessions.

use super::*;

#[tokio::test]
async fn a_person_registers_signs_in_and_sees_their_profile() {
    let shop = Shop::new();
    let created = shop.register("Ada@Example.org").await;
    assert_eq!(created.status, 201, "{}", created.text);
    assert_eq!(created.json()["email"], "ada@example.org");
    assert_eq!(created.json()["roles"], json!(["customer"]));
    assert!(!created.text.contains("argon2"), "the hash stays inside");

    let session = shop.sign_in(" ADA@example.org", "correct horse").await;
    assert_eq!(session.status, 200, "{}", session.text);
    assert_eq!(session.header("cache-control"), "no-store");
    assert_eq!(session.json()["token_type"], "Bearer");
    assert_eq!(session.json()["expires_in"], 900);

    let me = shop.get("/api/v1/users/me", Some(&session.member("access_token"))).await;
    assert_eq!(me.status, 200, "{}", me.text);
    assert_eq!(me.json()["id"], created.json()["id"]);
    assert_eq!(shop.get("/api/v1/users/me", None).await.status, 401);
    assert_eq!(shop.get("/api/v1/users/me", Some("x.y.z")).await.status, 401);
}

#[tokio::test]
async fn an_address_belongs_to_one_account() {
    let shop = Shop::new();
    assert_eq!(shop.register("ada@example.org").await.status, 201);
    let again = shop.register("ADA@example.org").await;
    assert_eq!(again.status, 409);
    assert_eq!(again.json()["type"], "/problems/email-taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_register_one_address_at_once_one_gets_it() {
    let shop = Arc::new(Shop::new());
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let shop = shop.clone();
            tokio::spawn(async move { shop.register("ada@example.org").await.status })
        })
        .collect();
    let mut created = 0;
    for task in tasks {
        match task.await.unwrap().as_u16() {
            201 => created += 1,
            status => assert_eq!(status, 409),
        }
    }
    assert_eq!(created, 1);
    let users = shop.store.keys().into_iter().filter(|key| key.starts_with("user/"));
    assert_eq!(users.count(), 1, "the others left nothing behind");
}

#[tokio::test]
async fn every_fault_of_a_registration_is_named() {
    let shop = Shop::new();
    let body = json!({
        "email": "nobody", "password": "short", "name": " ", "language": "?", "roles": ["admin"],
    });
    let answer = shop.post("/api/v1/users", body).await;
    assert_eq!(answer.status, 422);
    let faults = answer.json()["errors"].as_array().unwrap().clone();
    let pointers: Vec<_> = faults.iter().map(|fault| fault["pointer"].as_str().unwrap()).collect();
    for pointer in ["/email", "/password", "/name", "/language", "/roles"] {
        assert!(pointers.contains(&pointer), "{pointer} is not in {pointers:?}");
    }
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_look_the_same() {
    let shop = Shop::new();
    shop.register("ada@example.org").await;
    let wrong = shop.sign_in("ada@example.org", "correct horsE").await;
    let unknown = shop.sign_in("eve@example.org", "correct horse").await;
    let nonsense = shop.sign_in("not an address", "correct horse").await;
    let long = shop.sign_in("ada@example.org", &"a".repeat(4096)).await;
    for answer in [&unknown, &nonsense, &long] {
        assert_eq!((answer.status, &answer.text), (wrong.status, &wrong.text));
    }
    assert_eq!(wrong.status, 401);
    assert!(wrong.headers.contains_key("www-authenticate"));
}

#[tokio::test]
async fn the_administrator_comes_from_the_settings() {
    let shop = Shop::new();
    shop.set_admin("root@example.org", "first password");
    assert_eq!(shop.register("root@example.org").await.status, 409, "nobody else may have it");
    let session = shop.sign_in("root@example.org", "first password").await;
    assert_eq!(session.status, 200, "{}", session.text);
    let me = shop.get("/api/v1/users/me", Some(&session.member("access_token"))).await;
    assert_eq!(me.json()["roles"], json!(["customer", "admin"]));

    shop.set_admin("root@example.org", "second password");
    assert_eq!(shop.sign_in("root@example.org", "first password").await.status, 401);
    assert_eq!(shop.sign_in("root@example.org", "second password").await.status, 200);
    let refreshed = shop.refresh(&session.member("refresh_token")).await;
    assert_eq!(refreshed.status, 400, "sessions of the old password are over");
}

#[tokio::test]
async fn an_account_that_becomes_the_administrators_loses_its_password() {
    let shop = Shop::new();
    shop.register("root@example.org").await;
    shop.set_admin("root@example.org", "from the settings");
    assert_eq!(shop.sign_in("root@example.org", "correct horse").await.status, 401);
    let session = shop.sign_in("root@example.org", "from the settings").await;
    let me = shop.get("/api/v1/users/me", Some(&session.member("access_token"))).await;
    assert_eq!(me.json()["roles"], json!(["customer", "admin"]));
}

#[tokio::test]
async fn a_crash_while_registering_leaves_the_address_free_or_the_account_whole() {
    for operations in 0..12 {
        let shop = Shop::new();
        let failing = chassis::store::FailingStore::after(operations, shop.store.clone());
        let registration = crate::service::Registration {
            email: Email::parse("ada@example.org").unwrap(),
            password: "correct horse".to_owned(),
            name: "Ada".to_owned(),
            language: "en".to_owned(),
        };
        let died =
            Identity::new(failing, shop.environment.clone()).register(registration).await.is_err();
        let retried = shop.register("ada@example.org").await.status;
        assert_eq!(retried, if died { 201 } else { 409 }, "after {operations} operations");
        assert_eq!(shop.sign_in("ada@example.org", "correct horse").await.status, 200);
    }
}
