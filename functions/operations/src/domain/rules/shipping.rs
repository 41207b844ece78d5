//! Parcels: exactly what was paid, once.

use crate::domain::Violation;
use crate::domain::books::{Book, Line, Shipping};
use crate::domain::view::View;
use std::collections::BTreeMap;

/// A paid order is shipped.
pub(super) fn shipments_missing(view: &View<'_>) -> Vec<Violation> {
    if !view.is_whole(&[Book::Shipping]) {
        return Vec::new();
    }
    let paid = view.at_rest().filter(|order| order.status.is_paid());
    let missing = paid.filter(|order| live(view.shipping(&order.id)).is_empty());
    let violation = |order: &crate::domain::Order| {
        Violation::new("shipments-missing", "paid, and nothing is shipped", [&order.id])
    };
    missing.map(violation).collect()
}

/// What is shipped is what was ordered: all of it, once, and not called off.
pub(super) fn shipments_differ(view: &View<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    for order in view.at_rest().filter(|order| order.status.is_paid()) {
        let entries = view.shipping(&order.id);
        let shipped = live(entries);
        if shipped.is_empty() {
            continue;
        }
        let fault = if shipped != pieces(&order.lines) {
            Some("the parcels do not hold what was ordered")
        } else if entries.iter().any(|entry| entry.cancelled) {
            Some("paid, and its shipping is called off")
        } else {
            None
        };
        found.extend(fault.map(|fault| Violation::new("shipments-differ", fault, [&order.id])));
    }
    found
}

/// Nothing is shipped for a dead order.
pub(super) fn shipments_of_dead_order(view: &View<'_>) -> Vec<Violation> {
    let dead = view.at_rest().filter(|order| order.status.is_dead());
    let shipped = dead.filter(|order| !live(view.shipping(&order.id)).is_empty());
    let violation = |order: &crate::domain::Order| {
        let detail = format!("{}, and a parcel is live", order.status.as_str());
        Violation::new("shipments-of-dead-order", detail, [&order.id])
    };
    shipped.map(violation).collect()
}

/// Nothing is shipped that nobody ordered.
pub(super) fn shipments_without_order(view: &View<'_>) -> Vec<Violation> {
    if !view.is_whole(&[Book::Orders]) {
        return Vec::new();
    }
    let entries = view.books.shipping.iter();
    let astray = entries.filter(|entry| !view.orders.contains_key(entry.order_id.as_str()));
    let violation = |entry: &Shipping| {
        Violation::new("shipments-without-order", "there is no such order", [&entry.order_id])
    };
    astray.map(violation).collect()
}

/// The pieces of all live parcels.
fn live<'a>(entries: &[&'a Shipping]) -> BTreeMap<&'a str, u64> {
    let parcels = entries.iter().flat_map(|entry| &entry.shipments);
    pieces(parcels.filter(|parcel| parcel.is_live).flat_map(|parcel| &parcel.lines))
}

fn pieces<'a>(lines: impl IntoIterator<Item = &'a Line>) -> BTreeMap<&'a str, u64> {
    let mut pieces = BTreeMap::<_, u64>::new();
    for line in lines {
        *pieces.entry(line.sku.as_str()).or_default() += u64::from(line.quantity);
    }
    pieces
}
