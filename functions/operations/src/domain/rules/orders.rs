//! Each order on its own: its record is sound, and in the end it is finished.

use super::Report;
use crate::domain::view::View;

const HOUR_MS: u64 = 60 * 60 * 1_000;
/// How long an order may be parked, in hours.
const PARKED_HOURS_MAX: u64 = 72;

/// The record of each order is sound.
pub(super) fn faulty(view: &View<'_>, report: &mut Report) {
    for order in &view.books.orders {
        order.faults.iter().for_each(|fault| report.add(fault, [&order.id]));
    }
}

/// No order waits for an operator.
pub(super) fn parked(view: &View<'_>, report: &mut Report) {
    for order in &view.books.orders {
        if let Some(why) = &order.parked {
            report.add(why, [&order.id]);
        }
    }
}

/// No order stays parked for days without a decision of an operator.
pub(super) fn parked_long(view: &View<'_>, report: &mut Report) {
    for order in view.books.orders.iter().filter(|order| order.parked.is_some()) {
        let Some(since_ms) = order.parked_since_ms else { continue };
        let hours = view.question.checked_at_ms.saturating_sub(since_ms) / HOUR_MS;
        if hours >= PARKED_HOURS_MAX {
            report.add(format!("parked for {hours} hours"), [&order.id]);
        }
    }
}

/// Every order is finished in time; immediately when no work should be in progress. An order that
/// changed between the readings has been in progress since then, even if the log, which was read
/// in between, does not show it.
pub(super) fn unfinished(view: &View<'_>, report: &mut Report) {
    for order in &view.books.orders {
        let steady = view.steady.contains(order.id.as_str());
        let late = match view.question.quiescent {
            true => !order.settled || !steady,
            false => !order.settled && steady,
        };
        if order.parked.is_none() && late && view.is_known_to_all(order) {
            report.add(format!("{} and not settled", order.status.as_str()), [&order.id]);
        }
    }
}
