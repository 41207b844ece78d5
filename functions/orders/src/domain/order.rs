//! The aggregate: what is known of an order.

use std::collections::{BTreeMap, BTreeSet};

use chassis::money::Money;
use serde::{Deserialize, Serialize};

use super::event::{Step, Undo};
use super::parcel::{Line, Parcel};
use super::placed::Placed;

/// How far an order has come. `delivered`, `cancelled`, `rejected` and `returned` are final.
/// `returned` means that the order could not be delivered and was refunded and restocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "OrderStatus"))]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Accepted and durable; stock and payment are not settled yet.
    Pending,
    /// Paid, stock sold, shipment created.
    Confirmed,
    /// A courier has it.
    Shipped,
    /// The customer has it.
    Delivered,
    /// Called off by the customer; money and stock are given back.
    Cancelled,
    /// Could not be fulfilled; no money was kept.
    Rejected,
    /// It could not be delivered; it was refunded and restocked.
    Returned,
}

impl Status {
    /// The name on the wire.
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

    /// Whether nothing will follow.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Delivered | Self::Cancelled | Self::Rejected | Self::Returned)
    }
}

/// Why an order was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline))]
pub struct Rejection {
    /// For programs: `out_of_stock`, `card_declined`, `insufficient_funds`, …
    pub code: String,
    /// For people.
    pub detail: String,
}

/// Why the saga goes backward.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Undoing {
    /// A step was refused or given up.
    Rejection(Rejection),
    /// The customer has called the order off.
    Cancellation,
}

/// How far the checkout has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saga {
    /// Steps that may have happened.
    pub started: BTreeSet<Step>,
    /// Steps that have happened, or that the order does without.
    pub finished: BTreeSet<Step>,
    /// Set while the saga goes backward.
    pub undoing: Option<Undoing>,
    /// Compensations that have happened.
    pub undone: BTreeSet<Undo>,
    /// How often stock was reserved anew because a reservation ran out.
    pub generation: u32,
    /// Fruitless tries of the present move.
    pub attempts: u32,
    /// When the first of them failed, in milliseconds since the epoch.
    pub failing_since_ms: Option<u64>,
    /// What the last of them said.
    pub failure: Option<String>,
    /// The next try comes no earlier, in milliseconds since the epoch.
    pub not_before_ms: u64,
    /// Why the saga waits for a person, if it does.
    pub parked: Option<String>,
    /// When it was parked, in milliseconds since the epoch.
    pub parked_since_ms: Option<u64>,
    /// The refunds for returned parcels in minor units, by parcel id.
    pub refunds: BTreeMap<String, i64>,
    /// Returned parcels that are back in stock.
    pub restocked: BTreeSet<String>,
    /// Whether the customer was notified about a partial return.
    pub told_of_return: bool,
}

/// An order as it is after some events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// What was ordered.
    pub placed: Placed,
    /// How far it has come.
    pub status: Status,
    /// Set when it was rejected.
    pub rejection: Option<Rejection>,
    /// How far the checkout has come.
    pub saga: Saga,
    /// What shipping has last told; empty until the first parcel has left.
    pub parcels: Vec<Parcel>,
    /// The sequence number of the last event.
    pub version: u64,
    /// When it was placed, in milliseconds since the epoch.
    pub created_at_ms: u64,
    /// When the status last changed, in milliseconds since the epoch.
    pub updated_at_ms: u64,
}

impl Order {
    /// Whether a customer may still ask for the order to be called off. (Shipping has the
    /// last word: the parcel may be gone without our knowing.)
    pub fn can_be_cancelled(&self) -> bool {
        self.saga.undoing.is_none() && matches!(self.status, Status::Pending | Status::Confirmed)
    }

    /// Whether it has ended and still has the address or the payment token.
    pub fn is_erasable(&self) -> bool {
        self.status.is_final() && !self.placed.is_erased()
    }

    /// The refund for returned parcels; `None` if there is none.
    pub fn refunded(&self) -> Option<Money> {
        let sum = self.saga.refunds.values().copied().fold(0_i64, i64::saturating_add);
        let currency = self.placed.total.currency.clone();
        (!self.saga.refunds.is_empty()).then(|| Money::new(sum, currency))
    }

    /// The pieces of returned parcels that are back in stock.
    pub fn restocked(&self) -> impl Iterator<Item = &Line> {
        let back = |parcel: &&Parcel| self.saga.restocked.contains(&parcel.id);
        self.parcels.iter().filter(back).flat_map(|parcel| &parcel.lines)
    }

    /// The id of the payment: one for each order, so that no repetition charges twice.
    pub fn payment_id(&self) -> String {
        format!("pay_{}", self.suffix())
    }

    /// The id of the reservation that is in force.
    pub fn reservation_id(&self) -> String {
        match self.saga.generation {
            0 => format!("rsv_{}", self.suffix()),
            generation => format!("rsv_{}.{generation}", self.suffix()),
        }
    }

    fn suffix(&self) -> &str {
        self.placed.id.strip_prefix("ord_").unwrap_or(&self.placed.id)
    }
}
