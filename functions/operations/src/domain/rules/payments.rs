//! Money: what was taken is what was bought, and nothing else is kept.

use crate::domain::Violation;
use crate::domain::books::{Book, Payment};
use crate::domain::view::View;

/// The postings of the ledger add up to nothing, in each currency.
pub(super) fn ledger_unbalanced(view: &View<'_>) -> Vec<Violation> {
    let sums = view.books.ledger.iter().filter(|(_, sum)| **sum != 0);
    let violation = |(currency, sum): (&String, &i64)| {
        Violation::new("ledger-unbalanced", format!("{sum} {currency}"), [])
    };
    sums.map(violation).collect()
}

/// Captured less refunded is the total of a paid order, and nothing for a dead one. All
/// payments of the order count, whatever it calls its own: that is what the customer sees.
pub(super) fn charge_differs(view: &View<'_>) -> Vec<Violation> {
    if !view.is_whole(&[Book::Payments]) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for order in view.at_rest() {
        let due = if order.status.is_paid() { order.total.amount } else { 0 };
        let payments = view.payments(&order.id);
        let charged: i64 = payments.iter().map(|it| it.captured.saturating_sub(it.refunded)).sum();
        let moved = |it: &&&Payment| it.captured != 0 || it.refunded != 0;
        let foreign = payments.iter().filter(moved).find(|it| it.currency != order.total.currency);
        if charged != due {
            let detail = format!("charged {charged}, due {due} {}", order.total.currency);
            found.push(Violation::new("charge-differs", detail, [&order.id]));
        } else if let Some(payment) = foreign {
            let detail = format!("charged in {}", payment.currency);
            found.push(Violation::new("charge-differs", detail, [&order.id, &payment.id]));
        }
    }
    found
}

/// No money of an order at rest is still held on the customer's card.
pub(super) fn money_held(view: &View<'_>) -> Vec<Violation> {
    of_orders_at_rest(view, |payment| {
        let detail = format!("{} {} held", payment.held, payment.currency);
        (payment.held != 0).then_some(("money-held", detail))
    })
}

/// The outcome of every payment of an order at rest is known.
pub(super) fn payment_unknown(view: &View<'_>) -> Vec<Violation> {
    of_orders_at_rest(view, |payment| {
        let detail = "the provider's answer was never learned".to_owned();
        payment.is_unknown.then_some(("payment-unknown", detail))
    })
}

fn of_orders_at_rest(
    view: &View<'_>,
    look: impl Fn(&Payment) -> Option<(&'static str, String)>,
) -> Vec<Violation> {
    let mut found = Vec::new();
    for order in view.at_rest() {
        for payment in view.payments(&order.id) {
            if let Some((rule, detail)) = look(payment) {
                found.push(Violation::new(rule, detail, [&order.id, &payment.id]));
            }
        }
    }
    found
}

/// Nobody pays for an order that does not exist.
pub(super) fn payment_without_order(view: &View<'_>) -> Vec<Violation> {
    if !view.is_whole(&[Book::Orders]) {
        return Vec::new();
    }
    let astray = view
        .books
        .payments
        .iter()
        .filter(|payment| !view.orders.contains_key(payment.order_id.as_str()));
    let violation = |payment: &Payment| {
        let detail = format!("there is no order {}", payment.order_id);
        Violation::new("payment-without-order", detail, [&payment.id])
    };
    astray.map(violation).collect()
}
