//! The JSON form of orders, shipments and events.

use chassis::clock::rfc3339;
use chassis::money::Money;
use serde::Serialize;
use serde_json::Value;

use crate::domain::order::Rejection;
use crate::domain::{Address, Event, Item, Line, Order, Parcel, Recorded, ShipmentStatus, Status};
use crate::ports::Shipment;

/// An order.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Order"))]
pub(super) struct OrderView {
    id: String,
    status: Status,
    items: Vec<Item>,
    total: Money,
    /// Null if the order has finished and its customer has deleted the account.
    shipping_address: Option<Address>,
    #[cfg_attr(test, schemars(with = "chassis::openapi::Time"))]
    created_at: String,
    /// When the status changed last.
    #[cfg_attr(test, schemars(with = "chassis::openapi::Time"))]
    updated_at: String,
    /// Why the order was rejected; only if the status is `rejected`.
    #[serde(skip_serializing_if = "Option::is_none")]
    rejection: Option<Rejection>,
    /// The refund for returned parcels; absent if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    refunded: Option<Money>,
}

impl OrderView {
    pub(super) fn of(order: &Order) -> Self {
        Self {
            id: order.placed.id.clone(),
            status: order.status,
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

/// A separately shipped part of an order.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Shipment"))]
pub(super) struct ShipmentView {
    id: String,
    status: ShipmentStatus,
    courier: String,
    tracking_code: String,
    lines: Vec<Line>,
    /// When the status changed last.
    #[cfg_attr(test, schemars(with = "chassis::openapi::Time"))]
    updated_at: String,
}

impl From<Shipment> for ShipmentView {
    fn from(Shipment { parcel, updated_at }: Shipment) -> Self {
        let Parcel { id, courier, tracking_code, status, lines } = parcel;
        Self { id, status, courier, tracking_code, lines, updated_at }
    }
}

/// An event of an order's history. Other members depend on the type. Errors of services and the name
/// of the administrator who resumed the order are for administrators only: customers do not see the
/// `detail` of `attempt_failed`, the `reason` of `parked`, `by` of `resumed`, and the `facts` of
/// `retired`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "OrderEvent"))]
pub(super) struct EventView {
    /// 1 for the first, without gaps.
    #[cfg_attr(test, schemars(range(min = 1)))]
    sequence: u64,
    #[cfg_attr(test, schemars(with = "chassis::openapi::Time"))]
    at: String,
    #[serde(flatten)]
    #[cfg_attr(test, schemars(with = "super::api::EventType"))]
    event: Value,
}

impl EventView {
    /// For customers: without errors of services, and without the name of the administrator.
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

    /// For administrators: the whole event.
    pub(super) fn whole(recorded: Recorded) -> Self {
        // Events are plain data, so this can't fail.
        let event = serde_json::to_value(&recorded.event).unwrap_or_default();
        Self { sequence: recorded.sequence, at: rfc3339(recorded.at_ms), event }
    }
}
