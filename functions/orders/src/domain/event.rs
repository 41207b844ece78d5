//! The events of an order.
//!
//! Events are never changed or removed, only appended, with one exception: a customer who has
//! deleted their account is erased from the first one. The format defined here is version
//! [`SCHEMA`]; stored events of earlier versions are converted when they are read.

use std::collections::BTreeMap;

use chassis::money::Money;
use serde::{Deserialize, Serialize};

use super::parcel::Parcel;
use super::placed::Placed;

/// The version of the format. An incompatible change needs a new number and a conversion from the
/// previous version; a new field with a default does not.
pub const SCHEMA: u32 = 2;

/// A step of the checkout. The order of the variants is the order of the steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline, description = ""))]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Reserve the pieces.
    Reserve,
    /// Hold the money.
    Authorize,
    /// Take the money: the pivot. After it, the saga only goes forward, unless the customer cancels
    /// the order, the pieces are sold out or shipping refuses.
    Capture,
    /// Turn the reservation into a sale.
    Commit,
    /// Create the shipment.
    Ship,
    /// Empty the ordered cart.
    ClearCart,
}

/// Compensates a step that may have happened. It succeeds if there is nothing to compensate, and
/// makes a late request for its step fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Undo {
    /// Cancel the shipments.
    CancelShipment,
    /// Put sold pieces back into stock.
    TakeBack,
    /// Void the hold, or refund the captured amount.
    CancelPayment,
    /// Release the reserved pieces.
    Release,
    /// Refund a returned parcel.
    RefundParcel,
    /// Put the pieces of a returned parcel back into stock.
    RestockParcel,
}

/// A call to a participant. Serialized as the name of its step or compensation; these names are
/// distinct.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Action {
    /// A step.
    Do(Step),
    /// A compensation.
    Undo(Undo),
}

/// What is known about a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// It may have happened. A repetition with the same id resolves this.
    Unknown,
    /// It has not happened.
    Unavailable,
}

/// A change of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// The customer placed the order. Always and only the first event.
    Placed(Box<Placed>),
    /// A step is about to be attempted; from now on, it must be undone if the order fails. Recorded
    /// before the first attempt, because a step that times out may have happened.
    StepStarted { step: Step },
    /// A step has happened.
    StepDone { step: Step },
    /// A step was refused permanently; the saga compensates its steps.
    StepRefused { step: Step, code: String, detail: String },
    /// An optional step has failed too often and was skipped.
    StepSkipped { step: Step, detail: String },
    /// An attempt failed without a response. The next one follows after a backoff.
    AttemptFailed { action: Action, failure: Failure, detail: String },
    /// The reservation expired before it was committed; the pieces are reserved again with the id
    /// of the next generation.
    ReservationLost,
    /// A required action has failed too often; an operator must look at it.
    Parked { action: Action, reason: String },
    /// This user, an operator, resumed the saga.
    Resumed { by: String },
    /// The customer requested the cancellation; the saga compensates its steps.
    CancelRequested,
    /// It is too late to cancel the order: the saga goes forward again.
    CancelRefused { detail: String },
    /// A parcel has left before the rejected order could be compensated. The rejection is
    /// withdrawn, the shipping step counts as done, and the saga goes forward again.
    RejectionWithdrawn { detail: String },
    /// A compensation has happened.
    Undone { undo: Undo },
    /// Paid, sold, and handed over to shipping.
    Confirmed,
    /// It could not be fulfilled; all steps are undone. Final.
    Rejected { code: String, detail: String },
    /// Canceled by the customer; all steps are undone. Final.
    Cancelled,
    /// The current state of all parcels, as shipping reports it.
    ParcelsMoved { parcels: Vec<Parcel> },
    /// A courier has it.
    Shipped,
    /// A returned parcel was refunded.
    ParcelRefunded { parcel: String, amount: Money },
    /// The pieces of a returned parcel are back in stock.
    ParcelRestocked { parcel: String },
    /// A part of the order was returned and refunded; the rest has arrived.
    PartlyReturned,
    /// The customer has the order, or the part of it that was not returned. Final.
    Delivered,
    /// Nothing reached the customer; the order is refunded and restocked. Final.
    Returned,
    /// An event of an earlier version that has no meaning in the current one: its type and its
    /// data. Not recorded any more.
    Retired { was: String, facts: BTreeMap<String, String> },
}

/// An event with its position in the order's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// 1 for the first event, without gaps.
    pub sequence: u64,
    /// When it was recorded, in milliseconds since the epoch.
    pub at_ms: u64,
    /// The event.
    #[serde(flatten)]
    pub event: Event,
}
