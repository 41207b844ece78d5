//! A checkout as a collector of traces sees it.

use crate::support::{Customer, Shop, eventually, order, unique};
use harness::collector::{CollectedSpan, Collector, hex};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The timeout for the last span of the trace.
const ENDING: Duration = Duration::from_secs(90);
/// The fewest components that take part in a checkout.
const COMPONENTS_MIN: usize = 10;
/// The span of the test, which is the parent of the first one.
const OURS: &str = "00f067aa0ba902b7";
/// The kinds of spans in OTLP.
const PRODUCER: i32 = 4;
const CONSUMER: i32 = 5;

/// Spans by their ids.
type Spans<'a> = BTreeMap<&'a [u8], &'a CollectedSpan>;

#[tokio::test]
async fn a_checkout_is_exported_as_one_whole_trace() {
    let collector = Collector::start().await;
    let configure = |host: harness::HostBuilder| {
        host.environment("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint())
            // The last spans are sent only at the end of the process.
            .environment("OTEL_BSP_SCHEDULE_DELAY", "3600000")
            .environment("OTEL_BSP_MAX_QUEUE_SIZE", "1000000")
            .variable("courier_simulation_ms", "0")
    };
    let Some(mut shop) = Shop::own(configure).await else { return };
    // The spans of the import would fill the last batch.
    shop.filled().await;
    let (admin, ada) = (shop.admin().await, Customer::new(&shop).await);
    let sku = shop.product(&admin, 5).await;
    let item = format!("/api/v1/cart/items/{sku}");
    ada.api.put(&item, &json!({"quantity": 1})).await.expect(200);
    let trace = uuid::Uuid::now_v7().simple().to_string();
    let traced = ada.api.with("traceparent", &format!("00-{trace}-{OURS}-01"));
    let mut body = order(&[], "tok_approved");
    body.as_object_mut().expect("an object").remove("items");
    let traced = traced.with("idempotency-key", &unique());
    let placed = traced.post("/api/v1/orders", &body).await.expect(201).json();
    assert_eq!(placed["status"], "confirmed", "{placed}");
    let seen = whole_trace(&shop, &trace).await;

    shop.host().expect("its own").terminate();
    assert!(shop.host_mut().wait().await.success());
    let all = collector.spans();
    let spans: Spans = all
        .iter()
        .filter(|one| hex(&one.span.trace_id) == trace)
        .map(|one| (one.span.span_id.as_slice(), one))
        .collect();
    // No span is lost at the end.
    let exported: BTreeSet<String> = spans.keys().map(|id| hex(id)).collect();
    let lost: Vec<_> = seen.difference(&exported).collect();
    assert!(lost.is_empty(), "{lost:?} of {} spans", seen.len());
    assert_parents_exist(&spans);
    assert_deliveries_are_linked(&spans);
    let components: BTreeSet<_> =
        spans.values().map(|one| &one.attributes["component_id"]).collect();
    assert!(components.len() >= COMPONENTS_MIN, "{components:?}");
}

/// The ids of the spans that the host has itself, once the events of the order are processed, and
/// all parents have ended.
async fn whole_trace(shop: &Shop, trace: &str) -> BTreeSet<String> {
    let host = shop.host().expect("its own");
    eventually("the trace is whole", ENDING, async || {
        let path = format!("/traces?trace_id={trace}");
        let spans = host.admin().get(&path).await.expect(200).json();
        let spans = spans["spans"].as_array().expect("spans").clone();
        let id = |span: &Value, name: &str| span[name].as_str().unwrap_or_default().to_owned();
        let ids: BTreeSet<_> = spans.iter().map(|span| id(span, "span_id")).collect();
        let is_known =
            |span: &Value| span["parent_id"] == OURS || ids.contains(&id(span, "parent_id"));
        let deliveries: BTreeSet<_> = spans
            .iter()
            .filter(|span| span["kind"] == "delivery")
            .map(|it| id(it, "component"))
            .collect();
        let are_all = ["notifications", "order-history", "recommendations"]
            .iter()
            .all(|component| deliveries.contains(*component));
        (are_all && spans.iter().all(is_known)).then_some(ids)
    })
    .await
}

/// Checks that the parent of each span is in the trace, but that of the first one.
fn assert_parents_exist(spans: &Spans) {
    let first: Vec<_> = spans
        .values()
        .filter(|one| !spans.contains_key(one.span.parent_span_id.as_slice()))
        .collect();
    let [first] = first.as_slice() else { panic!("one first span: {first:#?}") };
    assert_eq!(hex(&first.span.parent_span_id), OURS);
    assert_eq!(first.attributes["component_id"], "gateway");
}

/// Checks that each delivery of an event is linked to the span that published it.
fn assert_deliveries_are_linked(spans: &Spans) {
    let deliveries: Vec<_> = spans.values().filter(|one| one.span.kind == CONSUMER).collect();
    assert!(deliveries.len() >= 3, "{deliveries:#?}");
    for delivery in deliveries {
        assert!(!delivery.span.links.is_empty(), "{delivery:#?}");
        for link in &delivery.span.links {
            assert_eq!(link.trace_id, delivery.span.trace_id, "{delivery:#?}");
            let publisher = spans[link.span_id.as_slice()];
            assert_eq!(publisher.span.kind, PRODUCER, "{publisher:#?}");
        }
    }
}
