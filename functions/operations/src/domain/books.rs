//! The books of all functions: entries as the contracts define them, and the sums that are compared.

use super::log::{DeadLetter, Streams, Subscription};
use crate::bindings::shop;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub use shop::inventory::audit::{Claim, Entry as Sku, Standing};
pub use shop::notifications::audit::{Entry as Message, Status as MessageStatus};
pub use shop::notifications::notifier::Channel;
pub use shop::order_history::audit::Entry as Projected;
pub use shop::orders::audit::Entry as Order;
pub use shop::orders::orders::Status as OrderStatus;
pub use shop::payments::audit::{Entry as Payment, Posting, Side, StatementLine};
pub use shop::payments::payments::Status as PaymentStatus;
pub use shop::shipping::audit::Entry as Shipping;
pub use shop::shipping::shipments::{Shipment, Status as ShipmentStatus};
pub use shop::values::values::{Line, Money};

/// All books that a check compares.
#[derive(Clone, Debug, Default)]
pub struct Books {
    /// The orders, read before all other books.
    pub orders_before: Vec<Order>,
    /// The orders, read after all other books. Those that differ have changed in between.
    pub orders: Vec<Order>,
    /// All payments.
    pub payments: Vec<Payment>,
    /// The ledger, by payment and currency.
    pub ledger: BTreeMap<(String, String), Account>,
    /// The provider's statement, by payment and currency.
    pub statement: BTreeMap<(String, String), Stated>,
    /// All SKUs.
    pub skus: Vec<Sku>,
    /// The sales of each SKU according to the orders, at their first reading.
    pub sales_before: BTreeMap<String, Sales>,
    /// The same at the second reading.
    pub sales: BTreeMap<String, Sales>,
    /// The status of the reservations of the orders, by reservation id.
    pub reservations: BTreeMap<String, Standing>,
    /// The shipments of each order.
    pub shipping: Vec<Shipping>,
    /// All messages.
    pub messages: Vec<Message>,
    /// The read model.
    pub projection: Vec<Projected>,
    /// The event log, by subject.
    pub log: Streams,
    /// The subscriptions of the event log.
    pub subscriptions: Vec<Subscription>,
    /// The dead letters of the event log.
    pub dead_letters: Vec<DeadLetter>,
}

impl Books {
    /// The number of entries of each book.
    pub fn counts(&self) -> [(&'static str, u64); 11] {
        let shipments = self.shipping.iter().map(|entry| entry.shipments.len()).sum::<usize>();
        [
            ("orders", self.orders.len() as u64),
            ("payments", self.payments.len() as u64),
            ("ledger_accounts", self.ledger.len() as u64),
            ("provider_charges", self.statement.len() as u64),
            ("skus", self.skus.len() as u64),
            ("shipments", shipments as u64),
            ("messages", self.messages.len() as u64),
            ("projected_orders", self.projection.len() as u64),
            ("events", self.log.events),
            ("subscriptions", self.subscriptions.len() as u64),
            ("dead_letters", self.dead_letters.len() as u64),
        ]
    }
}

impl OrderStatus {
    /// The status in events.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Confirmed => "confirmed",
            Self::Shipped => "shipped",
            Self::Delivered => "delivered",
            Self::Cancelled => "cancelled",
            Self::Rejected => "rejected",
            Self::Returned => "returned",
        }
    }

    /// Whether the customer has paid and gets something.
    pub fn is_paid(self) -> bool {
        matches!(self, Self::Confirmed | Self::Shipped | Self::Delivered)
    }

    /// Whether the customer had paid and everything was returned.
    pub fn came_back(self) -> bool {
        self == Self::Returned
    }

    /// Whether the order must have no money, no pieces and no parcel.
    pub fn is_dead(self) -> bool {
        matches!(self, Self::Cancelled | Self::Rejected)
    }
}

impl Payment {
    /// The captured amount less refunds and chargebacks.
    pub fn net(&self) -> i64 {
        self.captured.saturating_sub(self.refunded).saturating_sub(self.charged_back)
    }
}

impl Shipment {
    /// Whether it was not cancelled.
    pub fn is_live(&self) -> bool {
        self.status != ShipmentStatus::Cancelled
    }

    /// Whether it was returned undelivered.
    pub fn came_back(&self) -> bool {
        self.status == ShipmentStatus::Returned
    }
}

impl Message {
    /// The order that it is about; its own id if it is about none.
    pub fn about(&self) -> &str {
        self.subject.as_deref().unwrap_or(&self.notification_id)
    }
}

/// The ledger's total for one payment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// The order; empty if there is none.
    pub order_id: String,
    /// Negative for payments of the customer.
    pub customer_funds: i64,
    /// Positive for what the provider owes the shop.
    pub psp_clearing: i64,
}

/// The statement's total for one payment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stated {
    /// The order; empty if it is unknown.
    pub order_id: String,
    /// What the provider owes the shop for it.
    pub net: i64,
    /// The time of the last line, in milliseconds since the epoch.
    pub last_at_ms: u64,
}

/// The sales of one SKU according to all orders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sales {
    /// Pieces in settled paid orders that were not returned.
    pub bought: i64,
    /// Whether an unsettled order contains the SKU.
    pub moving: bool,
    /// A digest of all orders that contain the SKU, to detect changes between two readings.
    pub print: u32,
}
