//! Whether the books of all functions agree: what operators ask, and what tests rest on.

use crate::support::{Api, Customer, Shop, eventually, order, unique};
use serde_json::Value;
use std::time::Duration;

/// How long an order and everything that follows from it may be under way.
const QUIET: Duration = Duration::from_secs(60);

async fn violations(admin: &Api, question: &str) -> Vec<Value> {
    let path = format!("/api/v1/admin/reconciliation{question}");
    let answer = admin.get(&path).await.expect(200).json();
    assert!(answer["checked_at"].is_string(), "{answer}");
    answer["violations"].as_array().unwrap().clone()
}

/// Work that is under way is no violation, unless somebody says that there should be none.
#[tokio::test]
async fn work_under_way_is_told_from_faults() {
    let Some(shop) = Shop::own(|host| host.variable("courier_simulation_ms", "0")).await else {
        return;
    };
    shop.filled().await;
    let (admin, ada) = (shop.admin().await, Customer::new(&shop).await);
    let sku = shop.product(&admin, 5).await;
    let quiet = async || {
        eventually("nothing is under way", QUIET, async || {
            violations(&admin, "?quiescent=true").await.is_empty().then_some(())
        })
        .await;
    };
    quiet().await;

    let (key, slow) = (unique(), order(&[(&sku, 1)], "tok_slow"));
    let watching = eventually("the open order is seen", QUIET, async || {
        let found = violations(&admin, "?quiescent=true").await;
        let open = found.into_iter().find(|one| one["rule"] == "order-unfinished")?;
        // Nobody who does not ask for quiescence is alarmed by it.
        assert_eq!(violations(&admin, "").await, Vec::<Value>::new());
        Some(open)
    });
    let (placed, open) = tokio::join!(ada.place(&key, &slow), watching);
    let id = placed.expect(201).json()["id"].clone();
    assert_eq!(open["ids"][0], id, "{open}");
    quiet().await;
}

#[tokio::test]
async fn questions_out_of_range_are_refused() {
    let shop = Shop::shared().await;
    let admin = shop.admin().await;
    admin.get("/api/v1/admin/reconciliation?in_flight_ms=99999999999").await.problem(400);
    admin.get("/api/v1/admin/reconciliation?quiescent=perhaps").await.problem(400);
}
