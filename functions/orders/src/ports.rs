//! What orders needs from outside.

use std::future::Future;

use chassis::events::{Event, PublishError};
use chassis::money::Money;

use crate::domain::saga::{Action, Fault};
use crate::domain::{Order, Parcel};

/// A product, as the catalog sells it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    pub sku: String,
    pub name: String,
    pub price: Money,
}

/// A customer's cart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cart {
    /// The number of changes; `clear` expects it.
    pub version: u64,
    /// SKUs and quantities.
    pub lines: Vec<(String, u32)>,
}

/// A parcel, as shipping reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shipment {
    pub parcel: Parcel,
    /// RFC 3339, UTC.
    pub updated_at: String,
}

/// A participant is unavailable, with a reason for the log. Safe to repeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unavailable(pub String);

/// The other functions that take part in an order.
pub trait Participants: Clone + Send + Sync + 'static {
    /// The products with these SKUs (at most 100), without unknown ones.
    fn products(
        &self,
        skus: Vec<String>,
    ) -> impl Future<Output = Result<Vec<Product>, Unavailable>> + Send;

    /// The user's cart; empty if there is none.
    fn cart(&self, user_id: &str) -> impl Future<Output = Result<Cart, Unavailable>> + Send;

    /// The current shipments of an order.
    fn shipments(
        &self,
        order_id: &str,
    ) -> impl Future<Output = Result<Vec<Shipment>, Unavailable>> + Send;

    /// Performs an action of an order's saga. Idempotent: each call of the same action for the same
    /// order has the same ids.
    fn perform(
        &self,
        action: Action,
        order: &Order,
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Publishes events durably. Safe to repeat.
    fn publish(&self, events: &[Event]) -> impl Future<Output = Result<(), PublishError>> + Send;
}
