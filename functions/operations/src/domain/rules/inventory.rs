//! Pieces: none duplicated, none lost, none sold twice.

use super::Report;
use crate::domain::books::{Order, Sku, Standing};
use crate::domain::view::View;

/// How long an expired reservation may wait for the sweep, in milliseconds.
const SWEEP_MS: u64 = 5 * 60 * 1_000;

/// Pieces on hand, reserved and sold add up to the received pieces. Pieces on hand are counted in
/// each value of a SKU, so pieces that were duplicated or lost between the values show here.
pub(super) fn stock_unbalanced(view: &View<'_>, report: &mut Report) {
    for Sku { sku, on_hand, reserved, sold, received, .. } in &view.books.skus {
        let promised = i128::from(*on_hand) + i128::from(*reserved) + i128::from(*sold);
        if promised != i128::from(*received) {
            let parts = format!("{on_hand} on hand + {reserved} reserved + {sold} sold");
            report.add(format!("{parts}, {received} received"), [sku]);
        }
    }
}

/// A SKU's record must not have more reserved pieces than existed, or more returned than sold
/// pieces.
pub(super) fn stock_negative(view: &View<'_>, report: &mut Report) {
    for sku in view.books.skus.iter().filter(|sku| sku.on_hand < 0 || sku.sold < 0) {
        report.add(format!("{} on hand, {} sold", sku.on_hand, sku.sold), [&sku.sku]);
    }
}

/// The reserved pieces are those that reservations claim.
pub(super) fn claims_differ(view: &View<'_>, report: &mut Report) {
    for sku in &view.books.skus {
        let claimed: u64 = sku.claims.iter().map(|claim| u64::from(claim.quantity)).sum();
        if claimed != sku.reserved {
            report.add(format!("{claimed} claimed, {} reserved", sku.reserved), [&sku.sku]);
        }
    }
}

/// Expired reservations hold nothing after the next sweep.
pub(super) fn reservation_overdue(view: &View<'_>, report: &mut Report) {
    let grace_ms = if view.question.quiescent { 0 } else { SWEEP_MS };
    let is_over =
        |expires_at: u64| expires_at.saturating_add(grace_ms) <= view.question.checked_at_ms;
    for sku in &view.books.skus {
        for claim in sku.claims.iter().filter(|claim| claim.expires_at.is_some_and(is_over)) {
            let detail = format!("still holds {} of {}", claim.quantity, sku.sku);
            report.add(detail, [&claim.reservation_id, &sku.sku]);
        }
    }
}

/// The reservation of a paid order is committed.
pub(super) fn reservation_not_committed(view: &View<'_>, report: &mut Report) {
    of_standings(view, report, |order, standing| {
        let has_paid = order.status.is_paid() || order.status.came_back();
        has_paid && standing != Standing::Committed
    });
}

/// The reservation of a cancelled or rejected order holds nothing.
pub(super) fn reservation_lingers(view: &View<'_>, report: &mut Report) {
    of_standings(view, report, |order, standing| {
        order.status.is_dead() && matches!(standing, Standing::Held | Standing::Committed)
    });
}

fn of_standings(view: &View<'_>, report: &mut Report, is_wrong: impl Fn(&Order, Standing) -> bool) {
    for order in view.at_rest() {
        // An order with an unreadable record has none.
        let Some(standing) = view.books.reservations.get(&order.reservation_id) else { continue };
        if is_wrong(order, *standing) {
            let detail = format!("the order is {}, {standing:?}", order.status.as_str());
            report.add(detail, [&order.id, &order.reservation_id]);
        }
    }
}

/// The sold pieces are those in paid orders that were not returned: not more (a sale without
/// payment) and not less (pieces sold twice). Only SKUs without unsettled orders are checked.
pub(super) fn sold_differs(view: &View<'_>, report: &mut Report) {
    for sku in &view.books.skus {
        let before = view.books.sales_before.get(&sku.sku).copied().unwrap_or_default();
        let sales = view.books.sales.get(&sku.sku).copied().unwrap_or_default();
        let unbooked = sku.claims.iter().filter(|claim| claim.expires_at.is_none());
        let unbooked: i64 = unbooked.map(|claim| i64::from(claim.quantity)).sum();
        let sold = sku.sold.saturating_add(unbooked);
        let is_still = before == sales && !sales.moving;
        if is_still && sold != sales.bought {
            report.add(format!("{sold} sold, {} in paid orders", sales.bought), [&sku.sku]);
        }
    }
}
