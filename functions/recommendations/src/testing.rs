//! Events for the tests.
use chassis::events::Event;
use chassis::outbox::{Draft, Outbox};
use serde_json::{Value, json};

use crate::domain::{CATALOG, ORDERS};

/// 2026-01-31T12:00:00Z.
pub(crate) const NOON_MS: u64 = 1_769_860_800_000;

pub(crate) fn user_id(number: u64) -> String {
    format!("usr_0192f0c1-7a10-7c3e-9d5b-{number:012x}")
}

fn event(
    source: &str,
    kind: &str,
    subject: &str,
    sequence: u64,
    at_ms: u64,
    data: &Value,
) -> Event {
    let (source, kind, subject) = (source.to_owned(), kind.to_owned(), subject.to_owned());
    let draft = Draft { source, kind, subject, at_ms, data: data.clone() };
    let mut outbox = Outbox::default();
    (0..sequence).for_each(|_| outbox.push(draft.clone()).unwrap());
    outbox.pending().last().cloned().unwrap()
}

/// Order `number` of user `user` with these products was confirmed, `number` seconds after noon.
pub(crate) fn confirmed(number: u64, user: u64, skus: &[&str]) -> Event {
    let line = |sku: &&str| {
        let price = json!({"amount": 500, "currency": "EUR"});
        json!({"sku": sku, "name": "Thing", "quantity": 2, "price": price})
    };
    let order_id = format!("ord_0192f0c1-7a10-7c3e-9d5b-{number:012x}");
    let data = json!({
        "order_id": order_id, "user_id": user_id(user), "status": "confirmed",
        "lines": skus.iter().map(line).collect::<Vec<_>>(),
        "total": {"amount": 1_000, "currency": "EUR"},
    });
    let at_ms = NOON_MS + number * 1_000;
    event(ORDERS, "com.shop.orders.order.confirmed.v1", &order_id, 2, at_ms, &data)
}

/// User `user` has deleted their account.
pub(crate) fn gone(user: u64) -> Event {
    let id = user_id(user);
    let data = json!({ "user_id": id });
    event("/shop/identity", chassis::sealed::ACCOUNT_DELETED, &id, 9, NOON_MS, &data)
}

/// Product `sku` now has this name.
pub(crate) fn changed(sku: &str, sequence: u64, name: &str) -> Event {
    let data = json!({
        "sku": sku, "name": name, "category": "Kitchen", "image": format!("/images/{sku}.svg"),
        "price": {"amount": 500, "currency": "EUR"}, "updated_at": NOON_MS,
    });
    let at_ms = NOON_MS + sequence;
    event(CATALOG, "com.shop.catalog.product.changed.v1", sku, sequence, at_ms, &data)
}

/// Product `sku` was removed.
pub(crate) fn removed(sku: &str, sequence: u64) -> Event {
    let at_ms = NOON_MS + sequence;
    let data = json!({ "sku": sku });
    event(CATALOG, "com.shop.catalog.product.removed.v1", sku, sequence, at_ms, &data)
}
