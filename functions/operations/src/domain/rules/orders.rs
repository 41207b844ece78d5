//! Each order on its own: its record is sound, and in the end it is finished.

use crate::domain::Violation;
use crate::domain::view::View;

const HOUR_MS: u64 = 60 * 60 * 1_000;
/// How long an order may be parked, in hours.
const PARKED_HOURS_MAX: u64 = 72;

/// The record of each order is sound.
pub(super) fn faulty(view: &View<'_>) -> Vec<Violation> {
    let faults = view.books.orders.iter().flat_map(|order| {
        order.faults.iter().map(|fault| Violation::new("order-faulty", fault, [&order.id]))
    });
    faults.collect()
}

/// No order waits for an operator.
pub(super) fn parked(view: &View<'_>) -> Vec<Violation> {
    let orders = view.books.orders.iter();
    let parked = orders.filter_map(|order| order.parked.as_ref().map(|why| (order, why)));
    parked.map(|(order, why)| Violation::new("order-parked", why, [&order.id])).collect()
}

/// No order stays parked for days without a decision of an operator.
pub(super) fn parked_long(view: &View<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    for order in &view.books.orders {
        let Some(since_ms) = order.parked_since_ms.filter(|_| order.parked.is_some()) else {
            continue;
        };
        let hours = view.question.checked_at_ms.saturating_sub(since_ms) / HOUR_MS;
        if hours >= PARKED_HOURS_MAX {
            let detail = format!("parked for {hours} hours");
            found.push(Violation::new("order-parked-long", detail, [&order.id]));
        }
    }
    found
}

/// Every order is finished in time; immediately when no work should be in progress. An order that
/// changed between the readings has been in progress since then, even if the log, which was read
/// in between, does not show it.
pub(super) fn unfinished(view: &View<'_>) -> Vec<Violation> {
    let late = view.books.orders.iter().filter(|order| {
        let steady = view.steady.contains(order.id.as_str());
        let late = if view.question.quiescent {
            !order.settled || !steady
        } else {
            !order.settled && steady
        };
        order.parked.is_none() && late && view.is_known_to_all(order)
    });
    let violation = |order: &crate::domain::Order| {
        let detail = format!("{} and not settled", order.status.as_str());
        Violation::new("order-unfinished", detail, [&order.id])
    };
    late.map(violation).collect()
}
