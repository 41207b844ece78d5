//! A checkout is one trace through all components, including subscribers of its events.

use crate::support::{Customer, Shop, eventually, order, unique};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The timeout for the last span of the trace.
const ENDING: Duration = Duration::from_secs(90);
/// The components that take part in a checkout.
const COMPONENTS: [&str; 11] = [
    "gateway",
    "orders",
    "catalog",
    "inventory",
    "payments",
    "shipping",
    "psp-sandbox",
    "notifications",
    "mailbox",
    "order-history",
    "recommendations",
];
/// The span of the test, which is the parent of the root.
const OURS: &str = "00f067aa0ba902b7";

#[tokio::test]
async fn a_checkout_is_one_tree_of_spans() {
    let shop = Shop::shared().await;
    let Some(host) = shop.host() else {
        skipped::because("traces are read from the admin listener of a host of the test");
        return;
    };
    let (admin, ada) = (shop.admin().await, Customer::new(shop).await);
    let sku = shop.product(&admin, 5).await;
    let trace = uuid::Uuid::now_v7().simple().to_string();
    let traced = ada.api.with("traceparent", &format!("00-{trace}-{OURS}-01"));
    let traced = traced.with("idempotency-key", &unique());
    traced.post("/api/v1/orders", &order(&[(&sku, 1)], "tok_approved")).await.expect(201);

    let spans = eventually("all spans have ended", ENDING, async || {
        let traces = host.admin().get(&format!("/traces?trace_id={trace}")).await.expect(200);
        let spans = traces.json()["spans"].as_array().unwrap().clone();
        let has_span = |component: &&str| spans.iter().any(|span| span["component"] == **component);
        (COMPONENTS.iter().all(has_span) && orphans(&spans).is_empty()).then_some(spans)
    })
    .await;
    assert_one_root(&spans);
    let kinds: BTreeMap<&str, BTreeSet<&str>> =
        spans.iter().fold(BTreeMap::new(), |mut all, span| {
            let text = |name: &str| span[name].as_str().unwrap();
            all.entry(text("component")).or_insert_with(BTreeSet::new).insert(text("kind"));
            all
        });
    assert!(kinds["notifications"].contains("delivery"), "{kinds:#?}");
    assert!(kinds["orders"].contains("publish"), "{kinds:#?}");
    assert!(kinds["inventory"].contains("link"), "{kinds:#?}");
    assert!(kinds["orders"].contains("chained"), "{kinds:#?}");
    assert!(kinds["orders"].contains("store"), "{kinds:#?}");
    assert_parents_are_callers(&spans);
}

/// Spans whose parent is missing so far.
fn orphans(spans: &[Value]) -> Vec<&Value> {
    let ids: BTreeSet<_> = spans.iter().map(|span| span["span_id"].as_str().unwrap()).collect();
    let known = |span: &&Value| {
        span["parent_id"] == OURS || ids.contains(span["parent_id"].as_str().unwrap())
    };
    spans.iter().filter(|span| !known(span)).collect()
}

fn assert_one_root(spans: &[Value]) {
    let ids: BTreeSet<_> = spans.iter().map(|span| span["span_id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), spans.len(), "a span comes twice");
    let roots: Vec<_> = spans.iter().filter(|span| span["parent_id"] == OURS).collect();
    assert_eq!(roots.len(), 1, "{roots:#?}");
    assert_eq!((&roots[0]["component"], &roots[0]["kind"]), (&"gateway".into(), &"http".into()));
}

/// Checks that parents are spans of the callers.
fn assert_parents_are_callers(spans: &[Value]) {
    let of = |id: &Value| spans.iter().find(|span| span["span_id"] == *id);
    for span in spans {
        let Some(parent) = of(&span["parent_id"]) else { continue };
        let (kind, caller) =
            (span["kind"].as_str().unwrap(), parent["component"].as_str().unwrap());
        let callee = span["component"].as_str().unwrap();
        match (kind, callee) {
            // A component works on its own store within its own call.
            ("store", own) => assert_eq!(caller, own, "{span}"),
            ("link", "shipping") => assert_eq!(caller, "orders", "{span}"),
            // The parent of a delivery is the publication.
            ("delivery", _) => assert_eq!(parent["kind"], "publish", "{span}"),
            ("link", "templates") => assert_eq!(caller, "notifications", "{span}"),
            ("chained", "orders") => assert_eq!(caller, "gateway", "{span}"),
            ("chained", "psp-sandbox") => assert_eq!(caller, "payments", "{span}"),
            _ => {}
        }
    }
}
