//! Money: customers pay for what they have bought, and nothing else is kept.

use crate::domain::Violation;
use crate::domain::books::{Account, Payment, PaymentStatus, Stated};
use crate::domain::view::View;

/// The two sides of the ledger add up to zero for each payment of a settled order: what the
/// provider has acknowledged equals its statement. The statement may lag behind.
pub(super) fn ledger_unbalanced(view: &View<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    for ((payment_id, currency), account) in &view.books.ledger {
        let Account { order_id, customer_funds, psp_clearing } = account;
        let sum = customer_funds.saturating_add(*psp_clearing);
        if sum != 0 && view.is_settled_payment(order_id) {
            let detail = format!("{customer_funds} + {psp_clearing} = {sum} {currency}");
            found.push(Violation::new("ledger-unbalanced", detail, [order_id, payment_id]));
        }
    }
    found
}

/// The ledger agrees with each payment.
pub(super) fn ledger_differs(view: &View<'_>) -> Vec<Violation> {
    of_orders_at_rest(view, |payment| {
        let key = (payment.id.clone(), payment.currency.clone());
        let booked = view.books.ledger.get(&key).map_or(0, |it| it.customer_funds.saturating_neg());
        let detail = format!("{booked} in the ledger, {} in the payment", payment.net());
        (booked != payment.net()).then_some(("ledger-differs", detail))
    })
}

/// The provider's current statement agrees with each payment, in both directions.
pub(super) fn provider_differs(view: &View<'_>) -> Vec<Violation> {
    of_orders_at_rest(view, |payment| {
        let key = (payment.id.clone(), payment.currency.clone());
        let stated = view.books.statement.get(&key);
        let theirs = stated.map_or(0, |stated| stated.net);
        // A recent movement at the provider may not have reached the shop or the statement yet.
        let is_due = stated.is_none_or(|stated| view.question.is_due(stated.last_at_ms))
            && view.is_settled_payment(&payment.order_id);
        let detail =
            format!("{theirs} in the provider's statement, {} in the payment", payment.net());
        let differs = theirs != payment.net() && !payment.unstated && is_due;
        differs.then_some(("provider-differs", detail))
    })
}

/// The provider moves no money for an order that does not exist.
pub(super) fn statement_without_order(view: &View<'_>) -> Vec<Violation> {
    let unknown = view.books.statement.iter().filter(|(_, stated)| {
        !view.orders.contains_key(stated.order_id.as_str())
            && view.question.is_due(stated.last_at_ms)
    });
    let violation = |((payment_id, currency), stated): (&(String, String), &Stated)| {
        let detail = format!("{} {currency} for an unknown order", stated.net);
        Violation::new("statement-without-order", detail, [payment_id])
    };
    unknown.map(violation).collect()
}

/// The captured amount less refunds is the total of a paid order less its returns, and zero for a
/// canceled or rejected one. All payments for the order count, because that is what the customer
/// sees.
pub(super) fn charge_differs(view: &View<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    for order in view.at_rest() {
        let has_paid = order.status.is_paid() || order.status.came_back();
        let due = if has_paid { order.total.amount.saturating_sub(order.refunded) } else { 0 };
        let payments = view.payments(&order.id);
        let charged = payments.iter().map(|it| it.net()).fold(0, i64::saturating_add);
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
        let detail = "the result at the provider is still unknown".to_owned();
        (payment.status == PaymentStatus::Unknown).then_some(("payment-unknown", detail))
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

/// Each payment belongs to an existing order.
pub(super) fn payment_without_order(view: &View<'_>) -> Vec<Violation> {
    let unknown = view
        .books
        .payments
        .iter()
        .filter(|payment| !view.orders.contains_key(payment.order_id.as_str()));
    let violation = |payment: &Payment| {
        let detail = format!("there is no order {}", payment.order_id);
        Violation::new("payment-without-order", detail, [&payment.id])
    };
    unknown.map(violation).collect()
}
