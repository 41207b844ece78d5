//! Notifications of customers.

use crate::support::{Api, Customer, Shop, eventually, unique};
use http::Method;
use serde_json::{Value, json};
use std::time::Duration;

/// The timeout for a message about an event.
const DELIVERY: Duration = Duration::from_secs(120);

/// The notification with a template, once it was sent.
async fn sent(customer: &Customer, template: &str) -> Value {
    eventually(&format!("{template} is sent to {}", customer.email), DELIVERY, async || {
        let all = customer.api.all("/api/v1/notifications", 50).await;
        let own = |one: &&Value| one["template_code"] == template && one["status"] == "sent";
        all.iter().find(own).cloned()
    })
    .await
}

/// The queue of failed messages.
const FAILED: &str = "/api/v1/admin/queues/failed.queue";

/// The failed message to a user.
async fn failed(admin: &Api, user_id: &str) -> Option<Value> {
    let all = admin.all(FAILED, 50).await;
    all.into_iter().find(|one| one["user_id"] == user_id)
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

/// The short order number.
fn number(order: &Value) -> String {
    let id = order["id"].as_str().unwrap();
    id[id.len() - 8..].to_uppercase()
}

#[tokio::test]
async fn a_confirmation_is_mailed() {
    let shop = Shop::shared().await;
    let (admin, ada) = (shop.admin().await, Customer::new(shop).await);
    let sku = shop.product(&admin, 5).await;
    let order = ada.buy(&[(&sku, 1)], "tok_approved").await;
    let notification = sent(&ada, "order-confirmed").await;
    assert_eq!(notification["channel"], "email");
    let path = format!("/api/v1/notifications/{}", notification["id"].as_str().unwrap());
    assert_eq!(ada.api.get(&path).await.expect(200).json(), notification);

    let mails = mails(&shop.visitor(), &ada.email).await;
    let number = number(&order);
    assert_eq!(mails.iter().filter(|mail| mail.contains(&number)).count(), 1, "{mails:#?}");
    assert_eq!(notification["order_id"], order["id"]);
    assert!(mails.iter().any(|mail| mail.contains("12.50")), "{mails:#?}");
}

#[tokio::test]
async fn each_change_of_an_order_is_notified_once() {
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
    sent(&ada, "welcome").await;
    let all = ada.api.all("/api/v1/notifications", 2).await;
    let count = |template: &str, channel: &str| {
        let same = |one: &&Value| one["template_code"] == template && one["channel"] == channel;
        all.iter().filter(same).count()
    };
    assert_eq!((count("order-shipped", "email"), count("order-shipped", "push")), (1, 1));
    assert_eq!(count("order-rejected", "email"), 1);
    assert_eq!(count("order-cancelled", "email"), 1);
    assert_eq!(count("order-confirmed", "email"), 2);
    assert_eq!(count("welcome", "email"), 1);
}

#[tokio::test]
async fn preferences_suppress_messages() {
    let shop = Shop::shared().await;
    let (admin, ada) = (shop.admin().await, Customer::new(shop).await);
    let sku = shop.product(&admin, 5).await;
    let none = json!({"email": false, "push": false});
    let path = "/api/v1/notifications/preferences";
    sent(&ada, "welcome").await;
    ada.api.put(path, &none).await.expect(200);
    assert_eq!(ada.api.get(path).await.expect(200).json(), none);
    let order = ada.buy(&[(&sku, 1)], "tok_approved").await;
    eventually("the message is suppressed", DELIVERY, async || {
        let all = ada.api.all("/api/v1/notifications", 50).await;
        all.iter().find(|one| one["status"] == "suppressed").map(|_| ())
    })
    .await;
    let mails = mails(&shop.visitor(), &ada.email).await;
    assert!(!mails.iter().any(|mail| mail.contains(&number(&order))), "{mails:#?}");
}

#[tokio::test]
async fn messages_use_the_changed_language() {
    let shop = Shop::shared().await;
    let (admin, ada) = (shop.admin().await, Customer::new(shop).await);
    sent(&ada, "welcome").await;
    let change = json!({"language": "pt-BR"}).to_string();
    let kind = Some("application/json");
    ada.api.send(Method::PATCH, "/api/v1/users/me", kind, change).await.expect(200);
    let sku = shop.product(&admin, 1).await;
    // The change arrives as an event, so the first message may be too early.
    eventually("a message is in Portuguese", DELIVERY, async || {
        let body = json!({
            "request_id": unique(), "notification_type": "push", "user_id": ada.id,
            "template_code": "order-delivered", "variables": {"order_id": sku},
        });
        admin.post("/api/v1/notifications", &body).await.expect(202);
        let all = ada.api.all("/api/v1/notifications", 50).await;
        all.iter().find(|one| one["language"] == "pt").map(|_| ())
    })
    .await;
}

#[tokio::test]
async fn a_bounced_message_is_stored_with_its_reason_and_can_be_replayed() {
    let shop = Shop::shared().await;
    let admin = shop.admin().await;
    let email = format!("{}@nowhere.invalid", unique());
    let account = json!({"email": email, "password": "correct horse battery", "name": "Bob"});
    shop.visitor().post("/api/v1/users", &account).await.expect(202);
    let credentials = json!({"email": email, "password": account["password"]});
    let session = shop.visitor().post("/api/v1/sessions", &credentials).await.expect(200).json();
    let bob = shop.visitor().bearer(session["access_token"].as_str().unwrap());
    let bob = bob.get("/api/v1/users/me").await.expect(200).json();
    let id = bob["id"].as_str().unwrap();
    let bounced =
        eventually("the welcome bounces", DELIVERY, async || failed(&admin, id).await).await;
    assert_eq!(bounced["attempts"], 1, "hard bounces are not repeated");
    assert!(bounced["reason"].as_str().unwrap().contains("no mailbox"), "{bounced}");
    let replay = format!("{FAILED}/{}/replay", bounced["notification_id"].as_str().unwrap());
    admin.ask(&replay).await.expect(202);
    let again = eventually("it bounces again", DELIVERY, async || {
        failed(&admin, id).await.filter(|one| one["attempts"] == 2)
    })
    .await;
    assert_eq!(again["notification_id"], bounced["notification_id"]);
}
