//! Parcels of orders.

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

/// The time from payment to delivery, in milliseconds.
const DELIVERY_MS: &str = "2000";

#[tokio::test]
async fn sandbox_couriers_deliver_orders() {
    let with_couriers =
        |host: harness::HostBuilder| host.variable("courier_simulation_ms", DELIVERY_MS);
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
