//! Payments follow what the provider's API reports, and the price that the customer has confirmed.
//! Returned orders are refunded.

use crate::hostile::forged_webhooks::{self, PUBLISHED_SECRET};
use crate::support::{Customer, Shop, eventually, order, product, unique};
use harness::Answer;
use serde_json::{Value, json};
use std::time::Duration;

/// How long an order may take to appear in its customer's list.
const LISTED: Duration = Duration::from_secs(90);

/// Sends a webhook with the signature of the provider.
async fn forge(shop: &Shop, order: &Value, state: &str, value: i64) -> Answer {
    let (visitor, id) = (shop.visitor(), order["id"].as_str().unwrap());
    let answer = forged_webhooks::forge(&visitor, PUBLISHED_SECRET, id, state, value).await;
    answer.expect("an answer")
}

fn payment_of(order: &Value) -> String {
    order["id"].as_str().unwrap().replace("ord_", "pay_")
}

#[tokio::test]
async fn a_forged_webhook_with_the_published_secret_has_no_effect() {
    let shop = Shop::shared().await;
    let (admin, ada) = (shop.admin().await, Customer::new(shop).await);
    let sku = shop.product(&admin, 5).await;
    let key = unique();
    let goods = order(&[(&sku, 2)], "tok_unreachable");
    let lie = async {
        let placed = eventually("the order is listed", LISTED, async || {
            ada.all_orders().await.into_iter().next()
        })
        .await;
        let path = format!("/api/v1/admin/payments/{}", payment_of(&placed));
        eventually("the payment is requested", LISTED, async || {
            (admin.get(&path).await.status == 200).then_some(())
        })
        .await;
        // The webhook is false: the provider does not know the charge.
        for _ in 0..3 {
            let answer = forge(shop, &placed, "approved", 2_500).await;
            assert!([204, 503].contains(&answer.status.as_u16()), "{answer:?}");
        }
    };
    let (placed, ()) = tokio::join!(ada.place(&key, &goods), lie);
    let order = ada.decided(placed.json()["id"].as_str().unwrap()).await;
    assert_eq!(order["status"], "rejected", "{order}");
    assert_eq!(admin.stock(&sku).await, [5, 5, 0, 0]);
    assert_eq!(admin.postings(&order).await, vec![]);

    // A false webhook does not refund captured money either.
    let paid = ada.buy(&[(&sku, 1)], "tok_approved").await;
    forge(shop, &paid, "reversed", 1_250).await.expect(204);
    forge(shop, &paid, "refused", 1_250).await.expect(204);
    let payment = admin.get(&format!("/api/v1/admin/payments/{}", payment_of(&paid))).await;
    let payment = payment.expect(200).json();
    assert_eq!((&payment["status"], &payment["refunded"]), (&json!("captured"), &json!(0)));
    assert_eq!(admin.postings(&paid).await.len(), 2);
}

#[tokio::test]
async fn a_price_change_since_the_cart_was_shown_charges_nothing() {
    let shop = Shop::shared().await;
    let (admin, ada) = (shop.admin().await, Customer::new(shop).await);
    let sku = shop.product(&admin, 5).await;
    let mut body = order(&[(&sku, 2)], "tok_approved");
    body["expected_total"] = json!({"amount": 2_500, "currency": "EUR"});
    admin.put(&format!("/api/v1/products/{sku}"), &product(&sku, 999_999)).await.expect(200);
    let problem = ada.place(&unique(), &body).await.problem(409);
    assert_eq!(problem["type"], "/problems/price-changed", "{problem}");
    assert_eq!(problem["expected_total"]["amount"], 2_500);
    assert_eq!(problem["total"], json!({"amount": 1_999_998, "currency": "EUR"}));
    assert_eq!(ada.all_orders().await, Vec::<Value>::new());
    assert_eq!(admin.stock(&sku).await, [5, 5, 0, 0]);
    body["expected_total"] = problem["total"].clone();
    let placed = ada.place(&unique(), &body).await.expect(201).json();
    assert_eq!(placed["total"]["amount"], 1_999_998);
}

/// If the provider does something else than requested, the order is not fulfilled, and no money is
/// kept.
#[tokio::test]
async fn a_deviation_of_the_provider_rejects_the_order() {
    let shop = Shop::shared().await;
    let (admin, ada) = (shop.admin().await, Customer::new(shop).await);
    let sku = shop.product(&admin, 5).await;
    for (card, code) in [
        ("tok_wrong_amount", "payment_mismatch"),
        ("tok_partial_capture", "payment_mismatch"),
        ("tok_refused_later", "card_declined"),
        ("tok_hold_lapsed", "payment_cancelled"),
    ] {
        let order = ada.buy(&[(&sku, 2)], card).await;
        assert_eq!(order["status"], "rejected", "{card}: {order}");
        assert_eq!(order["rejection"]["code"], code, "{card}: {order}");
        assert_eq!(admin.stock(&sku).await, [5, 5, 0, 0], "{card}");
        let paid: i64 = admin
            .postings(&order)
            .await
            .iter()
            .filter(|(account, _)| account == "customer_funds")
            .map(|(_, amount)| amount)
            .sum();
        assert_eq!(paid, 0, "{card}");
    }
}

#[tokio::test]
async fn a_returned_parcel_is_refunded_and_restocked() {
    let shop = Shop::shared().await;
    let (admin, ada) = (shop.admin().await, Customer::new(shop).await);
    let sku = shop.product(&admin, 5).await;
    let placed = ada.buy(&[(&sku, 2)], "tok_approved").await;
    let id = placed["id"].as_str().unwrap();
    for status in ["in_transit", "attempt_failed", "in_transit", "attempt_failed"] {
        let shipments = ada.api.get(&format!("/api/v1/orders/{id}/shipments")).await.expect(200);
        let parcel = shipments.json()["items"][0]["id"].as_str().unwrap().to_owned();
        let path = format!("/api/v1/shipments/{parcel}/events");
        admin.post(&path, &json!({"status": status})).await.expect(200);
    }
    admin.report(&ada, id, "returned").await;
    let order = ada.order(id).await;
    assert_eq!(order["refunded"], order["total"], "{order}");
    assert_eq!(admin.stock(&sku).await, [5, 5, 0, 0]);
    let postings = admin.postings(&order).await;
    let expected = [
        ("psp_clearing", 2_500),
        ("psp_clearing", -2_500),
        ("customer_funds", -2_500),
        ("customer_funds", 2_500),
    ];
    let expected = expected.map(|(account, amount)| (account.to_owned(), amount));
    assert_eq!(postings, expected);
    eventually("the customer is notified", LISTED, async || {
        let messages = ada.api.all("/api/v1/notifications", 100).await;
        messages.iter().any(|message| message["template_code"] == "order-returned").then_some(())
    })
    .await;
    eventually("the read model shows it", LISTED, async || {
        let returned = ada.api.all("/api/v1/order-history?status=returned", 100).await;
        returned.iter().any(|listed| listed["id"] == id).then_some(())
    })
    .await;
}
