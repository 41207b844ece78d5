//! The books of orders, for comparison with other functions.

use chassis::register::{PAGE_MAX, position};
use chassis::store::StoreError;

use super::bindings::exports::shop::orders::audit as contract;
use super::{Component, bindings, lines, money, orders, status};
use crate::domain::Status;
use crate::service::AuditedOrder;

impl contract::Guest for Component {
    async fn orders(after: Option<String>, limit: u32) -> Result<contract::Page, contract::Error> {
        let unavailable = |error: StoreError| contract::Error::Unavailable(error.to_string());
        let Some(after) = position(after.as_deref()) else {
            return Err(contract::Error::Invalid(
                "`after` must be the `next` of an earlier page".to_owned(),
            ));
        };
        let store = bindings::store().map_err(unavailable)?;
        let limit = limit.clamp(1, PAGE_MAX);
        let page = orders(store).await.audit(after, limit).await.map_err(unavailable)?;
        Ok(contract::Page {
            entries: page.entries.into_iter().map(entry).collect(),
            next: page.next.map(|number| number.to_string()),
        })
    }
}

fn entry(audited: AuditedOrder) -> contract::Entry {
    let AuditedOrder { id, loaded, settled, faults } = audited;
    let Some(loaded) = loaded else { return unreadable(id, faults) };
    let order = loaded.order;
    let restocked = order
        .restocked()
        .map(|line| contract::Line { sku: line.sku.clone(), quantity: line.quantity })
        .collect();
    contract::Entry {
        refunded: order.refunded().map_or(0, |money| money.amount),
        restocked,
        payment_id: order.payment_id(),
        reservation_id: order.reservation_id(),
        id,
        user_id: order.placed.user_id,
        status: status(order.status),
        lines: lines(order.placed.items),
        total: money(order.placed.total),
        last_sequence: loaded.record.outbox.last_sequence(),
        outbox_length: u32::try_from(loaded.record.outbox.len()).unwrap_or(u32::MAX),
        settled,
        parked_since_ms: order.saga.parked_since_ms,
        parked: order.saga.parked,
        faults,
    }
}

/// The entry of an unreadable order.
fn unreadable(id: String, faults: Vec<String>) -> contract::Entry {
    contract::Entry {
        id,
        user_id: String::new(),
        status: status(Status::Pending),
        lines: Vec::new(),
        total: contract::Money { amount: 0, currency: String::new() },
        payment_id: String::new(),
        reservation_id: String::new(),
        last_sequence: 0,
        outbox_length: 0,
        settled: false,
        refunded: 0,
        restocked: Vec::new(),
        parked_since_ms: None,
        parked: None,
        faults,
    }
}
