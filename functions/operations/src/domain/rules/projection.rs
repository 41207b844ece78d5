//! The read model equals the orders, after it must have processed their events.

use crate::domain::Violation;
use crate::domain::books::Projected;
use crate::domain::view::View;

/// Every order is in the read model.
pub(super) fn order_missing(view: &View<'_>) -> Vec<Violation> {
    let missing = view.at_rest().filter(|order| {
        order.last_sequence > 0
            && view.is_known_to_all(order)
            && view.projected(&order.id).is_none()
    });
    let violation = |order: &crate::domain::Order| {
        Violation::new("projection-missing", "the read model does not have the order", [&order.id])
    };
    missing.map(violation).collect()
}

/// The read model equals the order.
pub(super) fn order_differs(view: &View<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    for order in view.at_rest().filter(|order| view.is_known_to_all(order)) {
        let Some(projected) = view.projected(&order.id) else { continue };
        let same = projected.status == order.status.as_str()
            && projected.total == order.total
            && projected.user_id == order.user_id
            && projected.last_sequence == order.last_sequence;
        if !same {
            let Projected { status, total, last_sequence, .. } = projected;
            let detail = format!(
                "{} at {}; the read model has {status} at {last_sequence}, {} {}",
                order.status.as_str(),
                order.last_sequence,
                total.amount,
                total.currency,
            );
            found.push(Violation::new("projection-differs", detail, [&order.id]));
        }
    }
    found
}

/// Each order of the read model exists.
pub(super) fn without_order(view: &View<'_>) -> Vec<Violation> {
    let entries = view.books.projection.iter();
    let unknown = entries.filter(|entry| !view.orders.contains_key(entry.order_id.as_str()));
    let violation = |entry: &Projected| {
        Violation::new("projection-without-order", "there is no such order", [&entry.order_id])
    };
    unknown.map(violation).collect()
}
