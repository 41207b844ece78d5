//! A parcel that has left although its order is being compensated.
//!
//! Shipping decides: a parcel that a courier has picked up is delivered to the customer. This
//! overrides a cancellation or a rejection, so the saga goes forward again, to a paid and sold
//! order. A rejected order can have such a parcel if a shipping request that seemed lost arrives
//! late and its repetition is refused. From then on the saga can't be reversed: a step that still
//! fails is parked for an operator.
//!
//! Shipments are canceled before anything else is compensated, so payment and sale are still intact
//! at this point. If one of them was compensated anyway, neither direction is safe, and an operator
//! must decide.

use super::event::{Action, Event, Step, Undo};
use super::order::{Order, Undoing};
use super::saga::shortened;

/// The event for shipments that can't be canceled.
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

/// The steps that the parcel needs but that were already compensated.
fn gone(order: &Order) -> Option<&'static str> {
    let undone = |undo| order.saga.undone.contains(&undo);
    match (undone(Undo::CancelPayment), undone(Undo::TakeBack) || undone(Undo::Release)) {
        (true, true) => {
            Some("its payment was already refunded and its pieces were already restocked")
        }
        (true, false) => Some("its payment was already refunded"),
        (false, true) => Some("its pieces were already restocked"),
        (false, false) => None,
    }
}

/// Whether an order can no longer be rejected: all steps before shipping are done, or a parcel has
/// left early.
pub(super) fn bars_rejection(order: &Order) -> bool {
    order.saga.finished.contains(&Step::Ship)
}

/// The event for a refused step of an order that can't be rejected.
pub(super) fn refused(step: Step, detail: &str) -> Event {
    let reason = format!("a parcel has left, and the step `{step:?}` was refused: {detail}");
    Event::Parked { action: Action::Do(step), reason: shortened(&reason) }
}
