//! The aggregate: the state of an order.

use std::collections::{BTreeMap, BTreeSet};

use chassis::money::Money;
use serde::{Deserialize, Serialize};

use super::event::{Step, Undo};
use super::parcel::{Line, Parcel};
use super::placed::Placed;

/// The status of an order. `delivered`, `cancelled`, `rejected` and `returned` are final.
/// `returned` means that the order could not be delivered and was refunded and restocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "OrderStatus"))]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Accepted and durable; stock and payment are in progress.
    Pending,
    /// Paid, stock sold, shipment created.
    Confirmed,
    /// A courier has it.
    Shipped,
    /// The customer has it.
    Delivered,
    /// Canceled by the customer; refunded and restocked.
    Cancelled,
    /// It could not be fulfilled; the customer was not charged.
    Rejected,
    /// It could not be delivered; it was refunded and restocked.
    Returned,
}

impl Status {
    /// The name in JSON.
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

    /// Whether no other status follows.
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

/// Why the saga compensates its steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Undoing {
    /// A step was refused, or has failed too often.
    Rejection(Rejection),
    /// The customer has canceled the order.
    Cancellation,
}

/// The state of the checkout.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saga {
    /// Steps that may have happened.
    pub started: BTreeSet<Step>,
    /// Steps that have happened, or that were skipped.
    pub finished: BTreeSet<Step>,
    /// Set while the saga compensates its steps.
    pub undoing: Option<Undoing>,
    /// Compensations that have happened.
    pub undone: BTreeSet<Undo>,
    /// How often stock was reserved again because a reservation had expired.
    pub generation: u32,
    /// Failed attempts of the current action.
    pub attempts: u32,
    /// When the first of them failed, in milliseconds since the epoch.
    pub failing_since_ms: Option<u64>,
    /// The error of the last one.
    pub failure: Option<String>,
    /// The time of the next attempt, in milliseconds since the epoch.
    pub not_before_ms: u64,
    /// Why the saga waits for an operator, if it does.
    pub parked: Option<String>,
    /// When it was parked, in milliseconds since the epoch.
    pub parked_since_ms: Option<u64>,
    /// The refunds for returned parcels in minor units, by parcel id.
    pub refunds: BTreeMap<String, i64>,
    /// Returned parcels that are back in stock.
    pub restocked: BTreeSet<String>,
    /// Whether the customer was notified about a partial return.
    #[serde(rename = "told_of_return")]
    pub return_announced: bool,
}

/// The state of an order after some events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// What was ordered.
    pub placed: Placed,
    /// Its status.
    pub status: Status,
    /// Why it was rejected, if it was.
    pub rejection: Option<Rejection>,
    /// The state of the checkout.
    pub saga: Saga,
    /// The last known state of the parcels; empty until the first parcel has left.
    pub parcels: Vec<Parcel>,
    /// The sequence number of the last event.
    pub version: u64,
    /// When it was placed, in milliseconds since the epoch.
    pub created_at_ms: u64,
    /// When the status last changed, in milliseconds since the epoch.
    pub updated_at_ms: u64,
}

impl Order {
    /// Whether a customer may request the cancellation of the order. (Shipping decides: a parcel
    /// may have left already.)
    pub fn can_be_cancelled(&self) -> bool {
        self.saga.undoing.is_none() && matches!(self.status, Status::Pending | Status::Confirmed)
    }

    /// Whether it has ended and still contains the address or the payment token.
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

    /// The id of the payment: one for each order, so that a repetition does not charge twice.
    pub fn payment_id(&self) -> String {
        format!("pay_{}", self.suffix())
    }

    /// The id of the current reservation.
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
