//! Metrics.

use super::{PARENT, TRACE, guest, mesh, sent};
use crate::support::{event, eventually};
use harness::collector::Collector;
use serde_json::json;

#[tokio::test]
async fn metrics_have_the_names_units_and_buckets_of_the_conventions() {
    let collector = Collector::start().await;
    let app = mesh();
    let host = sent(&app, &collector).start().await;
    let path = "/forward?url=http://publisher.spin.internal/publish";
    host.client().post(path, &json!([event("a", "a1")])).await;
    let point = |name: &'static str| collector.point_with(move |point| point.name == name);
    let requests = point("http.server.request.duration").await;
    assert_eq!((requests.unit.as_str(), requests.kind), ("s", "histogram"));
    let bounds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
    assert_eq!(requests.bounds, bounds);
    assert_eq!(requests.value, 1.0);
    for (key, value) in [
        ("http.request.method", "POST"),
        ("http.route", "/:action"),
        ("http.response.status_code", "204"),
        ("component_id", "gateway"),
    ] {
        assert_eq!(requests.attributes.get(key).map(String::as_str), Some(value), "{key}");
    }
    let calls = point("rpc.server.call.duration").await;
    assert_eq!(calls.attributes["rpc.method"], "values/count");
    let deliveries = point("messaging.process.duration").await;
    assert_eq!(deliveries.attributes["messaging.consumer.group.name"], "subscriber");
    let cpu = point("process.cpu.time").await;
    assert_eq!((cpu.unit.as_str(), cpu.kind), ("s", "sum"));
    let memory = point("tessera.instance_memory").await;
    assert_eq!((memory.unit.as_str(), memory.kind), ("By", "gauge"));
    assert!(point("process.memory.usage").await.value > 0.0);
    assert_eq!(requests.resource["service.name"], "test");
    assert_eq!(requests.resource["service.version"], "1.0.0");
}

#[tokio::test]
async fn histograms_name_exported_traces_as_examples() {
    let (app, collector) = (guest(), Collector::start().await);
    for (sampler, is_example) in [("always_on", true), ("always_off", false)] {
        let host = sent(&app, &collector).environment("OTEL_TRACES_SAMPLER", sampler);
        let host = host.start().await;
        let traceparent = format!("00-{TRACE}-{PARENT}-01");
        host.client().with("traceparent", &traceparent).get("/").await.expect(200);
        let count = r#"tessera_http_request_duration_seconds_count{component="guest",route="GET /...",status="200"}"#;
        eventually(async || (host.metric(count).await == Some(1)).then_some(())).await;
        let metrics = host.admin().get("/metrics").await.expect(200).text();
        let example = format!(" # {{trace_id=\"{TRACE}\"}} ");
        let examples = metrics.lines().filter(|line| line.contains(&example)).count();
        assert_eq!(examples == 1, is_example, "{metrics}");
        let text = host.admin().with("accept", "text/plain").get("/metrics").await.expect(200);
        assert!(!text.text().contains(TRACE), "{}", text.text());
    }
}
