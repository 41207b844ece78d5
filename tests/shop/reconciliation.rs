//! The reconciliation of all books, which operators and tests use.

use crate::support::{Api, Customer, Shop, eventually, order, reconciled, unique};
use serde_json::Value;
use std::time::Duration;

/// The timeout for work in progress.
const QUIET: Duration = Duration::from_secs(180);

async fn violations(admin: &Api, query: &str) -> Vec<Value> {
    let report = reconciled(admin, query).await.expect("an administrator");
    assert!(report["checked_at"].is_string(), "{report}");
    report["violations"].as_array().unwrap().clone()
}

/// Work in progress is only a violation for a shop that should be quiescent.
#[tokio::test]
async fn work_in_progress_is_only_a_violation_if_the_shop_should_be_quiescent() {
    let Some(shop) = Shop::own(|host| host.variable("courier_simulation_ms", "0")).await else {
        return;
    };
    shop.filled().await;
    let (admin, ada) = (shop.admin().await, Customer::new(&shop).await);
    let sku = shop.product(&admin, 10_000).await;
    let quiet = async || {
        eventually("no work is in progress", QUIET, async || {
            violations(&admin, "?quiescent=true").await.is_empty().then_some(())
        })
        .await;
    };
    quiet().await;

    let slow = order(&[(&sku, 1)], "tok_slow");
    let ordering = async {
        for _ in 0..u32::MAX {
            ada.place(&unique(), &slow).await;
        }
    };
    let watching = eventually("an open order is reported", QUIET, async || {
        let found = violations(&admin, "?quiescent=true").await;
        let open = found.into_iter().find(|one| one["rule"] == "order-unfinished")?;
        assert_eq!(violations(&admin, "").await, Vec::<Value>::new());
        Some(open)
    });
    // On a busy machine, the reconciliation may take longer than an order.
    let open = tokio::select! {
        open = watching => open,
        () = ordering => unreachable!("it does not end"),
    };
    quiet().await;
    let orders = ada.all_orders().await;
    assert!(orders.iter().any(|order| order["id"] == open["ids"][0]), "{open} of {orders:#?}");
}
