//! Payments: one scenario for each behavior of a card. In the end, order, stock and ledger always
//! agree.

use crate::support::{Customer, Shop};
use serde_json::{Value, json};

const PIECES: u64 = 10;
const QUANTITY: u32 = 3;
const PRICE: i64 = 3 * 1250;

/// Buys with this card. Returns the decided order, the stock and the ledger.
async fn buy(method: &str) -> (Value, [u64; 4], Vec<(String, i64)>) {
    let shop = Shop::shared().await;
    let (admin, ada) = (shop.admin().await, Customer::new(shop).await);
    let sku = shop.product(&admin, 10).await;
    let order = ada.buy(&[(&sku, QUANTITY)], method).await;
    assert_eq!(order["total"], json!({"amount": PRICE, "currency": "EUR"}));
    assert_eq!(order["items"][0]["price"], json!({"amount": 1250, "currency": "EUR"}));
    (order.clone(), admin.stock(&sku).await, admin.postings(&order).await)
}

/// The postings of one charge.
fn one_charge() -> Vec<(String, i64)> {
    vec![("psp_clearing".into(), PRICE), ("customer_funds".into(), -PRICE)]
}

#[tokio::test]
async fn an_approved_card_pays() {
    let (order, stock, postings) = buy("tok_approved").await;
    assert_eq!(order["status"], "confirmed", "{order}");
    assert_eq!(stock, [PIECES, 7, 0, 3]);
    assert_eq!(postings, one_charge());
}

#[tokio::test]
async fn a_slow_card_pays_once() {
    let (order, stock, postings) = buy("tok_slow").await;
    assert_eq!(order["status"], "confirmed", "{order}");
    assert_eq!(stock, [PIECES, 7, 0, 3]);
    assert_eq!(postings, one_charge());
}

#[tokio::test]
async fn an_approval_with_a_lost_response_pays_once() {
    let (order, stock, postings) = buy("tok_lost_answer").await;
    assert_eq!(order["status"], "confirmed", "{order}");
    assert_eq!(stock, [PIECES, 7, 0, 3]);
    assert_eq!(postings, one_charge());
}

/// Checks that the order is rejected for this reason, nothing is charged, and nothing is reserved.
async fn assert_rejected(method: &str, code: &str) {
    let (order, stock, postings) = buy(method).await;
    assert_eq!(order["status"], "rejected", "{order}");
    assert_eq!(order["rejection"]["code"], code, "{order}");
    assert_eq!(stock, [PIECES, PIECES, 0, 0]);
    assert_eq!(postings, vec![]);
}

#[tokio::test]
async fn a_declined_card_charges_nothing() {
    assert_rejected("tok_declined", "card_declined").await;
}

#[tokio::test]
async fn a_card_with_insufficient_funds_charges_nothing() {
    assert_rejected("tok_insufficient_funds", "insufficient_funds").await;
}

#[tokio::test]
async fn an_unknown_card_charges_nothing() {
    assert_rejected("tok_of_another_provider", "invalid_payment_method").await;
}

#[tokio::test]
async fn an_unreachable_provider_charges_nothing() {
    assert_rejected("tok_unreachable", "payment_unavailable").await;
}

#[tokio::test]
async fn an_order_keeps_its_prices() {
    let shop = Shop::shared().await;
    let (admin, ada) = (shop.admin().await, Customer::new(shop).await);
    let sku = shop.product(&admin, 10).await;
    let order = ada.buy(&[(&sku, 1)], "tok_approved").await;
    let path = format!("/api/v1/products/{sku}");
    let mut product = crate::support::product(&sku, 9_999);
    product["name"] = json!("Renamed");
    admin.put(&path, &product).await.expect(200);
    let later = ada.order(order["id"].as_str().unwrap()).await;
    assert_eq!(later["total"]["amount"], 1250);
    assert_eq!(later["items"], order["items"]);
}
