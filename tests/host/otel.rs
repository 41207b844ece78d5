//! Telemetry that components make themselves.

use crate::support::{Application, application, assert_problem, spans};
use harness::{Client, Host};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

fn app() -> Application {
    application(
        r#"
[[trigger.http]]
route = "/..."
component = "guest"
[component.guest]
source = "$otel"
key_value_stores = ["default"]
"#,
    )
}

fn traced(host: &Host) -> Client {
    host.client().with("traceparent", &format!("00-{TRACE}-b7ad6b7169203331-01"))
}

#[tokio::test]
async fn spans_of_a_component_join_the_trace_of_its_call() {
    let host = app().host().start().await;
    let outer = traced(&host).get("/span").await.expect(200).text();
    let (trace, outer) = outer.split_once(' ').unwrap();
    assert_eq!(trace, TRACE);
    let spans = spans(&host, TRACE, "http").await;
    let of = |kind: &str, operation: &str| {
        let found = |span: &&serde_json::Value| {
            span["kind"] == kind && span["operation"].as_str().unwrap().contains(operation)
        };
        spans.iter().find(found).unwrap_or_else(|| panic!("{kind} {operation} in {spans:#?}"))
    };
    let own = of("guest", "work");
    assert_eq!(own["span_id"], "00000000000000a1");
    assert_eq!(own["parent_id"], outer);
    assert_eq!(own["component"], "guest");
    assert_eq!(own["outcome"], "ok");
    assert_eq!(own["started_at_ms"], 1_000_000);
    assert_eq!(own["duration_us"], 1_000_000);
    assert_eq!(of("http", "/...")["span_id"], outer);
    // What the component causes is in its span while that is open.
    assert_eq!(of("store", "get")["parent_id"], own["span_id"]);
    assert_eq!(of("store", "exists")["parent_id"], outer);
    let metrics = host.admin().get("/metrics").await.expect(200).text();
    assert!(!metrics.contains("work"), "names that a component chooses are no labels");
}

#[tokio::test]
async fn a_span_with_an_error_makes_a_failed_trace() {
    let host = app().host().start().await;
    traced(&host).get("/span?error=broken").await.expect(200);
    let spans = spans(&host, TRACE, "http").await;
    let own = spans.iter().find(|span| span["kind"] == "guest").unwrap();
    assert_eq!(own["outcome"], "error");
}

#[tokio::test]
async fn spans_of_other_traces_are_not_kept() {
    let host = app().host().start().await;
    let other = "11111111111111111111111111111111";
    traced(&host).get(&format!("/span?trace={other}")).await.expect(200);
    let own = spans(&host, TRACE, "http").await;
    assert!(own.iter().all(|span| span["kind"] != "guest"), "{own:#?}");
    let path = format!("/traces?trace_id={other}");
    let found = host.admin().get(&path).await.expect(200).json();
    assert_eq!(found["spans"].as_array().map(Vec::len), Some(0));
}

#[tokio::test]
async fn a_span_that_was_not_started_can_not_end() {
    let host = app().host().start().await;
    assert_problem(&host.client().get("/unstarted").await, 500, "trap");
}

#[tokio::test]
async fn log_records_are_lines_of_the_standard_error() {
    let host = app().host().start().await;
    host.client().get("/log?body=hello").await.expect(200);
    let is_record = |line: &harness::LogLine| {
        line["message"] == "ERROR hello a=1" && line["stream"] == "stderr"
    };
    host.log_line(is_record).await;
}

#[tokio::test]
async fn metrics_are_dropped_with_a_warning() {
    let host = app().host().start().await;
    host.client().get("/metrics").await.expect(200);
    let warns = |line: &harness::LogLine| {
        line["level"] == "WARN" && line["message"].as_str().unwrap_or("").contains("metrics")
    };
    host.log_line(warns).await;
}
