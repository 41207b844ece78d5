//! The published events of an order.
//!
//! The recorded events of an order are internal and change with the code; the published events are a
//! contract. There is one for each change of the status, with the whole public state after it, so
//! that consumers need no queries, and without the address, which is personal data.

use chassis::clock::rfc3339;
use serde_json::{Value, json};

use super::event::{Event, Recorded};
use super::order::Order;

/// The source of the events.
pub const SOURCE: &str = "/shop/orders";

/// The type and the data of the event that is published for `recorded`, if any. `order` is the
/// order after it.
pub fn of(order: &Order, recorded: &Recorded) -> Option<(&'static str, Value)> {
    let kind = kind(&recorded.event)?;
    let mut data = state(order);
    match &recorded.event {
        Event::Parked { reason, .. } => data["reason"] = json!(reason),
        Event::Shipped | Event::Delivered | Event::PartlyReturned | Event::Returned => {
            data["parcels"] = json!(order.parcels);
        }
        _ => {}
    }
    Some((kind, data))
}

/// The type of the event that is published for a recorded event, if any.
pub fn kind(event: &Event) -> Option<&'static str> {
    match event {
        Event::Placed(_) => Some("com.shop.orders.order.placed.v1"),
        Event::Confirmed => Some("com.shop.orders.order.confirmed.v1"),
        Event::Rejected { .. } => Some("com.shop.orders.order.rejected.v1"),
        Event::Cancelled => Some("com.shop.orders.order.cancelled.v1"),
        Event::Shipped => Some("com.shop.orders.order.shipped.v1"),
        Event::PartlyReturned => Some("com.shop.orders.order.refunded.v1"),
        Event::Delivered => Some("com.shop.orders.order.delivered.v1"),
        Event::Returned => Some("com.shop.orders.order.returned.v1"),
        Event::Parked { .. } => Some("com.shop.orders.saga.parked.v1"),
        _ => None,
    }
}

fn state(order: &Order) -> Value {
    json!({
        "order_id": order.placed.id,
        "user_id": order.placed.user_id,
        "status": order.status,
        "lines": order.placed.items,
        "total": order.placed.total,
        "rejection": order.rejection,
        "refunded": order.refunded(),
        "created_at": rfc3339(order.created_at_ms),
        "updated_at": rfc3339(order.updated_at_ms),
    })
}
