//! The status of an order as server-sent events.

use crate::support::{Customer, Shop};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::Value;
use std::time::Duration;

/// The timeout for an event.
const ARRIVAL: Duration = Duration::from_secs(90);

/// The events of a stream.
struct Events {
    body: Incoming,
    unread: String,
}

impl Events {
    async fn of(customer: &Customer, id: &str, last: Option<&str>) -> Self {
        let api = match last {
            Some(last) => customer.api.with("last-event-id", last),
            None => customer.api.clone(),
        };
        let body = api.events(&format!("/api/v1/orders/{id}/events")).await;
        Self { body, unread: String::new() }
    }

    /// Id and status of the next event; none at the end of the stream.
    async fn next(&mut self) -> Option<(String, String)> {
        loop {
            while let Some((event, rest)) = self.unread.split_once("\n\n") {
                let event = event.to_owned();
                self.unread = rest.to_owned();
                let field = |name: &str| {
                    event.lines().find_map(|line| Some(line.strip_prefix(name)?.trim().to_owned()))
                };
                if field("event:").as_deref() == Some("status") {
                    let data: Value = serde_json::from_str(&field("data:").unwrap()).unwrap();
                    let status = data["status"].as_str().unwrap().to_owned();
                    return Some((field("id:").unwrap(), status));
                }
            }
            let frame = tokio::time::timeout(ARRIVAL, self.body.frame()).await;
            let frame = frame.expect("something arrives").transpose().unwrap()?;
            let data = frame.into_data().unwrap_or_default();
            self.unread.push_str(std::str::from_utf8(&data).unwrap());
        }
    }

    async fn status(&mut self) -> String {
        self.next().await.expect("one more event").1
    }
}

#[tokio::test]
async fn each_status_arrives_when_it_is_reached() {
    let shop = Shop::shared().await;
    let (admin, ada) = (shop.admin().await, Customer::new(shop).await);
    let sku = shop.product(&admin, 5).await;
    let order = ada.buy(&[(&sku, 1)], "tok_approved").await;
    let id = order["id"].as_str().unwrap();
    let mut events = Events::of(&ada, id, None).await;
    let (pending, _) = events.next().await.unwrap();
    assert_eq!(events.status().await, "confirmed");
    let mut resumed = Events::of(&ada, id, Some(&pending)).await;
    assert_eq!(resumed.status().await, "confirmed");
    drop(resumed);
    // The next status is not reached yet, so its event arrives separately.
    admin.report(&ada, id, "in_transit").await;
    assert_eq!(events.status().await, "shipped");
    admin.report(&ada, id, "delivered").await;
    let (delivered, _) = events.next().await.unwrap();
    assert_eq!(events.next().await, None, "the stream ends with the order");
    let seen = ada.api.with("last-event-id", &delivered);
    seen.get(&format!("/api/v1/orders/{id}/events")).await.expect(204);
}
