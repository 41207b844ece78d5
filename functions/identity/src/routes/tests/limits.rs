//! Counting password attempts.

use super::*;
use chassis::quota::Quotas;

fn few() -> Shop {
    let shop = Shop::new();
    let mut quotas = Quotas::default();
    quotas.credentials.limit = 2;
    shop.settings().quotas = Some(quotas);
    shop
}

/// Tries a password from this address.
async fn attempt(shop: &Shop, path: &str, address: &str, kind: &str, body: &str) -> Reply {
    let client = shop.client().with("content-type", kind).with("x-forwarded-for", address);
    client.text("POST", path, body).await
}

#[tokio::test]
async fn attempts_are_counted_per_account_and_address_before_any_hash() {
    let shop = few();
    let session = async |address: &str, email: &str| {
        let body = json!({"email": email, "password": "x"}).to_string();
        attempt(&shop, "/api/v1/sessions", address, "application/json", &body).await
    };
    for _ in 0..2 {
        let response = session("10.0.0.1", ADA).await;
        assert_eq!(response.status, 401);
        assert!(
            response.header("ratelimit").starts_with("\"credentials\";r="),
            "{}",
            response.text
        );
    }
    let hashes = shop.hashes();
    let refused = session("10.0.0.1", " ADA@example.org").await;
    assert_eq!(refused.status, 429);
    assert_eq!(refused.json["violated-policies"], json!(["credentials"]));
    assert_eq!(shop.hashes(), hashes);
    assert_eq!(session("10.0.0.1", "eve@example.org").await.status, 401, "another account");
    assert_eq!(session("10.0.0.2", ADA).await.status, 401, "another address");
    assert_eq!(session("2001:db8::1", ADA).await.status, 401);
    assert_eq!(session("2001:db8::2", ADA).await.status, 401);
    assert_eq!(session("2001:db8::3", ADA).await.status, 429, "one network");
}

#[tokio::test]
async fn attempts_are_counted_for_all_spellings_of_a_request() {
    let shop = few();
    let bodies = [
        ("application/json", r#"{"email":"ada@example.org","password":"a&email=b@example.org"}"#),
        ("Application/JSON", r#"{"email":"ada@example.org","password":"a&email=c@example.org"}"#),
        ("application/json; charset=utf-8", r#"{"email":"ada@example.org","password":"x"}"#),
        ("APPLICATION/JSON", r#"{"password":"x","\u0065mail":"ada@example.org"}"#),
    ];
    let mut statuses = Vec::new();
    for (kind, body) in bodies {
        let response = attempt(&shop, "/api/v1/sessions", "10.0.0.1", kind, body).await;
        statuses.push(response.status);
    }
    assert_eq!(statuses, [401, 401, 429, 429]);
    let twice = r#"{"email":"b@example.org","email":"ada@example.org","password":"x"}"#;
    let response = attempt(&shop, "/api/v1/sessions", "10.0.0.1", "application/json", twice).await;
    assert_eq!(response.status, 400, "two parsers could disagree");
    let form = "email=ada%40example.org&password=x";
    let kind = "application/x-www-form-urlencoded";
    let response = attempt(&shop, "/api/v1/sessions", "10.0.0.1", kind, form).await;
    assert_eq!(response.status, 415);
}

#[tokio::test]
async fn all_operations_that_check_a_password_are_counted() {
    let shop = few();
    let token = shop.token().await;
    let tries = [
        (
            "POST",
            "/api/v1/users/me/password",
            json!({"current_password": "x", "new_password": "four unrelated words"}),
        ),
        ("DELETE", ME, json!({"password": "x"})),
    ];
    let mut statuses = Vec::new();
    for (method, path, body) in tries.iter().chain(&tries) {
        statuses.push(shop.call(method, path, &token, body.clone()).await.status);
    }
    assert_eq!(statuses, [403, 403, 429, 429], "one count for both");
    for expected in [202, 202, 429] {
        let asked = shop.post("/api/v1/password-resets", json!({"email": "eve@example.org"})).await;
        assert_eq!(asked.status, expected);
    }
}
