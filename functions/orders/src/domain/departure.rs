//! A parcel that has left although its order was to be taken back.
//!
//! Shipping has the last word: what a courier has, the customer gets. That outweighs a
//! cancellation and a rejection alike, so the saga goes forward again, to an order that is paid
//! and sold. A rejection meets a parcel that has left when a request to ship that seemed lost
//! arrives late and a repetition of it is refused. From then on nothing turns the saga round: what
//! still fails on its way forward waits for a person.
//!
//! Shipments are called off before anything else is taken back, so payment and sale still stand
//! when this is learned. Were one of them gone all the same, neither direction would be safe, and
//! a person must decide.

use super::event::{Action, Event, Step, Undo};
use super::order::{Order, Undoing};
use super::saga::shortened;

/// What it means that the shipments can't be called off.
pub(super) fn learned(order: &Order, detail: String) -> Event {
    match gone(order) {
        Some(gone) => {
            let reason = format!("a parcel has left, and {gone}");
            Event::Parked { action: Action::Undo(Undo::CancelShipment), reason }
        }
        None if order.saga.undoing == Some(Undoing::Cancellation) => {
            Event::CancelRefused { detail }
        }
        None => Event::RejectionWithdrawn { detail },
    }
}

/// What a parcel on its way needs and was taken back already.
fn gone(order: &Order) -> Option<&'static str> {
    let undone = |undo| order.saga.undone.contains(&undo);
    match (undone(Undo::CancelPayment), undone(Undo::TakeBack) || undone(Undo::Release)) {
        (true, true) => Some("its payment and its pieces were given back already"),
        (true, false) => Some("its payment was given back already"),
        (false, true) => Some("its pieces were put back onto the shelf already"),
        (false, false) => None,
    }
}

/// Whether an order can't be rejected any more: it is with shipping, and no step is left that
/// comes before that, unless a parcel has left early.
pub(super) fn bars_rejection(order: &Order) -> bool {
    order.saga.finished.contains(&Step::Ship)
}

/// What the refusal of a step means for an order that can't be rejected.
pub(super) fn refused(step: Step, detail: &str) -> Event {
    let reason = format!("a parcel has left, and the step `{step:?}` was refused: {detail}");
    Event::Parked { action: Action::Do(step), reason: shortened(&reason) }
}
