//! Checks that the books agree when all work is done.

use super::{Api, Customer, Shop, eventually};
use http::StatusCode;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// The timeout for work in progress.
const QUIET: Duration = Duration::from_secs(240);
/// The pause between two reconciliations.
const PAUSE: Duration = Duration::from_millis(200);
/// Orders with these statuses are paid.
const SERVED: [&str; 3] = ["confirmed", "shipped", "delivered"];

/// Waits until all work is done and the shop's own reconciliation finds nothing.
///
/// # Panics
/// If violations remain.
pub(crate) async fn books_agree(shop: &Shop) {
    books_agree_for(shop, &mut shop.admin().await).await;
}

/// The same, for an administrator that is signed in, and stays so.
///
/// # Panics
/// If violations remain.
pub(crate) async fn books_agree_for(shop: &Shop, admin: &mut Api) {
    let mut last = Value::Null;
    let end = tokio::time::Instant::now() + QUIET;
    while tokio::time::Instant::now() < end {
        let Some(found) = violations(admin).await else {
            *admin = shop.admin().await;
            continue;
        };
        last = found;
        if last.as_array().is_some_and(Vec::is_empty) {
            return;
        }
        tokio::time::sleep(PAUSE).await;
    }
    panic!("the books do not agree: {last:#}");
}

/// What a reconciliation finds; none if the administrator must sign in again.
async fn violations(admin: &Api) -> Option<Value> {
    let report = reconciled(admin, "?quiescent=true").await?;
    Some(report["violations"].clone())
}

/// The report of a complete reconciliation; none if the administrator must sign in again.
///
/// # Panics
/// If there is another response, or none that is complete in time.
pub(crate) async fn reconciled(admin: &Api, query: &str) -> Option<Value> {
    const PATH: &str = "/api/v1/admin/reconciliation";
    let mut first = Some(admin.ask(&format!("{PATH}{query}")).await);
    eventually("the reconciliation is complete", QUIET, async || {
        let response = match first.take() {
            Some(response) => response,
            None => admin.get(PATH).await,
        };
        if response.status == StatusCode::UNAUTHORIZED {
            return Some(None);
        }
        let expected = if response.status == StatusCode::ACCEPTED { 202 } else { 200 };
        let report = response.expect(expected).json();
        (report["complete"] == true).then_some(Some(report))
    })
    .await
}

/// Checks that exactly the served orders are paid, and that no other money is in the ledger.
/// `customers` are all customers of the shop.
///
/// # Panics
/// If an order is paid wrongly.
pub(crate) async fn paid_as_served(shop: &Shop, customers: impl Iterator<Item = &Customer>) {
    let mut paid = paid(&shop.admin().await).await;
    for customer in customers {
        let customer = Customer::sign_in(shop, &customer.id, &customer.email).await;
        for order in customer.all_orders().await {
            let served = SERVED.iter().any(|status| order["status"] == *status);
            let total = order["total"]["amount"].as_i64().expect("an amount");
            let due = if served { total } else { 0 };
            let id = order["id"].as_str().expect("an id");
            assert_eq!(paid.remove(id).unwrap_or(0), due, "{order}");
        }
    }
    assert!(paid.is_empty(), "money for unknown orders: {paid:?}");
}

/// What customers have paid less what they got back, by order, from the ledger.
async fn paid(admin: &Api) -> BTreeMap<String, i64> {
    let mut paid = BTreeMap::<String, i64>::new();
    for posting in admin.all("/api/v1/payments/ledger", 100).await {
        if posting["account"] == "customer_funds" {
            let order = posting["order_id"].as_str().expect("an order").to_owned();
            *paid.entry(order).or_default() -= posting["amount"].as_i64().expect("an amount");
        }
    }
    paid
}
