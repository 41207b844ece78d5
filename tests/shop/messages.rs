//! What customers are told.

use crate::support::{Api, Customer, Shop, eventually};
use serde_json::{Value, json};
use std::time::Duration;

/// From an order's change to the mail about it.
const DELIVERY: Duration = Duration::from_secs(60);

/// The notifications about a template, once one was sent.
async fn sent(customer: &Customer, template: &str) -> Value {
    eventually(&format!("{template} is sent to {}", customer.email), DELIVERY, async || {
        let all = customer.api.all("/api/v1/notifications", 50).await;
        let own = |one: &&Value| one["template_code"] == template && one["status"] == "sent";
        all.iter().find(own).cloned()
    })
    .await
}

/// The pages of all mails to an address that are in the mailbox.
async fn mails(visitor: &Api, address: &str) -> Vec<String> {
    let list = visitor.get("/mailbox").await.expect(200).text();
    let mut pages = Vec::new();
    for row in list.split("<li").filter(|row| row.contains(address)) {
        let path = row.split("href=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
        pages.push(visitor.get(path).await.expect(200).text());
    }
    pages
}

#[tokio::test]
async fn a_confirmation_lies_in_the_mailbox() {
    let shop = Shop::shared().await;
    let (admin, ada) = (shop.admin().await, Customer::new(shop).await);
    let sku = shop.product(&admin, 5).await;
    let order = ada.buy(&[(&sku, 1)], "tok_approved").await;
    let notification = sent(&ada, "order-confirmed").await;
    assert_eq!(notification["channel"], "email");
    let path = format!("/api/v1/notifications/{}", notification["id"].as_str().unwrap());
    assert_eq!(ada.api.get(&path).await.expect(200).json(), notification);

    let mails = mails(&shop.visitor(), &ada.email).await;
    let id = order["id"].as_str().unwrap();
    assert_eq!(mails.iter().filter(|mail| mail.contains(id)).count(), 1, "{mails:#?}");
    assert!(mails.iter().any(|mail| mail.contains("12.50")), "{mails:#?}");
}

#[tokio::test]
async fn every_turn_of_an_order_is_told_once() {
    let shop = Shop::shared().await;
    let (admin, ada) = (shop.admin().await, Customer::new(shop).await);
    let sku = shop.product(&admin, 5).await;
    let shipped = ada.buy(&[(&sku, 1)], "tok_approved").await;
    admin.report(&ada, shipped["id"].as_str().unwrap(), "in_transit").await;
    sent(&ada, "order-shipped").await;
    ada.buy(&[(&sku, 1)], "tok_declined").await;
    sent(&ada, "order-rejected").await;
    let cancelled = ada.buy(&[(&sku, 1)], "tok_approved").await;
    ada.api.ask(&format!("/api/v1/orders/{}/cancel", cancelled["id"].as_str().unwrap())).await;
    sent(&ada, "order-cancelled").await;
    let all = ada.api.all("/api/v1/notifications", 2).await;
    let count = |template: &str| all.iter().filter(|one| one["template_code"] == template).count();
    assert_eq!(count("order-shipped"), 1);
    assert_eq!(count("order-rejected"), 1);
    assert_eq!(count("order-cancelled"), 1);
    assert_eq!(count("order-confirmed"), 2);
}

#[tokio::test]
async fn whoever_wants_no_mail_gets_none() {
    let shop = Shop::shared().await;
    let (admin, ada) = (shop.admin().await, Customer::new(shop).await);
    let sku = shop.product(&admin, 5).await;
    let none = json!({"email": false, "push": false});
    let path = "/api/v1/notifications/preferences";
    ada.api.put(path, &none).await.expect(200);
    assert_eq!(ada.api.get(path).await.expect(200).json(), none);
    ada.buy(&[(&sku, 1)], "tok_approved").await;
    eventually("the message is suppressed", DELIVERY, async || {
        let all = ada.api.all("/api/v1/notifications", 50).await;
        all.iter().find(|one| one["status"] == "suppressed").map(|_| ())
    })
    .await;
    assert_eq!(mails(&shop.visitor(), &ada.email).await, Vec::<String>::new());
}

#[tokio::test]
async fn messages_are_their_readers_alone() {
    let shop = Shop::shared().await;
    let (admin, ada) = (shop.admin().await, Customer::new(shop).await);
    let sku = shop.product(&admin, 5).await;
    ada.buy(&[(&sku, 1)], "tok_approved").await;
    let notification = sent(&ada, "order-confirmed").await;
    let bob = Customer::new(shop).await;
    let path = format!("/api/v1/notifications/{}", notification["id"].as_str().unwrap());
    bob.api.get(&path).await.problem(404);
    assert_eq!(bob.api.all("/api/v1/notifications", 20).await, Vec::<Value>::new());
}
