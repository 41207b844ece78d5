//! The facts from which an order is made.
//!
//! Events are never changed or removed, only appended; a reader of a later version must
//! understand all of these.

use serde::{Deserialize, Serialize};

use super::order::{Placed, Status};

/// A move of the checkout. The order of the variants is the order of the steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Put the pieces aside.
    Reserve,
    /// Hold the money.
    Authorize,
    /// Take the money: the pivot. Behind it the saga moves forward only, unless the
    /// customer calls the order off or the pieces are gone for good.
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
    AttemptFailed { failure: Failure, detail: String },
    /// The reservation ran out before it could be sold; the pieces are reserved anew under
    /// the id of the next generation.
    ReservationLost,
    /// The customer was told of this status.
    Announced { status: Status },
    /// Telling the customer of this status was given up.
    Unannounced { status: Status, detail: String },
    /// The customer wants the order called off; the saga turns round.
    CancelRequested,
    /// It is too late to call the order off: the saga goes forward again.
    CancelRefused { detail: String },
    /// A compensation has happened.
    Undone { undo: Undo },
    /// Paid, sold, and given to shipping.
    Confirmed,
    /// Could not be fulfilled; all that was done is undone. Final.
    Rejected { code: String, detail: String },
    /// Called off by the customer; all that was done is undone. Final.
    Cancelled,
    /// A courier has it.
    Shipped,
    /// The customer has it. Final.
    Delivered,
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
