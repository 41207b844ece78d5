//! An order in the projection.

use chassis::money::Money;
use serde::{Deserialize, Serialize};

use super::Position;

/// An order according to its last event. It depends on nothing else, so that the same event always
/// results in the same bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The state.
    pub order: Order,
    /// Why it waits for an operator, if it does.
    pub parked: Option<String>,
    /// The sequence number of the event, from 1.
    pub sequence: u64,
    /// When the event happened, in milliseconds since the epoch.
    pub at_ms: u64,
    /// When the order was placed, in milliseconds since the epoch.
    pub created_at_ms: u64,
}

/// The public state of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// `ord_…`.
    #[serde(rename = "order_id")]
    pub id: String,
    /// The customer: `usr_…`.
    pub user_id: String,
    /// As in the event, also if it is unknown here.
    pub status: String,
    /// The ordered products.
    #[serde(rename = "lines")]
    pub items: Vec<Item>,
    /// The total price.
    pub total: Money,
    /// Why it was rejected, if it was.
    #[serde(default)]
    pub rejection: Option<Rejection>,
    /// The parcels, once there are any.
    #[serde(default)]
    pub parcels: Vec<Parcel>,
    /// RFC 3339, UTC.
    pub created_at: String,
    /// RFC 3339, UTC; of the last change of status.
    pub updated_at: String,
}

/// A quantity of one product, with the name and price of that day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline))]
pub struct Item {
    /// Names the product.
    #[cfg_attr(test, schemars(with = "chassis::openapi::Sku"))]
    pub sku: String,
    /// As it was when ordered.
    pub name: String,
    /// Pieces.
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub quantity: u32,
    /// For one piece.
    pub price: Money,
}

/// Why an order was refused; only where its status is `rejected`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline))]
pub struct Rejection {
    /// For programs.
    pub code: String,
    /// For people.
    pub detail: String,
}

/// One shipment of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline))]
pub struct Parcel {
    /// `shp_…`.
    pub id: String,
    /// Who carries it.
    pub courier: String,
    /// What the courier calls it.
    pub tracking_code: String,
    /// How far it has come.
    pub status: String,
}

/// The name of a user, for the administrators' list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserName {
    /// `usr_…`.
    pub user_id: String,
    /// For people.
    pub name: String,
    /// The sequence number of the event, from 1.
    pub sequence: u64,
    /// When the event happened, in milliseconds since the epoch.
    pub at_ms: u64,
}

/// The key by which all lists are sorted: the time, and the id for orders of the same time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SortKey(pub u64, pub String);

impl Entry {
    /// The key by which lists are sorted.
    pub fn sort_key(&self) -> SortKey {
        SortKey(self.created_at_ms, self.order.id.clone())
    }

    /// The position that a reader of this entry has seen.
    pub fn position(&self) -> Position {
        Position { order_id: self.order.id.clone(), sequence: self.sequence }
    }
}
