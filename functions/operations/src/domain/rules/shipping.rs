//! Parcels: exactly the paid pieces, once.

use crate::domain::Violation;
use crate::domain::books::{Line, Shipment, Shipping};
use crate::domain::view::View;
use std::collections::BTreeMap;

/// A paid order is shipped, regardless of the result.
pub(super) fn shipments_missing(view: &View<'_>) -> Vec<Violation> {
    let paid = view.at_rest().filter(|order| order.status.is_paid() || order.status.came_back());
    let missing = paid.filter(|order| live(view.shipping(&order.id)).is_empty());
    let violation = |order: &crate::domain::Order| {
        Violation::new("shipments-missing", "paid, and nothing is shipped", [&order.id])
    };
    missing.map(violation).collect()
}

/// The parcels contain exactly the ordered pieces, and shipping is not cancelled.
pub(super) fn shipments_differ(view: &View<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    let paid = view.at_rest().filter(|order| order.status.is_paid() || order.status.came_back());
    for order in paid {
        let entries = view.shipping(&order.id);
        let shipped = live(entries);
        if shipped.is_empty() {
            continue;
        }
        let fault = if shipped != pieces(&order.lines) {
            Some("the parcels do not hold what was ordered")
        } else if entries.iter().any(|entry| entry.cancelled) {
            Some("paid, and its shipping is cancelled")
        } else {
            None
        };
        found.extend(fault.map(|fault| Violation::new("shipments-differ", fault, [&order.id])));
    }
    found
}

/// A cancelled or rejected order has no live parcel.
pub(super) fn shipments_of_dead_order(view: &View<'_>) -> Vec<Violation> {
    let dead = view.at_rest().filter(|order| order.status.is_dead());
    let shipped = dead.filter(|order| !live(view.shipping(&order.id)).is_empty());
    let violation = |order: &crate::domain::Order| {
        let detail = format!("{}, and a parcel is live", order.status.as_str());
        Violation::new("shipments-of-dead-order", detail, [&order.id])
    };
    shipped.map(violation).collect()
}

/// Each parcel belongs to an existing order.
pub(super) fn shipments_without_order(view: &View<'_>) -> Vec<Violation> {
    let entries = view.books.shipping.iter();
    let unknown = entries.filter(|entry| !view.orders.contains_key(entry.order_id.as_str()));
    let violation = |entry: &Shipping| {
        Violation::new("shipments-without-order", "there is no such order", [&entry.order_id])
    };
    unknown.map(violation).collect()
}

/// Returned parcels are settled: the order has recorded all their pieces, and is `returned` if all
/// parcels were returned.
pub(super) fn return_unsettled(view: &View<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    for order in view.at_rest().filter(|order| view.is_known_to_all(order)) {
        let parcels = view.shipping(&order.id).iter().flat_map(|entry| &entry.shipments);
        let live: Vec<&Shipment> = parcels.filter(|parcel| parcel.is_live()).collect();
        let back = live.iter().filter(|parcel| parcel.came_back());
        let back = pieces(back.flat_map(|parcel| &parcel.lines));
        let all = !live.is_empty() && live.iter().all(|parcel| parcel.came_back());
        let fault = if back != pieces(&order.restocked) {
            Some("the returned pieces differ from the settled ones")
        } else if all != order.status.came_back() {
            Some("its status does not match its parcels")
        } else {
            None
        };
        let fault = fault.map(|fault| format!("{}: {fault}", order.status.as_str()));
        found.extend(fault.map(|fault| Violation::new("return-unsettled", fault, [&order.id])));
    }
    found
}

/// The pieces of all live parcels.
fn live<'a>(entries: &[&'a Shipping]) -> BTreeMap<&'a str, u64> {
    let parcels = entries.iter().flat_map(|entry| &entry.shipments);
    pieces(parcels.filter(|parcel| parcel.is_live()).flat_map(|parcel| &parcel.lines))
}

fn pieces<'a>(lines: impl IntoIterator<Item = &'a Line>) -> BTreeMap<&'a str, u64> {
    let mut pieces = BTreeMap::<_, u64>::new();
    for line in lines {
        *pieces.entry(line.sku.as_str()).or_default() += u64::from(line.quantity);
    }
    pieces
}
