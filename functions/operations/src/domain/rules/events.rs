//! Events: each change is in the log exactly once and in order, and all subscribers process it.

use super::Report;
use crate::domain::log::{ORDERS_SOURCE, Reason, SHIPPING_SOURCE};
use crate::domain::view::View;

/// Every order is in the log.
pub(super) fn order_not_in_log(view: &View<'_>, report: &mut Report) {
    for order in view.at_rest() {
        if view.stream(&order.id).is_none() && !view.may_be_forgotten(&order.id) {
            report.add("none of its events was published", [&order.id]);
        }
    }
}

/// Every order in the log exists.
pub(super) fn event_without_order(view: &View<'_>, report: &mut Report) {
    for subject in view.books.log.subjects(ORDERS_SOURCE) {
        if !view.orders.contains_key(subject.as_str()) {
            report.add("there is no such order", [subject]);
        }
    }
}

/// The last event of an order says what the order is.
pub(super) fn order_differs_from_log(view: &View<'_>, report: &mut Report) {
    for order in view.at_rest() {
        let Some(stream) = view.stream(&order.id) else { continue };
        let status = order.status.as_str();
        let differs = stream.state.as_ref().is_none_or(|state| {
            state.status != status || state.total != order.total || state.user_id != order.user_id
        });
        if differs {
            report.add(format!("recorded as {status}, published {:?}", stream.state), [&order.id]);
        }
    }
}

/// The events of every subject count from 1 without gaps.
pub(super) fn sequence_gap(view: &View<'_>, report: &mut Report) {
    for ((source, subject), stream) in &view.books.log.streams {
        let mut gap = |expected: u64, found: u64| {
            report.add(format!("{source}: {expected} expected, {found} found"), [subject]);
        };
        if stream.first != 1 && !view.may_be_forgotten(subject) {
            gap(1, stream.first);
        }
        stream.faults.iter().for_each(|fault| gap(fault.expected, fault.found));
    }
}

/// The log has all events that an aggregate has published, and no others.
pub(super) fn sequence_behind(view: &View<'_>, report: &mut Report) {
    let mut compare = |id: &String, recorded: u64, logged: u64, may_have_grown: bool| {
        if logged < recorded || (logged > recorded && !may_have_grown) {
            report.add(format!("its last event is {recorded}, the log's is {logged}"), [id]);
        }
    };
    for order in view.at_rest() {
        if let Some(stream) = view.stream(&order.id) {
            compare(&order.id, order.last_sequence, stream.last, false);
        }
    }
    for entry in view.books.shipping.iter().filter(|entry| entry.outbox_length == 0) {
        let stream = view.books.log.get(SHIPPING_SOURCE, &entry.order_id);
        let logged = stream.map_or(0, |stream| stream.last);
        if logged > 0 || !view.may_be_forgotten(&entry.order_id) {
            // Shipping is read before the log, and parcels change without their order.
            compare(&entry.order_id, entry.last_sequence, logged, !view.question.quiescent);
        }
    }
}

/// Events are published in time; immediately when no work should be in progress.
pub(super) fn outbox_not_empty(view: &View<'_>, report: &mut Report) {
    let mut unpublished = |length: u32, id: &String| {
        report.add(format!("{length} events are not published"), [id]);
    };
    for order in view.books.orders.iter().filter(|order| order.outbox_length > 0) {
        if view.steady.contains(order.id.as_str()) && view.is_known_to_all(order) {
            unpublished(order.outbox_length, &order.id);
        }
    }
    for entry in view.books.shipping.iter().filter(|entry| entry.outbox_length > 0) {
        let logged = view.books.log.get(SHIPPING_SOURCE, &entry.order_id);
        let changed_ms = logged.map_or(0, |stream| stream.last_at_ms);
        let born_ms = chassis::id::created_at_ms(&entry.order_id).unwrap_or(0);
        // Events that were published after shipping was read are recent in the log.
        if view.question.is_due(changed_ms.max(born_ms)) {
            unpublished(entry.outbox_length, &entry.order_id);
        }
    }
}

/// Subscriptions keep up.
pub(super) fn subscription_lag(view: &View<'_>, report: &mut Report) {
    let allowed_ms = if view.question.quiescent { 0 } else { view.question.in_flight_ms };
    for subscription in view.books.subscriptions.iter().filter(|it| it.lag > 0) {
        let (lag, lag_ms) = (subscription.lag, subscription.lag_ms);
        if lag_ms >= allowed_ms {
            report.add(format!("{lag} events, the oldest {lag_ms} ms"), [&subscription.name]);
        }
    }
}

/// There are no dead letters.
pub(super) fn dead_letter(view: &View<'_>, report: &mut Report) {
    for letter in &view.books.dead_letters {
        let why = match letter.reason {
            Reason::Rejected => "rejected",
            Reason::AttemptsExhausted => "failed too often",
        };
        let event = &letter.entry.event;
        let subject = format!("{}: {} {why}", letter.subscription, event.type_);
        report.add(format!("{subject}: {}", letter.detail), [&letter.id, &event.id]);
    }
}
