//! Pieces: none duplicated, none lost, none sold twice.

use crate::domain::Violation;
use crate::domain::books::{Order, Sku, Standing};
use crate::domain::view::View;

/// How long an expired reservation may wait for the sweep, in milliseconds.
const SWEEP_MS: u64 = 5 * 60 * 1_000;

/// Pieces on hand, reserved and sold add up to the received pieces. Pieces on hand are counted in
/// each value of a SKU, so pieces that were duplicated or lost between the values show here.
pub(super) fn stock_unbalanced(view: &View<'_>) -> Vec<Violation> {
    of_skus(view, "stock-unbalanced", |sku| {
        let promised = i128::from(sku.on_hand) + i128::from(sku.reserved) + i128::from(sku.sold);
        let detail = || {
            let Sku { on_hand, reserved, sold, received, .. } = sku;
            format!("{on_hand} on hand + {reserved} reserved + {sold} sold, {received} received")
        };
        (promised != i128::from(sku.received)).then(detail)
    })
}

/// A SKU's record must not have more reserved pieces than existed, or more returned than sold
/// pieces.
pub(super) fn stock_negative(view: &View<'_>) -> Vec<Violation> {
    of_skus(view, "stock-negative", |sku| {
        let detail = || format!("{} on hand, {} sold", sku.on_hand, sku.sold);
        (sku.on_hand < 0 || sku.sold < 0).then(detail)
    })
}

/// The reserved pieces are those that reservations claim.
pub(super) fn claims_differ(view: &View<'_>) -> Vec<Violation> {
    of_skus(view, "claims-differ", |sku| {
        let claimed: u64 = sku.claims.iter().map(|claim| u64::from(claim.quantity)).sum();
        (claimed != sku.reserved).then(|| format!("{claimed} claimed, {} reserved", sku.reserved))
    })
}

fn of_skus(
    view: &View<'_>,
    rule: &'static str,
    look: impl Fn(&Sku) -> Option<String>,
) -> Vec<Violation> {
    let skus = view.books.skus.iter();
    skus.filter_map(|sku| look(sku).map(|detail| Violation::new(rule, detail, [&sku.sku])))
        .collect()
}

/// Expired reservations hold nothing after the next sweep.
pub(super) fn reservation_overdue(view: &View<'_>) -> Vec<Violation> {
    let grace_ms = if view.question.quiescent { 0 } else { SWEEP_MS };
    let mut found = Vec::new();
    for sku in &view.books.skus {
        for claim in &sku.claims {
            let over = claim.expires_at.is_some_and(|expires_ms| {
                expires_ms.saturating_add(grace_ms) <= view.question.checked_at_ms
            });
            if over {
                let detail = format!("still holds {} of {}", claim.quantity, sku.sku);
                let ids = [&claim.reservation_id, &sku.sku].map(String::as_str);
                found.push(Violation::new("reservation-overdue", detail, ids));
            }
        }
    }
    found
}

/// The reservation of a paid order is committed.
pub(super) fn reservation_not_committed(view: &View<'_>) -> Vec<Violation> {
    of_standings(view, "reservation-not-committed", |order, standing| {
        let is_sold = matches!(standing, Standing::Committed);
        (order.status.is_paid() || order.status.came_back()) && !is_sold
    })
}

/// The reservation of a cancelled or rejected order holds nothing.
pub(super) fn reservation_lingers(view: &View<'_>) -> Vec<Violation> {
    of_standings(view, "reservation-lingers", |order, standing| {
        order.status.is_dead() && matches!(standing, Standing::Held | Standing::Committed)
    })
}

fn of_standings(
    view: &View<'_>,
    rule: &'static str,
    is_wrong: impl Fn(&Order, Standing) -> bool,
) -> Vec<Violation> {
    let mut found = Vec::new();
    for order in view.at_rest() {
        // Reservations of other parts were not read.
        let Some(standing) = view.books.reservations.get(&order.reservation_id) else { continue };
        if is_wrong(order, *standing) {
            let detail = format!("the order is {}, {standing:?}", order.status.as_str());
            found.push(Violation::new(rule, detail, [&order.id, &order.reservation_id]));
        }
    }
    found
}

/// The sold pieces are those in paid orders that were not returned: not more (a sale without
/// payment) and not less (pieces sold twice). Only SKUs without unsettled orders are checked.
pub(super) fn sold_differs(view: &View<'_>) -> Vec<Violation> {
    let still = view.books.skus.iter().filter_map(|sku| {
        let before = view.books.sales_before.get(&sku.sku).copied().unwrap_or_default();
        let after = view.books.sales.get(&sku.sku).copied().unwrap_or_default();
        (before == after && !after.moving).then_some((sku, after.bought))
    });
    still
        .filter_map(|(sku, bought)| {
            let about_to: i64 = sku
                .claims
                .iter()
                .filter(|claim| claim.expires_at.is_none())
                .map(|claim| i64::from(claim.quantity))
                .sum();
            let sold = sku.sold.saturating_add(about_to);
            let detail = || format!("{sold} sold, {bought} in paid orders");
            (i128::from(sold) != i128::from(bought))
                .then(|| Violation::new("sold-differs", detail(), [&sku.sku]))
        })
        .collect()
}
