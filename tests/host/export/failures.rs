//! Collectors that refuse, do not respond, or are not there, and the end of the process.

use super::{assert_counts, guest, has, sent, traces};
use harness::collector::{Collector, Refusal};
use harness::{LogLine, fixed_address};

#[tokio::test]
async fn requests_are_repeated_only_if_the_collector_may_accept_them_later() {
    for protocol in ["http/protobuf", "grpc"] {
        let collector = Collector::start().await;
        let (later, never) = match protocol {
            "grpc" => (Refusal::Grpc("14"), Refusal::Grpc("3")),
            _ => (Refusal::Status(503, Some(("retry-after", "0"))), Refusal::Status(400, None)),
        };
        let host = guest()
            .host()
            .environment("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &traces(&collector, protocol))
            .environment("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
            .environment("OTEL_BSP_SCHEDULE_DELAY", "10")
            .start()
            .await;
        collector.refuse(never);
        host.client().get("/lost").await.expect(200);
        collector.requests_with(|all| all.len() == 1).await;
        collector.refuse(later);
        host.client().get("/").await.expect(200);
        let spans = collector.spans_with(|spans| !spans.is_empty()).await;
        assert_eq!(spans[0].attributes["url.path"], "/", "the other one was dropped");
        let requests = collector.requests();
        let accepted: Vec<_> = requests.iter().map(|request| request.is_accepted).collect();
        assert_eq!(accepted, [false, false, true]);
        assert_counts(&host, "traces", (1, 1)).await;
    }
}

#[tokio::test]
async fn a_batch_is_dropped_if_the_collector_asks_for_a_pause_that_is_too_long() {
    let collector = Collector::start().await;
    collector.refuse(Refusal::Status(503, Some(("retry-after", "18446744073709551615"))));
    let host = guest()
        .host()
        .environment("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &traces(&collector, "http"))
        .environment("OTEL_BSP_SCHEDULE_DELAY", "10")
        .start()
        .await;
    host.client().get("/lost").await.expect(200);
    assert_counts(&host, "traces", (0, 1)).await;
    host.client().get("/").await.expect(200);
    assert_counts(&host, "traces", (1, 1)).await;
}

#[tokio::test]
async fn spans_that_a_collector_rejects_are_counted() {
    let collector = Collector::start().await;
    collector.refuse(Refusal::Partial(1));
    let host = guest()
        .host()
        .environment("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &traces(&collector, "http"))
        .environment("OTEL_BSP_SCHEDULE_DELAY", "10")
        .start()
        .await;
    host.client().get("/").await.expect(200);
    assert_counts(&host, "traces", (0, 1)).await;
}

#[tokio::test]
async fn a_collector_that_does_not_respond_stops_no_call_and_no_end() {
    let collector = Collector::start().await;
    collector.refuse(Refusal::Never);
    let mut host = guest()
        .host()
        .environment("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &traces(&collector, "http"))
        .environment("OTEL_BSP_MAX_QUEUE_SIZE", "2")
        .environment("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1")
        .start()
        .await;
    host.client().get("/").await.expect(200);
    collector.requests_with(|all| all.len() == 1).await;
    for _ in 0..10 {
        host.client().get("/").await.expect(200);
    }
    // Two wait, and eight are dropped.
    assert_counts(&host, "traces", (0, 8)).await;
    host.terminate();
    assert!(host.wait().await.success());
}

#[tokio::test]
async fn a_collector_that_is_not_there_is_reported_once() {
    let app = guest();
    // A port that nothing listens on.
    let address = fixed_address();
    let host = app
        .host()
        .environment("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &format!("http://{address}/v1/traces"))
        .environment("OTEL_BSP_SCHEDULE_DELAY", "10")
        .environment("OTEL_BSP_EXPORT_TIMEOUT", "100")
        .start()
        .await;
    for dropped in 1..=2 {
        host.client().get("/").await.expect(200);
        assert_counts(&host, "traces", (0, dropped)).await;
    }
    let warned = |line: &LogLine| {
        line["message"].as_str().is_some_and(|text| text.starts_with("traces could not be sent"))
    };
    host.log_line(warned).await;
    assert_eq!(host.log().iter().filter(|line| warned(line)).count(), 1);
}

#[tokio::test]
async fn what_is_queued_is_sent_at_the_end() {
    let collector = Collector::start().await;
    let hour = "3600000";
    let mut host = sent(&guest(), &collector)
        .environment("OTEL_BSP_SCHEDULE_DELAY", hour)
        .environment("OTEL_BLRP_SCHEDULE_DELAY", hour)
        .environment("OTEL_METRIC_EXPORT_INTERVAL", hour)
        .start()
        .await;
    host.client().get("/log").await.expect(200);
    assert!(collector.requests().is_empty());
    host.terminate();
    assert!(host.wait().await.success());
    assert!(has(&collector.spans(), "GET /..."));
    assert!(collector.logs().iter().any(|log| log.body == "an ordinary line"));
    let points = collector.points();
    assert!(points.iter().any(|point| point.name == "http.server.request.duration"));
}
