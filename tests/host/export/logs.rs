//! Logs, of the host and of components.

use super::{PARENT, TRACE, guest, has, named, sent};
use harness::collector::{Collector, hex};

#[tokio::test]
async fn output_of_components_is_sent_even_if_it_is_not_logged() {
    let collector = Collector::start().await;
    let app = guest();
    let host = sent(&app, &collector).argument("--quiet").start().await;
    let client = host.client().with("traceparent", &format!("00-{TRACE}-{PARENT}-01"));
    client.get("/log").await.expect(200);
    let log = collector.log_with(|log| log.body == "an ordinary line").await;
    assert_eq!(log.attributes["component_id"], "guest");
    assert_eq!(log.attributes["log.iostream"], "stdout");
    assert_eq!(hex(&log.record.trace_id), TRACE);
    let spans = collector.spans_with(|spans| has(spans, "GET /...")).await;
    assert_eq!(log.record.span_id, named(&spans, "GET /...").span.span_id);
    assert!(host.log().iter().all(|line| line["message"] != "an ordinary line"));
}

#[tokio::test]
async fn the_log_of_the_host_is_sent() {
    let collector = Collector::start().await;
    let host = sent(&guest(), &collector).start().await;
    let client = host.client().with("traceparent", &format!("00-{TRACE}-{PARENT}-01"));
    client.get("/trap").await.expect(500);
    let log = collector.log_with(|log| log.attributes.contains_key("blame")).await;
    assert_eq!(log.record.severity_text, "WARN");
    assert_eq!(hex(&log.record.trace_id), TRACE);
    assert_eq!(log.attributes["component_id"], "guest");
    let spans = collector.spans_with(|spans| has(spans, "GET /...")).await;
    let failed = named(&spans, "GET /...");
    assert_eq!(failed.attributes["error.type"], "trap");
    assert_eq!(failed.span.status.as_ref().unwrap().code, 2);
}
