//! The facts from which an order is made.
//!
//! Events are never changed or removed, only appended, with one exception: a customer who has
//! deleted their account is erased from the first one. What is defined here is the version
//! [`SCHEMA`]; stored events of earlier versions are brought into this form when they are read.

use std::collections::BTreeMap;

use chassis::money::Money;
use serde::{Deserialize, Serialize};

use super::parcel::Parcel;
use super::placed::Placed;

/// The version of these events. One that can't be read as before needs a new number and an
/// upcast from the one before; a further member with a default does not.
pub const SCHEMA: u32 = 2;

/// A move of the checkout. The order of the variants is the order of the steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline, description = ""))]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Put the pieces aside.
    Reserve,
    /// Hold the money.
    Authorize,
    /// Take the money: the pivot. Behind it the saga moves forward only, unless the customer
    /// cancels the order, the pieces are sold out or shipping refuses.
    Capture,
    /// Turn the reservation into a sale.
    Commit,
    /// Have the order carried.
    Ship,
    /// Empty the cart that the order was made of.
    ClearCart,
}

/// Takes back what a step may have done. Each one succeeds when there is nothing to take
/// back, and bars a late arrival of its step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Undo {
    /// Call off the shipments.
    CancelShipment,
    /// Put sold pieces back onto the shelf.
    TakeBack,
    /// Void the hold or refund the capture, whichever it has come to.
    CancelPayment,
    /// Free the reserved pieces.
    Release,
    /// Refund a returned parcel.
    RefundParcel,
    /// Put the pieces of a returned parcel back into stock.
    RestockParcel,
}

/// Something to be asked of another capability. Written as the name of its step or of its
/// compensation, which differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Action {
    /// Go forward.
    Do(Step),
    /// Go back.
    Undo(Undo),
}

/// Why an attempt did not bring an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// It may have happened. Only a repetition with the same id tells.
    Unknown,
    /// It has not happened.
    Unavailable,
}

/// Something that has happened to an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// The customer ordered. Always the first event, and only the first.
    Placed(Box<Placed>),
    /// A step is about to be tried; from now on it must be undone if the order fails.
    /// Recorded before the first attempt: a step that times out may have happened.
    StepStarted { step: Step },
    /// A step has happened.
    StepDone { step: Step },
    /// A step was refused for a reason that repeating can't cure; the saga turns round.
    StepRefused { step: Step, code: String, detail: String },
    /// A step that the order can do without was given up.
    StepSkipped { step: Step, detail: String },
    /// One try brought no answer. There will be another, not before its backoff is over.
    AttemptFailed { action: Action, failure: Failure, detail: String },
    /// The reservation ran out before it could be sold; the pieces are reserved anew under
    /// the id of the next generation.
    ReservationLost,
    /// A move that can't be given up has failed too often; a person must look at it.
    Parked { action: Action, reason: String },
    /// A person, this user, lets the saga go on.
    Resumed { by: String },
    /// The customer wants the order called off; the saga turns round.
    CancelRequested,
    /// It is too late to call the order off: the saga goes forward again.
    CancelRefused { detail: String },
    /// A parcel has left before the rejected order could be compensated. The rejection is
    /// withdrawn, the shipping step counts as done, and the saga goes forward again.
    RejectionWithdrawn { detail: String },
    /// A compensation has happened.
    Undone { undo: Undo },
    /// Paid, sold, and given to shipping.
    Confirmed,
    /// Could not be fulfilled; all that was done is undone. Final.
    Rejected { code: String, detail: String },
    /// Called off by the customer; all that was done is undone. Final.
    Cancelled,
    /// Shipping has told how far the parcels are: all of them, as they are now.
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
    /// Something of an earlier version that means nothing to the order any more: its type,
    /// and what it told. Never recorded anew.
    Retired { was: String, facts: BTreeMap<String, String> },
}

/// An event with its place in the order's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// 1 for the first event, without gaps.
    pub sequence: u64,
    /// When it was recorded, in milliseconds since the epoch.
    pub at_ms: u64,
    /// What has happened.
    #[serde(flatten)]
    pub event: Event,
}
