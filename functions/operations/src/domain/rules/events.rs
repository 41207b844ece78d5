//! Events: each change is in the log exactly once and in order, and all subscribers process it.

use crate::domain::Violation;
use crate::domain::log::{Reason, SHIPPING_SOURCE};
use crate::domain::view::View;

/// Every order is in the log.
pub(super) fn order_not_in_log(view: &View<'_>) -> Vec<Violation> {
    let missing = view
        .at_rest()
        .filter(|order| view.stream(&order.id).is_none() && !view.may_be_forgotten(&order.id));
    let violation = |order: &crate::domain::Order| {
        Violation::new("order-not-in-log", "none of its events was published", [&order.id])
    };
    missing.map(violation).collect()
}

/// Every order in the log exists.
pub(super) fn event_without_order(view: &View<'_>) -> Vec<Violation> {
    let subjects = view.books.log.subjects(crate::domain::ORDERS_SOURCE);
    let unknown = subjects.filter(|(subject, _)| !view.orders.contains_key(subject));
    let violation = |(subject, _): (&str, &_)| {
        Violation::new("event-without-order", "there is no such order", [subject])
    };
    unknown.map(violation).collect()
}

/// The last event of an order says what the order is.
pub(super) fn order_differs_from_log(view: &View<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    for order in view.at_rest() {
        let Some(stream) = view.stream(&order.id) else { continue };
        let differs = stream.state.as_ref().is_none_or(|state| {
            state.status != order.status.as_str()
                || state.total != order.total
                || state.user_id != order.user_id
        });
        if differs {
            let detail =
                format!("recorded as {}, published {:?}", order.status.as_str(), stream.state);
            found.push(Violation::new("order-differs-from-log", detail, [&order.id]));
        }
    }
    found
}

/// The events of every subject count from 1 without gaps.
pub(super) fn sequence_gap(view: &View<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    for ((source, subject), stream) in &view.books.log.streams {
        let mut report = |expected: u64, came: u64| {
            let detail = format!("{source}: {expected} expected, {came} came");
            found.push(Violation::new("sequence-gap", detail, [subject]));
        };
        if stream.first != 1 && !view.may_be_forgotten(subject) {
            report(1, stream.first);
        }
        stream.faults.iter().for_each(|fault| report(fault.expected, fault.found));
    }
    found
}

/// The log has all events that an aggregate has published, and no others.
pub(super) fn sequence_behind(view: &View<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut compare = |id: &str, recorded: u64, logged: u64, may_have_grown: bool| {
        if logged < recorded || (logged > recorded && !may_have_grown) {
            let detail = format!("its last event is {recorded}, the log's is {logged}");
            found.push(Violation::new("sequence-behind", detail, [id]));
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
    found
}

/// Events are published in time; immediately when no work should be in progress.
pub(super) fn outbox_not_empty(view: &View<'_>) -> Vec<Violation> {
    let detail = |length: u32| format!("{length} events are not published");
    let orders = view.books.orders.iter().filter(|order| {
        order.outbox_length > 0
            && view.steady.contains(order.id.as_str())
            && view.is_known_to_all(order)
    });
    let orders = orders
        .map(|order| Violation::new("outbox-not-empty", detail(order.outbox_length), [&order.id]));
    let parcels = view.books.shipping.iter().filter(|entry| {
        let logged = view.books.log.get(SHIPPING_SOURCE, &entry.order_id);
        let changed_ms = logged.map_or(0, |stream| stream.last_at_ms);
        let born_ms = chassis::id::created_at_ms(&entry.order_id).unwrap_or(0);
        // Events that were published after shipping was read are recent in the log.
        entry.outbox_length > 0 && view.question.is_due(changed_ms.max(born_ms))
    });
    let parcels = parcels.map(|entry| {
        Violation::new("outbox-not-empty", detail(entry.outbox_length), [&entry.order_id])
    });
    orders.chain(parcels).collect()
}

/// Subscriptions keep up.
pub(super) fn subscription_lag(view: &View<'_>) -> Vec<Violation> {
    let late = view.books.subscriptions.iter().filter(|subscription| {
        let allowed_ms = if view.question.quiescent { 0 } else { view.question.in_flight_ms };
        subscription.lag > 0 && subscription.lag_ms >= allowed_ms
    });
    late.map(|subscription| {
        let detail = format!("{} events, the oldest {} ms", subscription.lag, subscription.lag_ms);
        Violation::new("subscription-lag", detail, [&subscription.name])
    })
    .collect()
}

/// There are no dead letters.
pub(super) fn dead_letter(view: &View<'_>) -> Vec<Violation> {
    let letters = view.books.dead_letters.iter();
    let violation = |letter: &crate::domain::DeadLetter| {
        let why = match letter.reason {
            Reason::Rejected => "rejected",
            Reason::AttemptsExhausted => "failed too often",
        };
        let event = &letter.entry.event;
        let detail = format!("{}: {} {why}: {}", letter.subscription, event.type_, letter.detail);
        Violation::new("dead-letter", detail, [&letter.id, &event.id])
    };
    letters.map(violation).collect()
}
