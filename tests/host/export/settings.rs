//! The environment variables.

use super::{guest, has, sent, traces};
use harness::LogLine;
use harness::collector::Collector;

#[tokio::test]
async fn all_signals_can_be_sent_by_grpc() {
    let collector = Collector::start().await;
    let host = sent(&guest(), &collector)
        .environment("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
        .environment("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
        .environment("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20secret,x-tenant=a")
        .start()
        .await;
    host.client().get("/log").await.expect(200);
    collector.spans_with(|spans| has(spans, "GET /...")).await;
    collector.log_with(|log| log.body == "an ordinary line").await;
    collector.point_with(|point| point.name == "http.server.request.duration").await;
    for request in collector.requests() {
        assert_eq!(request.headers["authorization"], "Bearer secret");
        assert_eq!(request.headers["x-tenant"], "a");
        assert!(request.path.ends_with("Service/Export"), "{}", request.path);
    }
}

#[tokio::test]
async fn nothing_is_sent_if_telemetry_is_disabled() {
    let collector = Collector::start().await;
    for (name, value) in [("OTEL_SDK_DISABLED", "true"), ("OTEL_TRACES_EXPORTER", "none")] {
        let mut host = guest()
            .host()
            .environment("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &traces(&collector, "http"))
            .environment(name, value)
            .start()
            .await;
        host.client().get("/").await.expect(200);
        host.terminate();
        assert!(host.wait().await.success());
        assert!(collector.requests().is_empty(), "{name}");
    }
}

#[tokio::test]
async fn settings_that_can_not_be_followed_are_reported() {
    let collector = Collector::start().await;
    let json = ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json");
    let app = guest();
    let host = sent(&app, &collector).environment(json.0, json.1);
    host.assert_fails(&["OTEL_EXPORTER_OTLP_PROTOCOL", "http/json", "http/protobuf"]).await;
    let host = sent(&guest(), &collector)
        .environment("OTEL_TRACES_SAMPLER", "jaeger_remote")
        .start()
        .await;
    let warns = |line: &LogLine| {
        line["message"].as_str().is_some_and(|text| text.contains("jaeger_remote"))
    };
    assert_eq!(host.log_line(warns).await["level"], "WARN");
}
