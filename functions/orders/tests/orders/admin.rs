//! Versions and positions of responses, the operations of administrators, and deliveries of events.

use crate::simulation::{ADA, Answer, Shop, body, shipment_event};
use chassis::events::Event;
use chassis::store::Store;
use chassis::testing::Reply;
use orders::domain::saga::PARK_ATTEMPTS;
use serde_json::{Value, json};

async fn cancel(shop: &Shop, path: &str, if_match: &str) -> Reply {
    let client = shop.customer().with("if-match", if_match);
    shop.post(client, &format!("{path}/cancel")).await
}

fn position(reply: &Reply) -> (&str, &str) {
    (reply.etag(), reply.header("x-projection-position"))
}

#[tokio::test]
async fn responses_have_the_version_and_the_position() {
    let shop = Shop::new();
    let placed = shop.order(ADA, "k1", &body()).await;
    let (path, tag) = (placed.header("location"), placed.etag());
    let id = placed.json["id"].as_str().unwrap();
    assert_eq!(position(&placed).1, format!("{id}.2"));
    let again = shop.order(ADA, "k1", &body()).await;
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(position(&again), position(&placed));
    assert_eq!(position(&shop.customer().get(path).await), position(&placed));

    let refused = cancel(&shop, path, "\"1\"").await;
    assert_eq!(refused.etag(), tag);
    refused.expect_problem(412, "precondition-failed");
    cancel(&shop, path, "7").await.expect(400);
    let canceled = cancel(&shop, path, &format!("\"1\", {tag}")).await;
    assert_eq!(canceled.status, 200);
    assert!(position(&canceled).1.ends_with(".3"));
    assert_ne!(canceled.etag(), tag);
    assert_eq!(cancel(&shop, path, tag).await.status, 200, "it is canceled already");
}

async fn saga(shop: &Shop, id: &str) -> Value {
    shop.admin().get(&format!("/api/v1/admin/orders/{id}/saga")).await.expect(200)
}

/// A shop with a parked order, and the order's id.
async fn parked() -> (Shop, String) {
    let shop = Shop::new();
    shop.simulation.script("Commit", &[Answer::Unavailable; PARK_ATTEMPTS as usize]);
    let id = shop.place().await["id"].as_str().unwrap().to_owned();
    shop.simulation.settle(&id);
    (shop, id)
}

#[tokio::test]
async fn administrators_inspect_and_resume_a_parked_checkout() {
    let (shop, id) = parked().await;
    let parked = saga(&shop, &id).await;
    let direction = (&parked["status"], &parked["direction"]);
    assert_eq!(direction, (&json!("pending"), &json!("forward")));
    assert_eq!(parked["parked"]["reason"], "failed 24 times, last: test");
    let step = |name: &str, status: &str, attempts: u32, undo: &str, registered: &str| {
        json!({
            "name": name, "status": status, "attempts": attempts,
            "compensation": {"name": undo, "status": registered, "attempts": 0},
        })
    };
    let expected = json!([
        step("reserve", "done", 1, "release", "registered"),
        step("authorize", "done", 1, "cancel_payment", "registered"),
        step("capture", "done", 1, "cancel_payment", "registered"),
        step("commit", "started", PARK_ATTEMPTS, "take_back", "registered"),
        step("ship", "pending", 0, "cancel_shipment", "none"),
        {"name": "clear_cart", "status": "pending", "attempts": 0, "compensation": null},
    ]);
    assert_eq!(parked["steps"], expected);

    let resume = format!("/api/v1/admin/orders/{id}/resume");
    shop.post(shop.customer(), &resume).await.expect(403);
    assert_eq!(shop.post(shop.admin(), &resume).await.expect(200)["status"], "confirmed");
    shop.post(shop.admin(), &resume).await.expect_problem(409, "not-parked");
    assert_eq!(saga(&shop, &id).await["parked"], Value::Null);

    shop.post(shop.customer(), &format!("/api/v1/orders/{id}/cancel")).await.expect(200);
    let undone = saga(&shop, &id).await;
    let direction = (&undone["status"], &undone["direction"]);
    assert_eq!(direction, (&json!("cancelled"), &json!("backward")));
    assert_eq!(undone["steps"][3]["compensation"]["status"], "done");
}

