//! Money: customers pay for what they have bought, and nothing else is kept.

use super::Report;
use crate::domain::books::{Account, Order, Payment, PaymentStatus};
use crate::domain::view::View;

/// The two sides of the ledger add up to zero for each payment of a settled order: what the
/// provider has acknowledged equals its statement. The statement may lag behind.
pub(super) fn ledger_unbalanced(view: &View<'_>, report: &mut Report) {
    for ((payment_id, currency), account) in &view.books.ledger {
        let Account { order_id, customer_funds, psp_clearing } = account;
        let sum = customer_funds.saturating_add(*psp_clearing);
        if sum != 0 && view.is_settled_payment(order_id) {
            let detail = format!("{customer_funds} + {psp_clearing} = {sum} {currency}");
            report.add(detail, [order_id, payment_id]);
        }
    }
}

/// The ledger agrees with each payment.
pub(super) fn ledger_differs(view: &View<'_>, report: &mut Report) {
    for (order, payment) in of_orders_at_rest(view) {
        let key = (payment.id.clone(), payment.currency.clone());
        let booked = view.books.ledger.get(&key).map_or(0, |it| it.customer_funds.saturating_neg());
        if booked != payment.net() {
            let detail = format!("{booked} in the ledger, {} in the payment", payment.net());
            report.add(detail, [&order.id, &payment.id]);
        }
    }
}

/// The provider's current statement agrees with each payment, in both directions.
pub(super) fn provider_differs(view: &View<'_>, report: &mut Report) {
    for (order, payment) in of_orders_at_rest(view) {
        let key = (payment.id.clone(), payment.currency.clone());
        let stated = view.books.statement.get(&key);
        let theirs = stated.map_or(0, |stated| stated.net);
        // A recent movement at the provider may not have reached the shop or the statement yet.
        let is_due = stated.is_none_or(|stated| view.question.is_due(stated.last_at_ms))
            && view.is_settled_payment(&payment.order_id);
        if theirs != payment.net() && !payment.unstated && is_due {
            let ours = payment.net();
            let detail = format!("{theirs} in the provider's statement, {ours} in the payment");
            report.add(detail, [&order.id, &payment.id]);
        }
    }
}

/// The provider moves no money for an order that does not exist.
pub(super) fn statement_without_order(view: &View<'_>, report: &mut Report) {
    for ((payment_id, currency), stated) in &view.books.statement {
        let is_due = view.question.is_due(stated.last_at_ms);
        if !view.orders.contains_key(stated.order_id.as_str()) && is_due {
            report.add(format!("{} {currency} for an unknown order", stated.net), [payment_id]);
        }
    }
}

/// The captured amount less refunds is the total of a paid order less its returns, and zero for a
/// cancelled or rejected one. All payments for the order count, because that is what the customer
/// sees.
pub(super) fn charge_differs(view: &View<'_>, report: &mut Report) {
    for order in view.at_rest() {
        let has_paid = order.status.is_paid() || order.status.came_back();
        let due = if has_paid { order.total.amount.saturating_sub(order.refunded) } else { 0 };
        let payments = view.payments(&order.id);
        let charged = payments.iter().map(|it| it.net()).fold(0, i64::saturating_add);
        let moved = |it: &&&Payment| it.captured != 0 || it.refunded != 0;
        let foreign = payments.iter().filter(moved).find(|it| it.currency != order.total.currency);
        if charged != due {
            let detail = format!("charged {charged}, due {due} {}", order.total.currency);
            report.add(detail, [&order.id]);
        } else if let Some(payment) = foreign {
            report.add(format!("charged in {}", payment.currency), [&order.id, &payment.id]);
        }
    }
}

/// No money of an order at rest is still held on the customer's card.
pub(super) fn money_held(view: &View<'_>, report: &mut Report) {
    for (order, payment) in of_orders_at_rest(view).filter(|(_, payment)| payment.held != 0) {
        let detail = format!("{} {} held", payment.held, payment.currency);
        report.add(detail, [&order.id, &payment.id]);
    }
}

/// The outcome of every payment of an order at rest is known.
pub(super) fn payment_unknown(view: &View<'_>, report: &mut Report) {
    for (order, payment) in of_orders_at_rest(view) {
        if payment.status == PaymentStatus::Unknown {
            let detail = "the result at the provider is still unknown";
            report.add(detail, [&order.id, &payment.id]);
        }
    }
}

/// Each payment belongs to an existing order.
pub(super) fn payment_without_order(view: &View<'_>, report: &mut Report) {
    for payment in &view.books.payments {
        if !view.orders.contains_key(payment.order_id.as_str()) {
            report.add(format!("there is no order {}", payment.order_id), [&payment.id]);
        }
    }
}

fn of_orders_at_rest<'a>(view: &View<'a>) -> impl Iterator<Item = (&'a Order, &'a Payment)> {
    let payments = |order: &'a Order| view.payments(&order.id).iter().map(move |it| (order, *it));
    view.at_rest().flat_map(payments)
}
