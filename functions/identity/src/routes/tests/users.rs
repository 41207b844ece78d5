//! Accounts and sessions.

use super::*;

#[tokio::test]
async fn a_user_registers_signs_in_and_reads_their_account() {
    let shop = Shop::new();
    let echo = json!({"email": ADA, "name": "Ada", "language": "en"});
    assert_eq!(shop.register("Ada@Example.org").await.expect(202), echo);
    let session = shop.sign_in(" ADA@example.org", PASSWORD).await;
    assert_eq!((session.status, session.header("cache-control")), (200, "no-store"));
    assert_eq!(session.json["token_type"], "Bearer");
    assert_eq!(session.json["expires_in"], 900);

    let me = shop.get(ME, Some(&session.member("access_token"))).await;
    assert_eq!(me.json["email"], ADA, "{}", me.text);
    assert_eq!(me.json["roles"], json!(["customer"]));
    assert!(!me.text.contains("argon2"), "the hash is secret");
    assert_eq!(shop.get(ME, None).await.status, 401);
    assert_eq!(shop.get(ME, Some("x.y.z")).await.status, 401);
}

#[tokio::test]
async fn registration_does_not_reveal_which_addresses_have_an_account() {
    let shop = Shop::new();
    let hashes = async |email: &str| {
        let before = shop.hashes();
        let response = shop.register(email).await;
        (response.status, response.text, shop.hashes() - before)
    };
    let free = hashes(ADA).await;
    assert_eq!(hashes("ADA@example.org").await, free);
    shop.set_admin(ROOT, "first password");
    let (status, _, hashed) = hashes(ROOT).await;
    assert_eq!((status, hashed), (free.0, free.2), "the address of the settings, too");
    let body = json!({"email": ADA, "password": "another one entirely", "name": "E"});
    assert_eq!(shop.post("/api/v1/users", body).await.status, 202);
    assert_eq!(shop.sign_in(ADA, "another one entirely").await.status, 401);
    assert_eq!(shop.sign_in(ADA, PASSWORD).await.status, 200);
}

#[tokio::test]
async fn registering_the_configured_address_does_the_same_work_as_a_taken_one() {
    let shop = Shop::new();
    shop.set_admin(ROOT, "first password");
    assert_eq!(shop.register(ROOT).await.status, 202);
    assert!(shop.has_key("registrations/") && shop.has_key("mails/"), "the same lists are written");
    assert!(!shop.has_key("user/") && !shop.has_key("grants/"), "no account was created");
    shop.sweep().await;
    assert!(shop.environment.log.events().is_empty());
    assert_eq!(shop.sign_in(ROOT, PASSWORD).await.status, 401);
}

#[tokio::test]
async fn the_owner_is_notified_about_repeated_registrations_at_a_limited_rate() {
    let shop = Shop::new();
    shop.register(ADA).await;
    shop.sweep().await;
    assert_eq!(shop.mails("account-exists").await.len(), 0);
    for _ in 0..3 {
        shop.register(ADA).await;
        shop.sweep().await;
    }
    assert_eq!(shop.mails("account-exists").await.len(), 1);
    shop.wait_ms(crate::domain::user::REPEATED_MAIL_EVERY_MS);
    shop.register(ADA).await;
    shop.sweep().await;
    assert_eq!(shop.mails("account-exists").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_concurrent_registrations_of_one_address_one_succeeds() {
    let shop = Arc::new(Shop::new());
    let register = |_| {
        let shop = shop.clone();
        async move { shop.register(ADA).await.status }
    };
    assert_eq!(concurrently((0..8).map(register)).await, [202; 8]);
    let users = shop.store.keys().into_iter().filter(|key| key.starts_with("user/"));
    assert_eq!(users.count(), 1, "the others left no account");
}

#[tokio::test]
async fn weak_passwords_are_refused() {
    let shop = Shop::new();
    for password in ["password", "aaaaaaaa", "        ", "1234567", ADA, "Passw0rd!", "\u{2003}"] {
        let body = json!({"email": ADA, "password": password, "name": "Ada"});
        let problem = shop.post("/api/v1/users", body).await.expect(422);
        assert_eq!(problem["errors"][0]["pointer"], "/password", "{password:?}");
    }
}

#[tokio::test]
async fn all_faults_of_a_registration_are_reported() {
    let shop = Shop::new();
    let mut body = json!({"email": "nobody", "password": "short", "name": "Ada\u{202e}"});
    (body["language"], body["roles"]) = (json!("?"), json!(["admin"]));
    let problem = shop.post("/api/v1/users", body).await.expect(422);
    let faults = problem["errors"].as_array().unwrap();
    let pointers: Vec<_> = faults.iter().map(|fault| fault["pointer"].as_str().unwrap()).collect();
    for pointer in ["/email", "/password", "/name", "/language", "/roles"] {
        assert!(pointers.contains(&pointer), "{pointer} is not in {pointers:?}");
    }
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_look_the_same() {
    let shop = Shop::new();
    shop.register(ADA).await;
    let wrong = shop.sign_in(ADA, "correct horsE").await;
    let unknown = shop.sign_in("eve@example.org", PASSWORD).await;
    let nonsense = shop.sign_in("not an address", PASSWORD).await;
    let long = shop.sign_in(ADA, &"a".repeat(4096)).await;
    for response in [&unknown, &nonsense, &long] {
        assert_eq!((response.status, &response.text), (wrong.status, &wrong.text));
    }
    assert_eq!(wrong.status, 401);
    assert!(!wrong.header("www-authenticate").is_empty());
}

#[tokio::test]
async fn the_administrator_is_configured() {
    let shop = Shop::new();
    shop.set_admin(ROOT, "first password");
    shop.register(ROOT).await;
    assert_eq!(shop.sign_in(ROOT, PASSWORD).await.status, 401, "not the configured one");
    let session = shop.sign_in(ROOT, "first password").await;
    let me = shop.get(ME, Some(&session.member("access_token"))).await;
    assert_eq!(me.json["roles"], json!(["customer", "admin"]));

    shop.set_admin(ROOT, "second password");
    assert_eq!(shop.sign_in(ROOT, "first password").await.status, 401);
    assert_eq!(shop.sign_in(ROOT, "second password").await.status, 200);
    let refreshed = shop.refresh(&session.member("refresh_token")).await;
    assert_eq!(refreshed.status, 400, "sessions of the old password have ended");
}

#[tokio::test]
async fn after_a_crash_at_any_step_the_address_can_be_registered_again() {
    for operations in 0..12 {
        let shop = Shop::new();
        let _ = shop.dying(operations).register(registration()).await;
        assert_eq!(shop.register(ADA).await.status, 202);
        let session = shop.sign_in(ADA, PASSWORD).await;
        assert_eq!(session.status, 200, "after {operations} operations");
    }
}

#[tokio::test]
async fn requests_beyond_the_hash_queue_get_retry_after() {
    let shop = Shop::new();
    shop.register(ADA).await;
    shop.environment.busy.store(true, Ordering::SeqCst);
    for response in [
        shop.sign_in(ADA, PASSWORD).await,
        shop.sign_in("nobody@example.org", PASSWORD).await,
        shop.register("eve@example.org").await,
    ] {
        assert_eq!(response.status, 503, "{}", response.text);
        assert!(response.header("retry-after").parse::<u32>().unwrap() > 0);
    }
    shop.environment.busy.store(false, Ordering::SeqCst);
    assert_eq!(shop.sign_in(ADA, PASSWORD).await.status, 200);
}
