//! From the shelf to the customer.

use crate::support::{Customer, Shop};
use serde_json::json;

#[tokio::test]
async fn a_confirmed_order_has_a_parcel_with_a_courier() {
    let shop = Shop::shared().await;
    let (admin, ada) = (shop.admin().await, Customer::new(shop).await);
    let sku = shop.product(&admin, 5).await;
    let order = ada.buy(&[(&sku, 2)], "tok_approved").await;
    let id = order["id"].as_str().unwrap();
    let shipments = ada.api.get(&format!("/api/v1/orders/{id}/shipments")).await.expect(200).json();
    let [parcel] = shipments["items"].as_array().unwrap().as_slice() else {
        panic!("one parcel: {shipments}")
    };
    assert_eq!(parcel["status"], "created");
    assert_eq!(parcel["lines"], json!([{"sku": sku, "quantity": 2}]));
    assert!(!parcel["tracking_code"].as_str().unwrap().is_empty());

    admin.report(&ada, id, "in_transit").await;
    let path = format!("/api/v1/shipments/{}", parcel["id"].as_str().unwrap());
    let parcel = admin.get(&path).await.expect(200).json();
    let history = parcel["history"].as_array().unwrap().iter();
    assert_eq!(
        history.map(|change| &change["status"]).collect::<Vec<_>>(),
        ["created", "in_transit"]
    );
    let events = format!("{path}/events");
    admin.post(&events, &json!({"status": "created"})).await.problem(409);
    ada.api.post(&events, &json!({"status": "delivered"})).await.problem(403);
    admin.get("/api/v1/shipments/shp_unknown").await.problem(404);
}

#[tokio::test]
async fn a_rejected_order_has_no_parcel() {
    let shop = Shop::shared().await;
    let (admin, ada) = (shop.admin().await, Customer::new(shop).await);
    let sku = shop.product(&admin, 5).await;
    let order = ada.buy(&[(&sku, 2)], "tok_declined").await;
    let path = format!("/api/v1/orders/{}/shipments", order["id"].as_str().unwrap());
    assert_eq!(ada.api.get(&path).await.expect(200).json()["items"], json!([]));
}

#[tokio::test]
async fn the_history_of_an_order_is_complete() {
    let shop = Shop::shared().await;
    let (admin, ada) = (shop.admin().await, Customer::new(shop).await);
    let sku = shop.product(&admin, 5).await;
    let order = ada.buy(&[(&sku, 1)], "tok_approved").await;
    let id = order["id"].as_str().unwrap();
    admin.report(&ada, id, "in_transit").await;
    admin.report(&ada, id, "delivered").await;
    let history = ada.api.get(&format!("/api/v1/orders/{id}/history")).await.expect(200).json();
    let events = history["items"].as_array().unwrap();
    let sequences: Vec<_> = events.iter().map(|event| event["sequence"].as_u64()).collect();
    assert_eq!(sequences, (1..=events.len() as u64).map(Some).collect::<Vec<_>>());
    let statuses: Vec<_> = events
        .iter()
        .filter_map(|event| event["type"].as_str())
        .filter(|kind| ["placed", "confirmed", "shipped", "delivered"].contains(kind))
        .collect();
    assert_eq!(statuses, ["placed", "confirmed", "shipped", "delivered"]);
}

#[tokio::test]
async fn ones_orders_are_listed_newest_first() {
    let shop = Shop::shared().await;
    let (admin, ada) = (shop.admin().await, Customer::new(shop).await);
    let sku = shop.product(&admin, 50).await;
    let mut placed = Vec::new();
    for _ in 0..5 {
        placed.insert(0, ada.buy(&[(&sku, 1)], "tok_approved").await["id"].clone());
    }
    let listed = ada.api.all("/api/v1/orders", 2).await;
    assert_eq!(listed.iter().map(|order| order["id"].clone()).collect::<Vec<_>>(), placed);
}

/// From payment to the customer's door, in milliseconds.
const ROUND_MS: &str = "2000";

#[tokio::test]
async fn sandbox_couriers_deliver_by_themselves() {
    let with_couriers =
        |host: harness::HostBuilder| host.variable("courier_simulation_ms", ROUND_MS);
    let Some(shop) = Shop::own(with_couriers).await else { return };
    let (admin, ada) = (shop.admin().await, Customer::new(&shop).await);
    let sku = shop.product(&admin, 5).await;
    let order = ada.buy(&[(&sku, 1)], "tok_approved").await;
    let id = order["id"].as_str().unwrap();
    ada.with_status(id, "delivered").await;
    let history = ada.api.get(&format!("/api/v1/orders/{id}/history")).await.expect(200).text();
    let place = |event: &str| history.find(event).unwrap_or_else(|| panic!("{event}: {history}"));
    assert!(place("\"confirmed\"") < place("\"shipped\""), "{history}");
    assert!(place("\"shipped\"") < place("\"delivered\""), "{history}");
}
