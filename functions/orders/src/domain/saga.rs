//! The checkout: reserve → authorize → capture → commit → ship.
//!
//! The saga is stored as facts, not as a program counter: which steps may have happened, which have
//! happened, and which were undone. From these, [`next`] derives what to do next, and [`conclude`]
//! what a response means. So any request can continue an order where a killed one stopped, and the
//! same facts always lead to the same action.
//!
//! The rules, in short. A step is recorded as started before it is tried, so its compensation is
//! always known. A refusal reverses the saga immediately; a step without a response is repeated
//! with the same id. Before the pivot (capture), the number of repetitions is limited, and then the
//! saga is reversed. After the pivot, and during compensation, steps are repeated with increasing
//! pauses until they succeed or have failed too often: then the order is parked, and continues
//! where it was when an operator resumes it. A parcel that has left makes the saga go forward
//! again, regardless of the reason for the compensation ([`departure`]).

use super::event::{Event, Failure, Step, Undo};
use super::order::{Order, Status, Undoing};
use super::{departure, parcel, returns};

pub use super::event::Action;

/// All steps in their order.
pub const STEPS: [Step; 6] =
    [Step::Reserve, Step::Authorize, Step::Capture, Step::Commit, Step::Ship, Step::ClearCart];

/// The compensation of each step. Hold and capture have the same one; emptying a cart is not
/// compensated.
pub const UNDO_OF: [(Step, Undo); 5] = [
    (Step::Reserve, Undo::Release),
    (Step::Authorize, Undo::CancelPayment),
    (Step::Capture, Undo::CancelPayment),
    (Step::Commit, Undo::TakeBack),
    (Step::Ship, Undo::CancelShipment),
];

/// How long stock is reserved, in milliseconds. Much longer than the deadline below, so that a
/// captured order can still be sold.
pub const RESERVATION_TTL_MS: u64 = 15 * 60_000;
/// The time limit for reaching the pivot, in milliseconds after the order was placed.
pub const PIVOT_DEADLINE_MS: u64 = 5 * 60_000;
/// The maximum number of attempts of a step that may be abandoned.
pub const ATTEMPTS_MAX: u32 = 5;
/// The maximum number of successive reservations of one order.
pub const GENERATIONS_MAX: u32 = 3;
/// Failed attempts after which a required action is parked: about three hours, with the pauses of
/// [`backoff_ms`].
pub const PARK_ATTEMPTS: u32 = 24;
/// The time after which such an action is parked if it has failed at least [`ATTEMPTS_MAX`] times,
/// in milliseconds: attempts are rare if no request or sweep processes the order.
pub const PARK_AGE_MS: u64 = 24 * 60 * 60_000;
/// The maximum number of characters of the reason why a saga is parked.
const REASON_CHARS_MAX: usize = 300;
const SKIPPED: &str = "skipped after repeated failures";
/// The pause after the first failed attempt, in milliseconds; doubled after each further one.
const BACKOFF_BASE_MS: u64 = 200;
/// The longest pause between two attempts, in milliseconds.
const BACKOFF_MAX_MS: u64 = 15 * 60_000;

/// The next step of an order's saga.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Record this event; no participant is needed.
    Record(Event),
    /// Perform this action, then [`conclude`].
    Act(Action),
    /// Nothing: the saga has ended.
    Settled,
    /// Nothing until an operator resumes it.
    Parked,
}

/// Why an action failed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// A business decision: final, not repeated.
    Refused { code: &'static str, detail: String },
    /// The reservation has expired or was released.
    ReservationLost,
    /// The parcel has left and can't be canceled.
    TooLate(String),
    /// The participant did something else than requested: a different amount of money.
    Mismatch(String),
    /// No response, for this reason.
    Failed(Failure, String),
}

/// The pause after this number of failed attempts, in milliseconds.
pub fn backoff_ms(attempts: u32) -> u64 {
    let doublings = attempts.saturating_sub(1).min(20);
    (BACKOFF_BASE_MS << doublings).min(BACKOFF_MAX_MS)
}

/// What to do next with an order.
pub fn next(order: &Order, now_ms: u64) -> Next {
    if order.saga.parked.is_some() {
        return Next::Parked;
    }
    let next = match &order.saga.undoing {
        Some(undoing) => backward(order, undoing),
        None => forward(order, now_ms),
    };
    match next {
        Next::Act(action) if has_failed_too_often(order, now_ms) => {
            Next::Record(park(order, action))
        }
        next => next,
    }
}

fn forward(order: &Order, now_ms: u64) -> Next {
    if matches!(order.status, Status::Rejected | Status::Cancelled) {
        return Next::Settled;
    }
    match STEPS.into_iter().find(|step| is_due(order, *step)) {
        Some(step) if step <= Step::Ship => attempt(order, step, now_ms),
        _ if order.status == Status::Pending => Next::Record(Event::Confirmed),
        step => match next_for_parcels(order) {
            Some(next) => next,
            None => step.map_or(Next::Settled, |step| attempt(order, step, now_ms)),
        },
    }
}

/// The next step of a confirmed order according to its parcels: shipped when one has left, then
/// [`returns`].
fn next_for_parcels(order: &Order) -> Option<Next> {
    match order.status {
        Status::Confirmed if parcel::have_left(&order.parcels) => {
            Some(Next::Record(Event::Shipped))
        }
        _ => returns::next(order),
    }
}

/// Whether the current action has failed so often that it is parked. Actions that may be abandoned
/// end before that.
fn has_failed_too_often(order: &Order, now_ms: u64) -> bool {
    let saga = &order.saga;
    let since_ms = saga.failing_since_ms.unwrap_or(now_ms);
    let old = now_ms >= since_ms.saturating_add(PARK_AGE_MS);
    saga.attempts >= PARK_ATTEMPTS || (saga.attempts >= ATTEMPTS_MAX && old)
}

