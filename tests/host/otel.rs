//! Telemetry that components make themselves.

use crate::support::{Application, application, assert_problem, spans};
use harness::collector::{CollectedSpan, Collector};
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
async fn without_a_collector_metrics_are_dropped_with_a_warning() {
    let host = app().host().start().await;
    host.client().get("/metrics").await.expect(200);
    let warns = |line: &harness::LogLine| {
        line["level"] == "WARN" && line["message"].as_str().unwrap_or("").contains("metrics")
    };
    host.log_line(warns).await;
}

#[tokio::test]
async fn telemetry_of_a_component_is_exported_as_it_is() {
    let collector = Collector::start().await;
    let host = app()
        .host()
        .environment("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint())
        .environment("OTEL_BSP_SCHEDULE_DELAY", "50")
        .environment("OTEL_BLRP_SCHEDULE_DELAY", "50")
        .start()
        .await;
    let outer = traced(&host).get("/span?error=broken").await.expect(200).text();
    let is_own = |span: &CollectedSpan| span.scope == "test";
    let spans = collector.spans_with(|spans| spans.iter().any(is_own)).await;
    let own = spans.iter().find(|span| is_own(span)).unwrap();
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    assert_eq!(format!("{} {}", hex(&own.span.trace_id), hex(&own.span.parent_span_id)), outer);
    assert_eq!(
        (own.span.name.as_str(), hex(&own.span.span_id).as_str()),
        ("work", "00000000000000a1")
    );
    assert_eq!(own.span.start_time_unix_nano, 1_000_000_000_000);
    assert_eq!(own.span.end_time_unix_nano, 1_001_000_000_500);
    for (key, value) in [("size", "3"), ("tags", "[a,true]"), ("component_id", "guest")] {
        assert_eq!(own.attributes[key], value);
    }
    assert_eq!(own.span.dropped_attributes_count, 2);
    assert_eq!(
        (own.span.events[0].name.as_str(), own.span.events[0].time_unix_nano),
        ("found", 1_000_000_000_007)
    );
    assert_eq!(hex(&own.span.links[0].span_id), "00000000000000b2");
    let status = own.span.status.as_ref().unwrap();
    assert_eq!((status.code, status.message.as_str()), (2, "broken"));
    assert_eq!(own.resource["service.name"], "test");

    traced(&host).get("/log?body=hello").await.expect(200);
    let log = collector.log_with(|log| log.body == "hello").await;
    assert_eq!((log.record.severity_number, log.attributes["a"].as_str()), (17, "1"));
    assert_eq!(hex(&log.record.trace_id), TRACE);
    assert!(collector.logs().iter().all(|log| !log.body.contains("ERROR hello")), "only once");

    host.client().get("/metrics").await.expect(200);
    let point = |name: &'static str| collector.point_with(move |point| point.name == name);
    let (gauge, sum) = (point("a.gauge").await, point("a.sum").await);
    assert_eq!((gauge.value, gauge.kind), (1.5, "gauge"));
    assert_eq!((sum.value, sum.kind, sum.unit.as_str()), (7.0, "sum", "{thing}"));
    assert_eq!(sum.attributes["color"], "red");
    let histogram = point("a.histogram").await;
    assert_eq!((histogram.bounds, histogram.buckets), (vec![1.0, 2.0], vec![1, 0, 2]));
    let exponential = point("an.exponential").await;
    assert_eq!((exponential.value, exponential.buckets), (5.0, vec![1, 3]));
    // Its own attributes count more than those of the host.
    assert_eq!(sum.resource["service.name"], "counter");
    assert_eq!(sum.resource["service.version"], "1.0.0");
    assert_eq!(sum.resource["component_id"], "guest");
}
