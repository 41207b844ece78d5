//! The read model equals the orders, after it must have processed their events.

use super::Report;
use crate::domain::view::View;

/// Every order is in the read model.
pub(super) fn order_missing(view: &View<'_>, report: &mut Report) {
    for order in view.at_rest().filter(|order| view.is_known_to_all(order)) {
        if order.last_sequence > 0 && view.projected(&order.id).is_none() {
            report.add("the read model does not have the order", [&order.id]);
        }
    }
}

/// The read model equals the order.
pub(super) fn order_differs(view: &View<'_>, report: &mut Report) {
    for order in view.at_rest().filter(|order| view.is_known_to_all(order)) {
        let Some(projected) = view.projected(&order.id) else { continue };
        let same = projected.status == order.status.as_str()
            && projected.total == order.total
            && projected.user_id == order.user_id
            && projected.last_sequence == order.last_sequence;
        if !same {
            let detail = format!(
                "{} at {}; the read model has {} at {}, {} {}",
                order.status.as_str(),
                order.last_sequence,
                projected.status,
                projected.last_sequence,
                projected.total.amount,
                projected.total.currency,
            );
            report.add(detail, [&order.id]);
        }
    }
}

/// Each order of the read model exists.
pub(super) fn without_order(view: &View<'_>, report: &mut Report) {
    for entry in &view.books.projection {
        if !view.orders.contains_key(entry.order_id.as_str()) {
            report.add("there is no such order", [&entry.order_id]);
        }
    }
}
