//! Accounts and sessions.

use super::*;

#[tokio::test]
async fn a_person_registers_signs_in_and_sees_their_profile() {
    let shop = Shop::new();
    let created = shop.register("Ada@Example.org").await;
    assert_eq!(created.status, 202, "{}", created.text);
    let echo = json!({"email": "ada@example.org", "name": "Ada", "language": "en"});
    assert_eq!(created.json(), echo);

    let session = shop.sign_in(" ADA@example.org", "correct horse").await;
    assert_eq!(session.status, 200, "{}", session.text);
    assert_eq!(session.header("cache-control"), "no-store");
    assert_eq!(session.json()["token_type"], "Bearer");
    assert_eq!(session.json()["expires_in"], 900);

    let me = shop.get("/api/v1/users/me", Some(&session.member("access_token"))).await;
    assert_eq!(me.status, 200, "{}", me.text);
    assert_eq!(me.json()["email"], "ada@example.org");
    assert_eq!(me.json()["roles"], json!(["customer"]));
    assert!(!me.text.contains("argon2"), "the hash stays inside");
    assert_eq!(shop.get("/api/v1/users/me", None).await.status, 401);
    assert_eq!(shop.get("/api/v1/users/me", Some("x.y.z")).await.status, 401);
}

#[tokio::test]
async fn registration_does_not_reveal_which_addresses_have_an_account() {
    let shop = Shop::new();
    let hashes = async |email: &str| {
        let before = shop.environment.hashes.load(Ordering::SeqCst);
        let answer = shop.register(email).await;
        (answer.status, answer.text, shop.environment.hashes.load(Ordering::SeqCst) - before)
    };
    let free = hashes("ada@example.org").await;
    assert_eq!(hashes("ADA@example.org").await, free);
    shop.set_admin("root@example.org", "first password");
    let (status, _, hashed) = hashes("root@example.org").await;
    assert_eq!((status, hashed), (free.0, free.2), "the address of the settings, too");
    let body = json!({"email": "ada@example.org", "password": "another one entirely", "name": "E"});
    assert_eq!(shop.post("/api/v1/users", body).await.status, 202);
    assert_eq!(shop.sign_in("ada@example.org", "another one entirely").await.status, 401);
    assert_eq!(shop.sign_in("ada@example.org", "correct horse").await.status, 200);
}

#[tokio::test]
async fn registering_the_configured_address_does_the_same_work_as_a_taken_one() {
    let shop = Shop::new();
    shop.set_admin("root@example.org", "first password");
    assert_eq!(shop.register("root@example.org").await.status, 202);
    assert!(shop.has_key("registrations/") && shop.has_key("mails/"), "it is noted like others");
    assert!(!shop.has_key("user/") && !shop.has_key("grants/"), "no account was created");
    shop.sweep().await;
    assert!(shop.environment.log.events().is_empty());
    assert_eq!(shop.sign_in("root@example.org", "correct horse").await.status, 401);
}

#[tokio::test]
async fn the_owner_is_notified_about_repeated_registrations_at_a_limited_rate() {
    let shop = Shop::new();
    shop.register("ada@example.org").await;
    shop.sweep().await;
    assert_eq!(shop.mails("account-exists").await.len(), 0);
    for _ in 0..3 {
        shop.register("ada@example.org").await;
        shop.sweep().await;
    }
    assert_eq!(shop.mails("account-exists").await.len(), 1);
    shop.wait_ms(crate::domain::user::REPEATED_MAIL_EVERY_MS);
    shop.register("ada@example.org").await;
    shop.sweep().await;
    assert_eq!(shop.mails("account-exists").await.len(), 2);
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
    for task in tasks {
        assert_eq!(task.await.unwrap(), 202);
    }
    let users = shop.store.keys().into_iter().filter(|key| key.starts_with("user/"));
    assert_eq!(users.count(), 1, "the others left nothing behind");
}

#[tokio::test]
async fn weak_passwords_are_refused() {
    let shop = Shop::new();
    for password in
        ["password", "aaaaaaaa", "        ", "1234567", "ada@example.org", "Passw0rd!", "\u{2003}"]
    {
        let body = json!({"email": "ada@example.org", "password": password, "name": "Ada"});
        let answer = shop.post("/api/v1/users", body).await;
        assert_eq!(answer.status, 422, "{password:?}");
        assert_eq!(answer.json()["errors"][0]["pointer"], "/password");
    }
}

#[tokio::test]
async fn names_with_invisible_characters_are_refused() {
    let shop = Shop::new();
    for name in ["Ada\u{202e}", "A\u{200b}da", "Ada\u{2066}x\u{2069}", "\u{feff}Ada"] {
        let body = json!({"email": "ada@example.org", "password": "correct horse", "name": name});
        let answer = shop.post("/api/v1/users", body).await;
        assert_eq!(answer.status, 422, "{name:?}");
        assert_eq!(answer.json()["errors"][0]["pointer"], "/name");
    }
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
    shop.register("root@example.org").await;
    assert_eq!(shop.sign_in("root@example.org", "correct horse").await.status, 401, "not theirs");
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
        let _ = Identity::new(failing, shop.environment.clone()).register(registration).await;
        assert_eq!(shop.register("ada@example.org").await.status, 202);
        let session = shop.sign_in("ada@example.org", "correct horse").await;
        assert_eq!(session.status, 200, "after {operations} operations");
    }
}

#[tokio::test]
async fn requests_beyond_the_hash_queue_get_retry_after() {
    let shop = Shop::new();
    shop.register("ada@example.org").await;
    shop.environment.busy.store(true, Ordering::SeqCst);
    for answer in [
        shop.sign_in("ada@example.org", "correct horse").await,
        shop.sign_in("nobody@example.org", "correct horse").await,
        shop.register("eve@example.org").await,
    ] {
        assert_eq!(answer.status, 503, "{}", answer.text);
        assert!(answer.header("retry-after").parse::<u32>().unwrap() > 0);
    }
    shop.environment.busy.store(false, Ordering::SeqCst);
    assert_eq!(shop.sign_in("ada@example.org", "correct horse").await.status, 200);
}
