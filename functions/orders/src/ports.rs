//! What the orders function needs of others.

use std::future::Future;

use chassis::events::{Event, PublishError};
use chassis::money::Money;

use crate::domain::saga::{Action, Fault};
use crate::domain::{Carriage, Line, Order, Parcel};

/// A product as the catalogue sells it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    pub sku: String,
    pub name: String,
    pub price: Money,
}

/// A customer's basket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cart {
    /// Counts the changes; `clear` wants it back.
    pub version: u64,
    /// SKU and pieces.
    pub lines: Vec<(String, u32)>,
}

/// A part of an order that travels on its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shipment {
    pub id: String,
    pub status: Carriage,
    pub courier: String,
    pub tracking_code: String,
    /// SKU and pieces.
    pub lines: Vec<(String, u32)>,
    /// RFC 3339, UTC.
    pub updated_at: String,
}

impl Shipment {
    /// What the order remembers of it.
    pub fn parcel(&self) -> Parcel {
        Parcel {
            id: self.id.clone(),
            courier: self.courier.clone(),
            tracking_code: self.tracking_code.clone(),
            status: self.status,
            lines: self.lines.iter().map(line).collect(),
        }
    }
}

fn line((sku, quantity): &(String, u32)) -> Line {
    Line { sku: sku.clone(), quantity: *quantity }
}

/// A capability did not answer; its own words, for the log. Safe to ask again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unavailable(pub String);

/// The other capabilities that take part in an order.
pub trait Participants: Clone + Send + Sync + 'static {
    /// The products with these SKUs (at most 100); unknown ones are left out.
    fn products(
        &self,
        skus: Vec<String>,
    ) -> impl Future<Output = Result<Vec<Product>, Unavailable>> + Send;

    /// The user's cart; empty if there is none.
    fn cart(&self, user_id: &str) -> impl Future<Output = Result<Cart, Unavailable>> + Send;

    /// The shipments of an order, as they are now.
    fn shipments(
        &self,
        order_id: &str,
    ) -> impl Future<Output = Result<Vec<Shipment>, Unavailable>> + Send;

    /// One move of an order's saga. Idempotent: every call of the same action for the same
    /// order carries the same ids.
    fn perform(
        &self,
        action: Action,
        order: &Order,
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Make events durable for all who subscribe to them. Repeating them is fine.
    fn publish(&self, events: &[Event]) -> impl Future<Output = Result<(), PublishError>> + Send;
}

/// Time, as far as it must pass.
pub trait Clock: Clone + Send + Sync + 'static {
    /// Milliseconds since the epoch.
    fn now_ms(&self) -> u64;

    /// Ready after that many milliseconds.
    fn sleep(&self, ms: u64) -> impl Future<Output = ()> + Send;
}
