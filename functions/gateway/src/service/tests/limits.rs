//! How much is too much.

use super::*;
use crate::domain::quota::Quota;

fn tight(limit: u32) -> impl FnOnce(&mut Settings) {
    move |settings| {
        let quota = Quota { limit, window_s: 60 };
        let wide = Quota { limit: limit * 3, window_s: 60 };
        settings.quotas = Some(Quotas {
            read: quota,
            write: quota,
            credentials: quota,
            credentials_address: wide,
        });
    }
}

#[tokio::test]
async fn answers_say_what_is_left_and_refusals_when_to_come_back() {
    let town = Town::new();
    town.set(tight(2));
    let first = town.ask("GET", "/api/v1/products", &[]).await;
    assert_eq!(first.header("ratelimit-policy"), "\"read\";q=2;w=60");
    assert_eq!(first.header("ratelimit"), "\"read\";r=1;t=30");
    town.ask("GET", "/api/v1/products", &[]).await;
    let refused = town.ask("GET", "/api/v1/products", &[]).await;
    assert_eq!(refused.status, 429);
    assert_eq!(refused.header("retry-after"), "2");
    assert_eq!(refused.header("ratelimit"), "\"read\";r=0;t=30");
    assert_eq!(refused.problem()["violated-policies"], json!(["read"]));
    assert_eq!(town.seen().len(), 2, "refused before any work");
}

#[tokio::test]
async fn people_are_counted_wherever_they_are_and_strangers_by_address() {
    let town = Town::new();
    town.set(tight(1));
    let token = bearer(&[]);
    let from = |address: &'static str| [("spin-client-addr", address), ("authorization", &token)];
    assert_eq!(town.ask("GET", "/api/v1/cart", &from("10.0.0.1:1")).await.status, 200);
    assert_eq!(town.ask("GET", "/api/v1/cart", &from("10.0.0.2:1")).await.status, 429);
    let status = async |address| town.ask("GET", "/api/v1/products", &from(address)).await.status;
    assert_eq!(status("10.0.0.1:1").await, 200);
    assert_eq!(status("10.0.0.1:2").await, 429);
    assert_eq!(status("10.0.0.2:1").await, 200);
}

#[tokio::test]
async fn a_forged_address_does_not_help() {
    let town = Town::new();
    town.set(tight(1));
    for (forged, expected) in [("1.1.1.1", 200), ("2.2.2.2", 429), ("3.3.3.3", 429)] {
        let headers = [("x-forwarded-for", forged), ("spin-client-addr", "10.0.0.1:1")];
        assert_eq!(town.ask("GET", "/api/v1/products", &headers).await.status, expected);
    }
}

async fn sign_in(town: &Town, address: &str, email: &str) -> u16 {
    let body = json!({"email": email, "password": "x"}).to_string();
    let request = Request::post("/api/v1/sessions")
        .header("content-type", "application/json")
        .header("spin-client-addr", address);
    town.send(request.body(Body::from(body)).unwrap()).await.status
}

#[tokio::test]
async fn attempts_to_sign_in_are_counted_per_account_and_address() {
    let town = Town::new();
    town.set(tight(2));
    for expected in [200, 200, 429] {
        assert_eq!(sign_in(&town, "10.0.0.1", "ada@example.org").await, expected);
    }
    assert_eq!(sign_in(&town, "10.0.0.1", " ADA@example.org").await, 429, "the same account");
    assert_eq!(sign_in(&town, "10.0.0.2", "ada@example.org").await, 200, "its owner, elsewhere");
    assert_eq!(sign_in(&town, "10.0.0.1", "eve@example.org").await, 200);
    let mut last = 200;
    for n in 0..6 {
        last = sign_in(&town, "10.0.0.1", &format!("user{n}@example.org")).await;
    }
    assert_eq!(last, 429, "one address can't try all accounts");
}

#[tokio::test]
async fn a_body_that_was_looked_into_arrives_whole() {
    let town = Town::new();
    assert_eq!(sign_in(&town, "10.0.0.1", "ada@example.org").await, 200);
    let body: Value = serde_json::from_slice(&town.seen()[0].body).unwrap();
    assert_eq!(body, json!({"email": "ada@example.org", "password": "x"}));
}

#[tokio::test]
async fn administrators_and_health_are_not_counted() {
    let town = Town::new();
    town.set(tight(1));
    let admin = bearer(&["admin"]);
    for _ in 0..3 {
        let import = town.ask("POST", "/api/v1/products", &[("authorization", &admin)]).await;
        assert_eq!(import.status, 200);
        assert_eq!(import.header("ratelimit"), "");
        assert_eq!(town.ask("GET", "/livez", &[]).await.status, 200);
    }
}

#[tokio::test]
async fn without_limiter_or_limits_everything_passes() {
    let town = Town::new();
    town.set(tight(1));
    town.limiter_is_down.store(true, Ordering::SeqCst);
    for _ in 0..3 {
        assert_eq!(town.ask("GET", "/api/v1/products", &[]).await.status, 200);
    }
    town.limiter_is_down.store(false, Ordering::SeqCst);
    town.set(|settings| settings.quotas = None);
    for _ in 0..3 {
        assert_eq!(town.ask("GET", "/api/v1/products", &[]).await.status, 200);
    }
}