#[tokio::test]
async fn only_administrators_inspect_and_resume_existing_orders() {
    let (shop, id) = parked().await;
    shop.customer().get(&format!("/api/v1/admin/orders/{id}/saga")).await.expect(403);
    for id in ["x", "ord_01930000-0000-7000-8000-00000000ffff"] {
        shop.admin().get(&format!("/api/v1/admin/orders/{id}/saga")).await.expect(404);
        shop.post(shop.admin(), &format!("/api/v1/admin/orders/{id}/resume")).await.expect(404);
    }
}

/// The events of these types in the order's history, as a customer or an administrator sees them.
async fn events(shop: &Shop, user: &str, id: &str, types: &[&str]) -> Vec<Value> {
    let client = if user == "usr_admin" { shop.admin() } else { shop.client().customer(user) };
    let history = client.get(&format!("/api/v1/orders/{id}/history")).await.expect(200);
    let events = history["items"].as_array().unwrap().iter();
    events.filter(|event| types.iter().any(|kind| event["type"] == *kind)).cloned().collect()
}

#[tokio::test]
async fn internal_errors_are_visible_to_administrators_only() {
    let (shop, id) = parked().await;
    shop.post(shop.admin(), &format!("/api/v1/admin/orders/{id}/resume")).await.expect(200);
    for (kind, secret) in [("attempt_failed", "detail"), ("parked", "reason"), ("resumed", "by")] {
        let public = events(&shop, ADA, &id, &[kind]).await;
        let whole = events(&shop, "usr_admin", &id, &[kind]).await;
        assert!(!public.is_empty() && public.len() == whole.len(), "{kind}");
        assert!(public.iter().all(|event| event.get(secret).is_none()), "{public:?}");
        assert!(whole.iter().all(|event| event[secret].is_string()), "{whole:?}");
        assert!(public.iter().all(|event| event["at"].is_string() && event["sequence"].is_u64()));
    }

    let old = include_str!("../fixtures/order-v1.json").trim();
    let id = "ord_01930000-0000-7000-8000-000000000001";
    shop.simulation.store.set(&format!("order:{id}"), old.as_bytes()).await.unwrap();
    let types = ["attempt_failed", "retired"];
    let has_secret = |events: Vec<Value>| json!(events).to_string().contains("silence");
    assert!(!has_secret(events(&shop, "usr_1", id, &types).await));
    assert!(has_secret(events(&shop, "usr_admin", id, &types).await));
}

#[tokio::test]
async fn events_of_shipping_are_accepted_in_order() {
    let shop = Shop::new();
    let order = shop.place().await;
    let id = order["id"].as_str().unwrap();
    let event = |sequence, status| shipment_event(id, sequence, &[(2, status)]);
    let other = Event { kind: "com.shop.shipping.other.v1".to_owned(), ..event(3, "whatever") };
    let deliveries = [
        (event(2, "in_transit"), 425),
        (event(1, "created"), 204),
        (event(1, "created"), 204),
        (event(2, "in_transit"), 204),
        (event(3, "unknown"), 400),
        (other, 204),
        (shipment_event("ord_unknown", 1, &[(2, "created")]), 204),
    ];
    for (number, (event, status)) in deliveries.into_iter().enumerate() {
        assert_eq!(shop.client().deliver(&event).await.status, status, "{number}");
    }
    let order = shop.customer().get(&format!("/api/v1/orders/{id}")).await.expect(200);
    assert_eq!(order["status"], "shipped");
    assert_eq!(shop.simulation.published(), ["order.placed", "order.confirmed", "order.shipped"]);
}