fn park(order: &Order, action: Action) -> Event {
    let last = order.saga.failure.as_deref().unwrap_or_default();
    let reason = format!("failed {} times, last: {last}", order.saga.attempts);
    Event::Parked { action, reason: shortened(&reason) }
}

pub(super) fn shortened(reason: &str) -> String {
    reason.chars().take(REASON_CHARS_MAX).collect()
}

fn attempt(order: &Order, step: Step, now_ms: u64) -> Next {
    if let Some(event) = abandoned(order, step, now_ms) {
        Next::Record(event)
    } else if order.saga.started.contains(&step) {
        Next::Act(Action::Do(step))
    } else {
        Next::Record(Event::StepStarted { step })
    }
}

fn is_due(order: &Order, step: Step) -> bool {
    let wanted = step != Step::ClearCart || order.placed.cart_version.is_some();
    wanted && !order.saga.finished.contains(&step)
}

/// The event that ends a step that has failed too often or is too late, if it may be abandoned.
fn abandoned(order: &Order, step: Step, now_ms: u64) -> Option<Event> {
    let exhausted = order.saga.attempts >= ATTEMPTS_MAX;
    if step > Step::Ship {
        return exhausted.then(|| Event::StepSkipped { step, detail: SKIPPED.to_owned() });
    }
    if order.saga.finished.contains(&Step::Capture) || departure::bars_rejection(order) {
        return None;
    }
    let late = now_ms > order.created_at_ms.saturating_add(PIVOT_DEADLINE_MS);
    (exhausted || late).then(|| {
        let (code, detail) = match step {
            Step::Reserve => ("inventory_unavailable", "The stock could not be checked in time."),
            _ => ("payment_unavailable", "The payment could not be settled in time."),
        };
        Event::StepRefused { step, code: code.to_owned(), detail: detail.to_owned() }
    })
}

fn backward(order: &Order, undoing: &Undoing) -> Next {
    match pending_undos(order).next() {
        Some(undo) => Next::Act(Action::Undo(undo)),
        None => Next::Record(match undoing {
            Undoing::Cancellation => Event::Cancelled,
            Undoing::Rejection(rejection) => {
                Event::Rejected { code: rejection.code.clone(), detail: rejection.detail.clone() }
            }
        }),
    }
}

/// The due compensations: those of the steps that may have happened, latest first. Undoing a sale
/// also releases its reservation, and canceling a payment covers both hold and capture.
pub fn pending_undos(order: &Order) -> impl Iterator<Item = Undo> {
    let started = |step| order.saga.started.contains(&step);
    let due = [
        (Undo::CancelShipment, started(Step::Ship)),
        (Undo::TakeBack, started(Step::Commit)),
        (Undo::CancelPayment, started(Step::Authorize)),
        (Undo::Release, started(Step::Reserve) && !started(Step::Commit)),
    ];
    due.into_iter()
        .filter(|(undo, due)| *due && !order.saga.undone.contains(undo))
        .map(|(undo, _)| undo)
}

/// The event to record for the result of an action.
pub fn conclude(order: &Order, action: Action, result: Result<(), Fault>) -> Event {
    match (action, result) {
        (Action::Do(step), Ok(())) => Event::StepDone { step },
        (Action::Undo(undo), Ok(())) => {
            returns::concluded(order, undo).unwrap_or(Event::Undone { undo })
        }
        (action, Err(Fault::Failed(failure, detail))) => {
            Event::AttemptFailed { action, failure, detail }
        }
        (Action::Do(step), Err(fault)) => refused(order, step, fault),
        (Action::Undo(undo), Err(fault)) => irrevocable(order, undo, fault),
    }
}

fn refused(order: &Order, step: Step, fault: Fault) -> Event {
    let (code, detail) = match fault {
        Fault::Refused { code, detail } => (code, detail),
        Fault::ReservationLost if order.saga.generation + 1 < GENERATIONS_MAX => {
            return Event::ReservationLost;
        }
        Fault::ReservationLost => {
            ("out_of_stock", "The pieces were sold to other customers in the meantime.".to_owned())
        }
        Fault::Mismatch(_) => {
            ("payment_mismatch", "The payment differs from the order.".to_owned())
        }
        Fault::TooLate(detail) | Fault::Failed(_, detail) => ("refused", detail),
    };
    if step > Step::Ship {
        Event::StepSkipped { step, detail }
    } else if departure::bars_rejection(order) {
        departure::refused(step, &detail)
    } else {
        Event::StepRefused { step, code: code.to_owned(), detail }
    }
}

/// A compensation must not be refused; the one exception is a parcel that has left: see
/// [`departure`]. If less was undone than requested, a retry does not help, and an operator must
/// check it. Any other refusal is a fault of the shop or the callee: it is recorded and retried,
/// never skipped.
fn irrevocable(order: &Order, undo: Undo, fault: Fault) -> Event {
    let action = Action::Undo(undo);
    match fault {
        Fault::Mismatch(detail) => Event::Parked { action, reason: shortened(&detail) },
        Fault::TooLate(detail) if undo == Undo::CancelShipment => departure::learned(order, detail),
        Fault::TooLate(detail) | Fault::Refused { detail, .. } | Fault::Failed(_, detail) => {
            Event::AttemptFailed { action, failure: Failure::Unavailable, detail }
        }
        Fault::ReservationLost if undo == Undo::RestockParcel => {
            let detail = "the sale of these pieces is unknown".to_owned();
            Event::AttemptFailed { action, failure: Failure::Unavailable, detail }
        }
        Fault::ReservationLost => Event::Undone { undo },
    }
}
