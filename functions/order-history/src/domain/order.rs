//! One order as the projection keeps it.

use chassis::money::Money;
use serde::{Deserialize, Serialize};

use super::Position;

/// An order and the event that it was taken from: a function of that event and of nothing
/// else, so that the same event always gives the same bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The state.
    pub order: Order,
    /// Why it waits for a person, if it does.
    pub parked: Option<String>,
    /// The event's place among those of the order, from 1.
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
    /// Who ordered: `usr_…`.
    pub user_id: String,
    /// In the words of orders; one that this code does not know is kept as it is.
    pub status: String,
    /// What was ordered.
    #[serde(rename = "lines")]
    pub items: Vec<Item>,
    /// What it costs altogether.
    pub total: Money,
    /// Why it was refused, if it was.
    #[serde(default)]
    pub rejection: Option<Rejection>,
    /// What is on its way, once something is.
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

/// What a user is called: the local copy for the administrators' list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// `usr_…`.
    pub user_id: String,
    /// For people.
    pub name: String,
    /// The place of its event among those of the user, from 1.
    pub sequence: u64,
    /// When the event happened, in milliseconds since the epoch.
    pub at_ms: u64,
}

/// Where an order stands in every list: by time, and by id among those of one instant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place(pub u64, pub String);

impl Entry {
    /// Its place in lists.
    pub fn place(&self) -> Place {
        Place(self.created_at_ms, self.order.id.clone())
    }

    /// What a reader has seen who has seen this.
    pub fn position(&self) -> Position {
        Position { order_id: self.order.id.clone(), sequence: self.sequence }
    }
}
