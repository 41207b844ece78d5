//! The books of all functions, as values.

use super::log::{DeadLetter, Streams, Subscription};
use std::collections::BTreeMap;

pub use chassis::money::Money;

/// Everything that a check looks at.
#[derive(Clone, Debug, Default)]
pub struct Books {
    /// The orders, read before all other books.
    pub orders_before: Vec<Order>,
    /// The orders again, read after all other books: what differs was moving meanwhile.
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
    /// How the reservations of the orders stand, by reservation id.
    pub reservations: BTreeMap<String, Standing>,
    /// What shipping knows of each order.
    pub shipping: Vec<Shipping>,
    /// All messages.
    pub messages: Vec<Message>,
    /// The read model.
    pub projection: Vec<Projected>,
    /// The event log, subject by subject.
    pub log: Streams,
    /// Who gets which events.
    pub subscriptions: Vec<Subscription>,
    /// Events that were given up.
    pub dead_letters: Vec<DeadLetter>,
}

/// So many pieces of one product.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line {
    /// The product.
    pub sku: String,
    /// Pieces.
    pub quantity: u32,
}

/// How far an order has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "as in the contract of orders")]
pub enum OrderStatus {
    Pending,
    Confirmed,
    Shipped,
    Delivered,
    Cancelled,
    Rejected,
    Returned,
}

impl OrderStatus {
    /// As in the events.
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

    /// Whether nothing may be left of it: no money, no pieces, no parcel.
    pub fn is_dead(self) -> bool {
        matches!(self, Self::Cancelled | Self::Rejected)
    }
}

/// One order, as it is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// `ord_…`.
    pub id: String,
    /// Whose it is.
    pub user_id: String,
    /// How far it has come.
    pub status: OrderStatus,
    /// What was ordered.
    pub lines: Vec<Line>,
    /// What it costs.
    pub total: Money,
    /// The reservation that is in force.
    pub reservation_id: String,
    /// The refund for returned parcels, in minor units.
    pub refunded: i64,
    /// The pieces of returned parcels that are back in stock.
    pub restocked: Vec<Line>,
    /// Of its last event for others; 0 if it has none.
    pub last_sequence: u64,
    /// Events that are not yet published.
    pub outbox_length: u32,
    /// Nothing is left to be done about it but to be carried to the customer.
    pub settled: bool,
    /// Why it waits for a person, if it does.
    pub parked: Option<String>,
    /// When it was parked, in milliseconds since the epoch.
    pub parked_since_ms: Option<u64>,
    /// What is wrong with the record itself.
    pub faults: Vec<String>,
}

/// One payment. Amounts are in minor units of `currency`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// `pay_…`.
    pub id: String,
    /// The order that it pays; empty if only the provider knows this payment.
    pub order_id: String,
    /// Whether the provider's answer is not known.
    pub is_unknown: bool,
    /// ISO 4217.
    pub currency: String,
    /// Taken from the customer, whether or not it went back.
    pub captured: i64,
    /// Given back.
    pub refunded: i64,
    /// Charged back by the customer's bank.
    pub charged_back: i64,
    /// Held and not taken.
    pub held: i64,
    /// Whether it is older than the statements that were read, so that it can't be compared with
    /// them.
    pub unstated: bool,
}

impl Payment {
    /// The captured amount less refunds and chargebacks.
    pub fn net(&self) -> i64 {
        self.captured.saturating_sub(self.refunded).saturating_sub(self.charged_back)
    }
}

/// A line of the ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Posting {
    /// The payment.
    pub payment_id: String,
    /// The order; empty if there is none.
    pub order_id: String,
    /// ISO 4217.
    pub currency: String,
    /// The customers' side; negative for payments.
    pub customer_funds: i64,
    /// The provider's side; positive for what it owes the shop.
    pub psp_clearing: i64,
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

/// A line of the provider's statement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatementLine {
    /// The payment id.
    pub payment_id: String,
    /// The order; empty if it is unknown.
    pub order_id: String,
    /// ISO 4217.
    pub currency: String,
    /// Negative if the shop lost money.
    pub amount: i64,
    /// Milliseconds since the epoch.
    pub at_ms: u64,
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sales {
    /// Pieces in settled paid orders that were not returned.
    pub bought: u64,
    /// Whether an unsettled order contains the SKU.
    pub moving: bool,
    /// A digest of all orders that contain the SKU, to detect changes between two readings.
    pub print: u32,
}

/// The books of one SKU, in pieces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sku {
    /// The product.
    pub sku: String,
    /// Ever received.
    pub received: u64,
    /// Free to be reserved.
    pub on_hand: i64,
    /// Held by reservations.
    pub reserved: u64,
    /// Sold and not taken back.
    pub sold: i64,
    /// Reservations that hold some.
    pub claims: Vec<Claim>,
}

/// A claim on pieces of one SKU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Whose it is.
    pub reservation_id: String,
    /// Pieces.
    pub quantity: u32,
    /// Milliseconds since the epoch; none if it is sold and about to be booked as a sale.
    pub expires_at_ms: Option<u64>,
}

/// How a reservation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "as in the contract of inventory")]
pub enum Standing {
    Unknown,
    Held,
    Committed,
    Released,
    Expired,
    TakenBack,
}

/// What shipping knows of one order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shipping {
    /// The order.
    pub order_id: String,
    /// Called off.
    pub cancelled: bool,
    /// Its parcels.
    pub shipments: Vec<Shipment>,
    /// Of its last event for others; 0 if it has none.
    pub last_sequence: u64,
    /// Events that are not yet published.
    pub outbox_length: u32,
}

/// One parcel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shipment {
    /// `shp_…`.
    pub id: String,
    /// Whether it was not called off.
    pub is_live: bool,
    /// Whether it was returned undelivered.
    pub came_back: bool,
    /// What is in it.
    pub lines: Vec<Line>,
}

/// How far a message has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "as in the contract of notifications")]
pub enum MessageStatus {
    Pending,
    Sent,
    Suppressed,
    Failed,
}

/// One message to a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// `ntf_…`.
    pub id: String,
    /// What it was asked for with, as `<order>:<status>`.
    pub request_id: String,
    /// The order that it is about, if it is about one.
    pub order_id: Option<String>,
    /// Names its text.
    pub template: String,
    /// `email` or `push`.
    pub channel: String,
    /// How far it has come.
    pub status: MessageStatus,
    /// How often the provider took it.
    pub sends: u32,
}

/// One order as the read model has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Projected {
    /// The order.
    pub order_id: String,
    /// Whose it is.
    pub user_id: String,
    /// As in the events.
    pub status: String,
    /// What it costs.
    pub total: Money,
    /// Of the last event that was taken in.
    pub last_sequence: u64,
}
