//! The checkout: reserve → authorize → capture → commit → ship.
//!
//! The saga is kept as facts, not as a program counter: which steps may have happened,
//! which have, which were taken back. From these, [`next`] derives the one thing to do
//! now and [`conclude`] what an answer means. Whoever touches an order can so go on where
//! a killed predecessor stopped, and the same facts always lead to the same move.
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

/// What takes each step back. One compensation serves hold and capture; emptying a cart is
/// not taken back.
pub const UNDO_OF: [(Step, Undo); 5] = [
    (Step::Reserve, Undo::Release),
    (Step::Authorize, Undo::CancelPayment),
    (Step::Capture, Undo::CancelPayment),
    (Step::Commit, Undo::TakeBack),
    (Step::Ship, Undo::CancelShipment),
];

/// How long stock is put aside, in milliseconds. Much longer than the deadline below, so
/// that a captured order can still be sold.
pub const RESERVATION_TTL_MS: u64 = 15 * 60_000;
/// Until when the pivot must be reached, in milliseconds after the order was placed.
pub const PIVOT_DEADLINE_MS: u64 = 5 * 60_000;
/// Tries of a step that may be given up.
pub const ATTEMPTS_MAX: u32 = 5;
/// Reservations of one order, one after the other.
pub const GENERATIONS_MAX: u32 = 3;
/// Fruitless tries after which a move that can't be given up is parked: some three hours of
/// them, as far apart as [`backoff_ms`] puts them.
pub const PARK_ATTEMPTS: u32 = 24;
/// The time after which such a move is parked if it has failed [`ATTEMPTS_MAX`] times at
/// least, in milliseconds: where nobody comes by to try it, tries are few.
pub const PARK_AGE_MS: u64 = 24 * 60 * 60_000;
/// Characters of the reason why a saga is parked.
const REASON_CHARS_MAX: usize = 300;
const GIVEN_UP: &str = "given up after repeated failures";
/// The wait after a first fruitless try, in milliseconds; doubled for each further one.
const BACKOFF_BASE_MS: u64 = 200;
/// The longest wait between two tries, in milliseconds.
const BACKOFF_MAX_MS: u64 = 15 * 60_000;

/// What to do with an order now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Record this; nobody needs to be asked.
    Record(Event),
    /// Ask this, then [`conclude`].
    Act(Action),
    /// Nothing: the saga has ended.
    Settled,
    /// Nothing before a person has looked at it.
    Parked,
}

/// How an action went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A business refusal: final, never repeated.
    Refused { code: &'static str, detail: String },
    /// The reservation has expired or was freed.
    ReservationLost,
    /// The parcel can't be called back.
    TooLate(String),
    /// The participant did something else than requested: a different amount of money.
    Mismatch(String),
    /// No answer, for this reason.
    Failed(Failure, String),
}

/// The wait after that many fruitless tries, in milliseconds.
pub fn backoff_ms(attempts: u32) -> u64 {
    let doublings = attempts.saturating_sub(1).min(20);
    (BACKOFF_BASE_MS << doublings).min(BACKOFF_MAX_MS)
}

/// The one next move of an order.
pub fn next(order: &Order, now_ms: u64) -> Next {
    if order.saga.parked.is_some() {
        return Next::Parked;
    }
    let next = match &order.saga.undoing {
        Some(undoing) => backward(order, undoing),
        None => forward(order, now_ms),
    };
    match next {
        Next::Act(action) if is_worn_out(order, now_ms) => Next::Record(park(order, action)),
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
        step => match carried(order) {
            Some(next) => next,
            None => step.map_or(Next::Settled, |step| attempt(order, step, now_ms)),
        },
    }
}

/// The next step of a confirmed order according to its parcels: shipped when one has left, then
/// [`returns`].
fn carried(order: &Order) -> Option<Next> {
    match order.status {
        Status::Confirmed if parcel::have_left(&order.parcels) => {
            Some(Next::Record(Event::Shipped))
        }
        _ => returns::next(order),
    }
}

/// Whether the present move has failed beyond all bounds. Moves that may be given up never
/// come so far.
fn is_worn_out(order: &Order, now_ms: u64) -> bool {
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
    if let Some(event) = given_up(order, step, now_ms) {
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

/// The event that ends a step which has had its chances, if it may be ended.
fn given_up(order: &Order, step: Step, now_ms: u64) -> Option<Event> {
    let tired = order.saga.attempts >= ATTEMPTS_MAX;
    if step > Step::Ship {
        return tired.then(|| Event::StepSkipped { step, detail: GIVEN_UP.to_owned() });
    }
    if order.saga.finished.contains(&Step::Capture) || departure::bars_rejection(order) {
        return None;
    }
    let late = now_ms > order.created_at_ms.saturating_add(PIVOT_DEADLINE_MS);
    (tired || late).then(|| {
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

/// The compensations that are due: of the steps that may have happened, latest first.
/// Taking a sale back also frees its reservation, and cancelling a payment covers hold
/// and capture alike.
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

/// What the answer to an action means for an order: the event to record.
pub fn conclude(order: &Order, action: Action, answer: Result<(), Fault>) -> Event {
    match (action, answer) {
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
            ("out_of_stock", "The pieces were sold to others meanwhile.".to_owned())
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
