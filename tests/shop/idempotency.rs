//! Sending an order twice, because the first answer was lost or somebody clicked twice.

use crate::support::{Customer, Shop, order, unique};
use futures::future::join_all;
use http::Method;
use std::collections::BTreeSet;

#[tokio::test]
async fn the_same_key_gets_the_same_answer() {
    let shop = Shop::shared().await;
    let (admin, ada) = (shop.admin().await, Customer::new(shop).await);
    let sku = shop.product(&admin, 10).await;
    let (key, body) = (unique(), order(&[(&sku, 1)], "tok_approved"));
    let first = ada.place(&key, &body).await.expect(201);
    assert_eq!(first.header("idempotency-replayed"), "");
    let again = ada.place(&key, &body).await.expect(201);
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.body, first.body);
    assert_eq!(again.header("location"), first.header("location"));
    assert_eq!(admin.stock(&sku).await, [10, 9, 0, 1]);
}

#[tokio::test]
async fn the_same_key_for_something_else_is_refused() {
    let shop = Shop::shared().await;
    let (admin, ada) = (shop.admin().await, Customer::new(shop).await);
    let sku = shop.product(&admin, 10).await;
    let key = unique();
    ada.place(&key, &order(&[(&sku, 1)], "tok_approved")).await.expect(201);
    let other = ada.place(&key, &order(&[(&sku, 2)], "tok_approved")).await;
    assert_eq!(other.problem(422)["type"], "/problems/idempotency-key-reused");
    assert_eq!(admin.stock(&sku).await, [10, 9, 0, 1]);
}

#[tokio::test]
async fn a_key_is_its_senders_alone() {
    let shop = Shop::shared().await;
    let (admin, ada) = (shop.admin().await, Customer::new(shop).await);
    let bob = Customer::new(shop).await;
    let sku = shop.product(&admin, 10).await;
    let (key, body) = (unique(), order(&[(&sku, 1)], "tok_approved"));
    let hers = ada.place(&key, &body).await.expect(201).json();
    let his = bob.place(&key, &body).await.expect(201).json();
    assert_ne!(hers["id"], his["id"]);
}

#[tokio::test]
async fn an_order_needs_a_key() {
    let shop = Shop::shared().await;
    let (admin, ada) = (shop.admin().await, Customer::new(shop).await);
    let sku = shop.product(&admin, 10).await;
    let body = order(&[(&sku, 1)], "tok_approved");
    ada.api.post("/api/v1/orders", &body).await.problem(400);
    for key in ["\"\"", "\"open", "a, b", &format!("\"{}\"", "x".repeat(256))] {
        let keyed = ada.api.with("idempotency-key", key);
        keyed.post("/api/v1/orders", &body).await.problem(400);
    }
    let twice = ada.api.with("idempotency-key", "a").with("idempotency-key", "b");
    twice.post("/api/v1/orders", &body).await.problem(400);
    assert_eq!(admin.stock(&sku).await, [10, 10, 0, 0]);
}

#[tokio::test]
async fn a_body_that_was_refused_can_be_mended_under_its_key() {
    let shop = Shop::shared().await;
    let (admin, ada) = (shop.admin().await, Customer::new(shop).await);
    let sku = shop.product(&admin, 10).await;
    let key = unique();
    ada.place(&key, &order(&[(&sku, 0)], "tok_approved")).await.problem(422);
    ada.place(&key, &order(&[(&sku, 1)], "tok_approved")).await.expect(201);
}

#[tokio::test]
async fn twenty_clicks_at_once_are_one_order() {
    let shop = Shop::shared().await;
    let (admin, ada) = (shop.admin().await, Customer::new(shop).await);
    let sku = shop.product(&admin, 50).await;
    let (key, body) = (unique(), order(&[(&sku, 1)], "tok_approved"));
    let answers = join_all((0..20).map(|_| ada.place(&key, &body))).await;
    let mut ids = BTreeSet::new();
    for answer in answers {
        match answer.status.as_u16() {
            201 | 202 => _ = ids.insert(answer.json()["id"].as_str().unwrap().to_owned()),
            409 => assert_eq!(answer.json()["type"], "/problems/request-in-flight"),
            _ => panic!("{answer:?}"),
        }
    }
    assert_eq!(ids.len(), 1, "{ids:?}");
    assert_eq!(ada.all_orders().await.len(), 1);
    ada.decided(ids.first().unwrap()).await;
    assert_eq!(admin.stock(&sku).await, [50, 49, 0, 1]);
}

#[tokio::test]
async fn whoever_gave_up_waiting_can_ask_again() {
    let shop = Shop::shared().await;
    let (admin, ada) = (shop.admin().await, Customer::new(shop).await);
    let sku = shop.product(&admin, 10).await;
    let (key, body) = (unique(), order(&[(&sku, 1)], "tok_slow"));
    // The connection is gone before the answer is.
    let impatient = ada.place(&key, &body);
    let _ = tokio::time::timeout(std::time::Duration::from_millis(100), impatient).await;
    let patience = std::time::Duration::from_secs(60);
    let placed = crate::support::eventually("the order is answered", patience, async || {
        let answer = ada.place(&key, &body).await;
        [201, 202].contains(&answer.status.as_u16()).then_some(answer)
    });
    let placed = placed.await.json();
    let decided = ada.decided(placed["id"].as_str().unwrap()).await;
    assert_eq!(decided["status"], "confirmed");
    assert_eq!(ada.all_orders().await.len(), 1);
    assert_eq!(admin.postings(&placed).await.len(), 2);
}

#[tokio::test]
async fn the_key_may_be_a_bare_token() {
    let shop = Shop::shared().await;
    let (admin, ada) = (shop.admin().await, Customer::new(shop).await);
    let sku = shop.product(&admin, 10).await;
    let (key, body) = (unique(), order(&[(&sku, 1)], "tok_approved"));
    let bare = ada.api.with("idempotency-key", &key);
    let json = Some("application/json");
    let first = bare.send(Method::POST, "/api/v1/orders", json, body.to_string()).await.expect(201);
    let again = ada.place(&key, &body).await.expect(201);
    assert_eq!(again.json()["id"], first.json()["id"]);
}
