//! Paying: one scenario for each thing that a card can do. Whatever it does, the customer,
//! the stock and the books agree in the end.

use crate::support::{Customer, Shop};
use serde_json::{Value, json};

const PIECES: u64 = 10;
const QUANTITY: u32 = 3;
const PRICE: i64 = 3 * 1250;

/// Buys with this card. The order when its fate is known, the stock and the books then.
async fn buy(method: &str) -> (Value, [u64; 4], Vec<(String, i64)>) {
    let shop = Shop::shared().await;
    let (admin, ada) = (shop.admin().await, Customer::new(shop).await);
    let sku = shop.product(&admin, 10).await;
    let order = ada.buy(&[(&sku, QUANTITY)], method).await;
    assert_eq!(order["total"], json!({"amount": PRICE, "currency": "EUR"}));
    assert_eq!(order["items"][0]["price"], json!({"amount": 1250, "currency": "EUR"}));
    (order.clone(), admin.stock(&sku).await, admin.postings(&order).await)
}

/// Charged exactly once.
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
async fn an_approval_whose_answer_was_lost_is_found_and_pays_once() {
    let (order, stock, postings) = buy("tok_lost_answer").await;
    assert_eq!(order["status"], "confirmed", "{order}");
    assert_eq!(stock, [PIECES, 7, 0, 3]);
    assert_eq!(postings, one_charge());
}

/// Rejected for this reason, nothing charged, every piece back on the shelf.
async fn is_refused(method: &str, code: &str) {
    let (order, stock, postings) = buy(method).await;
    assert_eq!(order["status"], "rejected", "{order}");
    assert_eq!(order["rejection"]["code"], code, "{order}");
    assert_eq!(stock, [PIECES, PIECES, 0, 0]);
    assert_eq!(postings.iter().map(|(_, amount)| amount).sum::<i64>(), 0);
    assert_eq!(postings, vec![], "nothing was charged, so there is nothing to give back");
}

#[tokio::test]
async fn a_declined_card_charges_nothing() {
    is_refused("tok_declined", "card_declined").await;
}

#[tokio::test]
async fn a_card_without_money_charges_nothing() {
    is_refused("tok_insufficient_funds", "insufficient_funds").await;
}

#[tokio::test]
async fn a_card_that_nobody_knows_charges_nothing() {
    is_refused("tok_of_another_provider", "invalid_payment_method").await;
}

#[tokio::test]
async fn a_provider_that_never_answers_charges_nothing() {
    is_refused("tok_unreachable", "payment_unavailable").await;
}

#[tokio::test]
async fn what_is_not_there_is_not_sold() {
    let shop = Shop::shared().await;
    let (admin, ada) = (shop.admin().await, Customer::new(shop).await);
    let (plenty, rare) = (shop.product(&admin, 10).await, shop.product(&admin, 1).await);
    let order = ada.buy(&[(&plenty, 1), (&rare, 2)], "tok_approved").await;
    assert_eq!(
        (&order["status"], &order["rejection"]["code"]),
        (&json!("rejected"), &json!("out_of_stock")),
        "{order}"
    );
    assert_eq!(admin.stock(&plenty).await, [10, 10, 0, 0], "all lines or none");
    assert_eq!(admin.stock(&rare).await, [1, 1, 0, 0]);
    assert_eq!(admin.postings(&order).await, vec![]);
}

#[tokio::test]
async fn prices_are_frozen_when_something_is_ordered() {
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
