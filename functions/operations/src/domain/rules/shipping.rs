//! Parcels: exactly the paid pieces, once.

use super::Report;
use crate::domain::books::{Line, Order, Shipment, Shipping};
use crate::domain::view::View;
use std::collections::BTreeMap;

/// A paid order is shipped, regardless of the result.
pub(super) fn shipments_missing(view: &View<'_>, report: &mut Report) {
    for order in paid(view).filter(|order| live(view.shipping(&order.id)).is_empty()) {
        report.add("paid, and nothing is shipped", [&order.id]);
    }
}

/// The parcels contain exactly the ordered pieces, and shipping is not cancelled.
pub(super) fn shipments_differ(view: &View<'_>, report: &mut Report) {
    for order in paid(view) {
        let entries = view.shipping(&order.id);
        let shipped = live(entries);
        if shipped.is_empty() {
            continue;
        }
        if shipped != pieces(&order.lines) {
            report.add("the parcels do not hold what was ordered", [&order.id]);
        } else if entries.iter().any(|entry| entry.cancelled) {
            report.add("paid, and its shipping is cancelled", [&order.id]);
        }
    }
}

/// A cancelled or rejected order has no live parcel.
pub(super) fn shipments_of_dead_order(view: &View<'_>, report: &mut Report) {
    for order in view.at_rest().filter(|order| order.status.is_dead()) {
        if !live(view.shipping(&order.id)).is_empty() {
            report.add(format!("{}, and a parcel is live", order.status.as_str()), [&order.id]);
        }
    }
}

/// Each parcel belongs to an existing order.
pub(super) fn shipments_without_order(view: &View<'_>, report: &mut Report) {
    for entry in &view.books.shipping {
        if !view.orders.contains_key(entry.order_id.as_str()) {
            report.add("there is no such order", [&entry.order_id]);
        }
    }
}

/// Returned parcels are settled: the order has recorded all their pieces, and is `returned` if all
/// parcels were returned.
pub(super) fn return_unsettled(view: &View<'_>, report: &mut Report) {
    for order in view.at_rest().filter(|order| view.is_known_to_all(order)) {
        let parcels = view.shipping(&order.id).iter().flat_map(|entry| &entry.shipments);
        let live: Vec<&Shipment> = parcels.filter(|parcel| parcel.is_live()).collect();
        let back = live.iter().filter(|parcel| parcel.came_back());
        let back = pieces(back.flat_map(|parcel| &parcel.lines));
        let all = !live.is_empty() && live.iter().all(|parcel| parcel.came_back());
        let status = order.status.as_str();
        if back != pieces(&order.restocked) {
            let detail = format!("{status}: the returned pieces differ from the settled ones");
            report.add(detail, [&order.id]);
        } else if all != order.status.came_back() {
            report.add(format!("{status}: its status does not match its parcels"), [&order.id]);
        }
    }
}

fn paid<'a>(view: &View<'a>) -> impl Iterator<Item = &'a Order> {
    view.at_rest().filter(|order| order.status.is_paid() || order.status.came_back())
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
