//! Orders, shipments and events on the wire.

use chassis::clock::rfc3339;
use chassis::money::Money;
use serde::Serialize;
use serde_json::Value;

use crate::domain::order::Rejection;
use crate::domain::{Address, Event, Item, Order, Recorded};
use crate::ports::Shipment;

/// An order.
#[derive(Serialize)]
pub(super) struct OrderView {
    id: String,
    status: &'static str,
    items: Vec<Item>,
    total: Money,
    /// Null once the order has ended and the customer has deleted their account.
    shipping_address: Option<Address>,
    /// RFC 3339, UTC.
    created_at: String,
    /// RFC 3339, UTC; of the last change of status.
    updated_at: String,
    /// Why it was rejected, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    rejection: Option<Rejection>,
    /// The refund for returned parcels.
    #[serde(skip_serializing_if = "Option::is_none")]
    refunded: Option<Money>,
}

impl OrderView {
    pub(super) fn of(order: &Order) -> Self {
        Self {
            id: order.placed.id.clone(),
            status: order.status.as_str(),
            items: order.placed.items.clone(),
            total: order.placed.total.clone(),
            shipping_address: order.placed.shipping_address.clone(),
            created_at: rfc3339(order.created_at_ms),
            updated_at: rfc3339(order.updated_at_ms),
            rejection: order.rejection.clone(),
            refunded: order.refunded(),
        }
    }
}

/// A shipment.
#[derive(Serialize)]
pub(super) struct ShipmentView {
    id: String,
    status: &'static str,
    courier: String,
    tracking_code: String,
    lines: Vec<LineView>,
    /// RFC 3339, UTC; of the last change of status.
    updated_at: String,
}

#[derive(Serialize)]
struct LineView {
    sku: String,
    quantity: u32,
}

impl From<Shipment> for ShipmentView {
    fn from(shipment: Shipment) -> Self {
        let line = |(sku, quantity)| LineView { sku, quantity };
        Self {
            id: shipment.id,
            status: shipment.status.as_str(),
            courier: shipment.courier,
            tracking_code: shipment.tracking_code,
            lines: shipment.lines.into_iter().map(line).collect(),
            updated_at: shipment.updated_at,
        }
    }
}

/// Something that has happened to an order: `type` and what belongs to it.
#[derive(Serialize)]
pub(super) struct EventView {
    sequence: u64,
    /// RFC 3339, UTC.
    at: String,
    #[serde(flatten)]
    event: Value,
}

impl EventView {
    /// For customers: without what the services said among themselves when something went
    /// wrong, and without who of the staff looked at it.
    pub(super) fn public(recorded: Recorded) -> Self {
        let hidden = match recorded.event {
            Event::AttemptFailed { .. } => "detail",
            Event::Parked { .. } => "reason",
            Event::Resumed { .. } => "by",
            Event::Retired { .. } => "facts",
            _ => return Self::whole(recorded),
        };
        let mut view = Self::whole(recorded);
        if let Value::Object(members) = &mut view.event {
            members.remove(hidden);
        }
        view
    }

    /// For administrators: everything.
    pub(super) fn whole(recorded: Recorded) -> Self {
        // Events are plain data: they always have a JSON form.
        let event = serde_json::to_value(&recorded.event).unwrap_or_default();
        Self { sequence: recorded.sequence, at: rfc3339(recorded.at_ms), event }
    }
}
