//! Returned parcels: each is refunded and restocked when it arrives. When no parcel is in transit,
//! the order ends: `returned` if nothing was delivered, `delivered` if a part was.

use chassis::money::Money;

use super::event::{Action, Event, Undo};
use super::order::{Order, Status};
use super::parcel::{self, Parcel};
use super::saga::Next;

/// The next action for the parcels of a shipped order; `None` if there is none.
pub(super) fn next(order: &Order) -> Option<Next> {
    if order.status != Status::Shipped {
        return None;
    }
    for undo in [Undo::RefundParcel, Undo::RestockParcel] {
        if target(order, undo).is_some() {
            return Some(Next::Act(Action::Undo(undo)));
        }
    }
    // The contents of returned parcels must be known first.
    let unknown = parcel::returned(&order.parcels).any(|parcel| parcel.lines.is_empty());
    if unknown || !parcel::have_ended(&order.parcels) {
        return None;
    }
    let any_returned = parcel::returned(&order.parcels).next().is_some();
    Some(Next::Record(match parcel::any_delivered(&order.parcels) {
        false => Event::Returned,
        true if any_returned && !order.saga.return_announced => Event::PartlyReturned,
        true => Event::Delivered,
    }))
}

/// The parcel of an action: the first returned one for which it is not done.
pub fn target(order: &Order, undo: Undo) -> Option<&Parcel> {
    let is_done = |parcel: &&Parcel| match undo {
        Undo::RefundParcel => order.saga.refunds.contains_key(&parcel.id),
        Undo::RestockParcel => order.saga.restocked.contains(&parcel.id),
        _ => true,
    };
    let mut known = parcel::returned(&order.parcels).filter(|parcel| !parcel.lines.is_empty());
    known.find(|parcel| !is_done(parcel))
}

/// The price of the pieces in a parcel.
pub fn worth(order: &Order, parcel: &Parcel) -> Money {
    let price = |sku: &str| {
        let item = order.placed.items.iter().find(|item| item.sku == sku);
        item.map_or(0, |item| item.price.amount)
    };
    let worth = |line: &parcel::Line| price(&line.sku).saturating_mul(line.quantity.into());
    let sum = parcel.lines.iter().map(worth).fold(0_i64, i64::saturating_add);
    Money::new(sum, order.placed.total.currency.clone())
}

/// The event for a finished action; `None` if no parcel needs it.
pub(super) fn concluded(order: &Order, undo: Undo) -> Option<Event> {
    let parcel = target(order, undo)?;
    let id = parcel.id.clone();
    Some(match undo {
        Undo::RefundParcel => Event::ParcelRefunded { parcel: id, amount: worth(order, parcel) },
        _ => Event::ParcelRestocked { parcel: id },
    })
}
