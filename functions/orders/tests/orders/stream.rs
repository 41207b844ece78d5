//! The stream of an order's events.

use crate::simulation::{Shop, Simulation};
use chassis::testing::{Client, Reply};
use orders::domain::ShipmentStatus;
use serde_json::Value;

/// A customer, and the stream of their order.
async fn ordered(shop: &Shop) -> (Client, String) {
    let order = shop.place().await;
    let path = format!("/api/v1/orders/{}/events", order["id"].as_str().unwrap());
    (shop.customer(), path)
}

fn statuses(reply: &Reply) -> Vec<String> {
    let data = reply.text.lines().filter_map(|line| line.strip_prefix("data: "));
    data.map(|data| {
        let data: Value = serde_json::from_str(data).unwrap();
        data["status"].as_str().unwrap().to_owned()
    })
    .collect()
}

#[tokio::test]
async fn a_stream_has_all_statuses_and_ends_with_the_order() {
    let shop = Shop::new();
    let (customer, path) = ordered(&shop).await;
    let id = path.split('/').nth(4).unwrap();
    shop.simulation.set_parcel(id, ShipmentStatus::Delivered);
    let whole = customer.get(&path).await;
    assert_eq!(whole.status, 200);
    assert_eq!(statuses(&whole), ["pending", "confirmed", "shipped", "delivered"]);
    let ids: Vec<&str> = whole.text.lines().filter_map(|it| it.strip_prefix("id: ")).collect();
    let rest = customer.with("last-event-id", ids[1]).get(&path).await;
    assert_eq!(statuses(&rest), ["shipped", "delivered"]);
    customer.with("last-event-id", ids[3]).get(&path).await.expect(204);
}

#[tokio::test]
async fn a_stream_without_changes_sends_keep_alives_and_ends() {
    let shop = Shop::new();
    let (customer, path) = ordered(&shop).await;
    let now_ms = |simulation: &Simulation| simulation.with(|state| state.now_ms);
    let start_ms = now_ms(&shop.simulation);
    let reply = customer.get(&path).await;
    assert_eq!(statuses(&reply), ["pending", "confirmed"]);
    assert_eq!(reply.text.matches(": keep-alive").count(), 7);
    let duration_ms = now_ms(&shop.simulation) - start_ms;
    assert!((120_000..121_000).contains(&duration_ms), "{duration_ms}");
}
