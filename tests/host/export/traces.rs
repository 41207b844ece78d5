//! Traces.

use super::{PARENT, TRACE, guest, has, mesh, named, sent};
use crate::support::{Application, event, stock_application};
use harness::collector::{CollectedSpan, Collector, hex};
use serde_json::json;

#[tokio::test]
async fn a_call_and_the_event_that_it_publishes_are_one_whole_trace() {
    let collector = Collector::start().await;
    let host = sent(&mesh(), &collector).environment("OTEL_SERVICE_NAME", "mesh").start().await;
    let client = host.client().with("traceparent", &format!("00-{TRACE}-{PARENT}-01"));
    let path = "/forward?url=http://publisher.spin.internal/publish";
    let client = client.with("x-request-id", "order-7");
    client.post(path, &json!([event("a", "a1")])).await;
    let spans = collector.spans_with(|spans| has(spans, "values/count") && is_whole(spans)).await;
    assert!(spans.iter().all(|one| hex(&one.span.trace_id) == TRACE), "{spans:#?}");
    assert!(spans.iter().all(|one| one.resource["service.name"] == "mesh"));
    assert!(spans.iter().all(|one| one.span.end_time_unix_nano >= one.span.start_time_unix_nano));
    // Each parent is there, but that of the first span, which is the client's.
    for one in &spans {
        let parent = hex(&one.span.parent_span_id);
        let is_known = spans.iter().any(|other| hex(&other.span.span_id) == parent);
        let is_first = one.span.name == "POST /:action";
        assert_eq!(is_known, !is_first, "{one:#?}");
    }
    let first = named(&spans, "POST /:action");
    assert_eq!(hex(&first.span.parent_span_id), PARENT);
    assert_eq!(first.span.kind, 2);
    for (key, value) in [
        ("http.request.method", "POST"),
        ("http.route", "/:action"),
        ("url.path", "/forward"),
        ("url.scheme", "http"),
        ("client.address", "127.0.0.1"),
        ("component_id", "gateway"),
        ("request_id", "order-7"),
    ] {
        assert_eq!(first.attributes.get(key).map(String::as_str), Some(value), "{key}");
    }
    let publish = named(&spans, "publish");
    assert_eq!(publish.span.kind, 4);
    let delivery = named(&spans, "deliver subscriber");
    assert_eq!(delivery.span.kind, 5);
    assert_eq!(delivery.attributes["messaging.operation.type"], "process");
    assert_eq!(delivery.attributes["messaging.message.id"], "/test/publisher#a1");
    let [link] = delivery.span.links.as_slice() else { panic!("{delivery:#?}") };
    assert_eq!(link.span_id, publish.span.span_id);
    assert_eq!(link.trace_id, publish.span.trace_id);
    let call = named(&spans, "values/count");
    assert_eq!(call.attributes["component_id"], "callee");
    assert_eq!(call.attributes["rpc.method"], "values/count");
    let caller = spans.iter().find(|one| one.span.span_id == call.span.parent_span_id).unwrap();
    assert_eq!(caller.attributes["component_id"], "caller");
    assert_eq!(caller.attributes["tessera.caller"], "subscriber");
}

/// Whether the parents of all are there: a span is sent when it has ended.
fn is_whole(spans: &[CollectedSpan]) -> bool {
    spans.iter().all(|one| {
        let parent = &one.span.parent_span_id;
        hex(parent) == PARENT || spans.iter().any(|other| other.span.span_id == *parent)
    })
}

#[tokio::test]
async fn the_span_of_a_request_is_in_its_response() {
    let collector = Collector::start().await;
    let host = sent(&guest(), &collector).start().await;
    let answer = host.client().get("/").await.expect(200);
    let spans = collector.spans_with(|spans| !spans.is_empty()).await;
    let (trace, span) = (hex(&spans[0].span.trace_id), hex(&spans[0].span.span_id));
    assert_eq!(answer.header("traceresponse"), format!("00-{trace}-{span}-03"));
    assert_eq!(answer.header("x-request-id"), trace);
    let stock = stock_application(Application::GUEST);
    let host = sent(&stock, &collector).start().await;
    let answer = host.client().get("/").await.expect(200);
    for name in ["traceresponse", "x-request-id"] {
        assert!(!answer.headers.contains_key(name), "{name}: stock Spin sends no such field");
    }
}
