//! What still works while each call of one component traps, for each component of the shop in turn.
//!
//! The table in `docs/shop.md` is the expected result. `UPDATE_GOLDEN=1` rewrites it.

mod page;
mod use_cases;
mod visit;

use crate::support::{Shop, books_agree, paid_as_served};
use harness::Host;
use serde_json::json;
use std::time::Duration;
use use_cases::Outcome;
use visit::Visit;

/// Far longer than the use cases take.
const FAULT_MS: u64 = 3_600_000;
/// All requests pass through it.
const FRONT: &str = "gateway";
/// The timeout for everything to work again. Circuit breakers close some seconds after a fault.
const RECOVERY: Duration = Duration::from_secs(240);

/// What becomes of the use cases while one component fails.
#[derive(Default)]
struct Row {
    component: String,
    fails: Vec<&'static str>,
    later: Vec<&'static str>,
}

#[tokio::test]
async fn a_component_that_fails_breaks_only_what_the_table_says() {
    let configure = |host: harness::HostBuilder| {
        let host = host.argument("--chaos").variable("rate_limits", "off");
        host.variable("courier_simulation_ms", "0")
    };
    let Some(shop) = Shop::own(configure).await else { return };
    shop.filled().await;
    let host = shop.host().expect("its own");
    let mut visit = Visit::new(&shop).await;
    // Before the first fault, every component has the keys that tokens are checked with.
    visit.works("nothing").await;
    let mut rows = Vec::new();
    for component in components(host).await {
        visit.renew(&shop).await;
        rows.push(fails(host, &visit, component).await);
    }
    books_agree(&shop).await;
    paid_as_served(&shop, visit.customers()).await;
    page::check(&rows);
}

/// The components that run.
async fn components(host: &Host) -> Vec<String> {
    let all = host.admin().get("/components").await.expect(200).json();
    let all = all["components"].as_array().expect("components").iter();
    let mut ids: Vec<_> = all.map(|one| one["id"].as_str().expect("an id").to_owned()).collect();
    ids.sort();
    ids
}

/// Goes through all use cases while this component fails, and waits until everything works again.
async fn fails(host: &Host, visit: &Visit, component: String) -> Row {
    let order = visit.order_to_cancel().await;
    let fault = json!({
        "target": { "kind": "call", "to": component },
        "effect": { "kind": "trap" },
        "duration_ms": FAULT_MS,
    });
    host.admin().post("/faults", &fault).await.expect(201);
    let outcomes = match component == FRONT {
        true => {
            host.client().get("/api/v1/products").await.problem(500);
            vec![("everything", Outcome::Fails)]
        }
        false => use_cases::outcomes(visit, &order).await,
    };
    host.admin().delete("/faults").await.expect(204);
    visit.works(&component).await;
    // What was accepted is completed.
    visit.all_decided().await;
    if outcomes.contains(&("cancellation", Outcome::Later)) {
        visit.customer.with_status(&order, "cancelled").await;
    }
    let with = |outcome| {
        let fitting = outcomes.iter().filter(move |(_, found)| *found == outcome);
        fitting.map(|(name, _)| *name).collect()
    };
    Row { component, fails: with(Outcome::Fails), later: with(Outcome::Later) }
}
