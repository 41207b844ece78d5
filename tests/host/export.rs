//! Telemetry that is sent to a collector.

use crate::support::{Application, application, event, eventually, stock_application};
use harness::collector::{CollectedSpan, Collector, Refusal};
use harness::{Host, HostBuilder};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;
use serde_json::json;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

fn sent(app: &Application, collector: &Collector) -> HostBuilder {
    app.host()
        .environment("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint())
        .environment("OTEL_BSP_SCHEDULE_DELAY", "50")
        .environment("OTEL_BLRP_SCHEDULE_DELAY", "50")
        .environment("OTEL_METRIC_EXPORT_INTERVAL", "200")
}

fn guest() -> Application {
    application(Application::GUEST)
}

/// Calls a component through components, links and events.
fn mesh() -> Application {
    application(
        r#"
[[trigger.http]]
route = "/:action"
component = "gateway"
[[trigger.http]]
route = { private = true }
component = "publisher"
[[trigger.http]]
route = { private = true }
component = "subscriber"
[[trigger.http]]
route = { private = true }
component = "caller"
[component.gateway]
source = "$p3"
allowed_outbound_hosts = ["http://publisher.spin.internal"]
[component.publisher]
source = "$publisher"
[component.publisher.dependencies]
"tessera:events/producer@1.0.0" = { component = "events-bridge" }
"tessera:events/log@1.0.0" = { component = "events-bridge" }
[component.events-bridge]
source = "$publisher"
tool.tessera.bridges = "host"
[component.subscriber]
source = "$p3"
allowed_outbound_hosts = ["http://caller.spin.internal"]
[component.subscriber.tool.tessera]
subscribe = [{ types = ["com.test.*"], path = "/forward?url=http://caller.spin.internal/count" }]
[component.caller]
source = "$caller"
[component.caller.dependencies]
"tessera-test:links/values@1.0.0" = { component = "callee-bridge" }
"tessera-test:links/fragile@1.0.0" = { component = "callee-bridge" }
[component.callee]
source = "$callee"
[component.callee-bridge]
source = "$callee"
tool.tessera.bridges = "callee"
"#,
    )
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn named<'a>(spans: &'a [CollectedSpan], name: &str) -> &'a CollectedSpan {
    let mut found = spans.iter().filter(|one| one.span.name == name);
    let span = found.next().unwrap_or_else(|| panic!("no span {name} in {spans:#?}"));
    assert!(found.next().is_none(), "one span {name}");
    span
}

fn has(spans: &[CollectedSpan], name: &str) -> bool {
    spans.iter().any(|one| one.span.name == name)
}

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

fn traces(collector: &Collector, protocol: &str) -> String {
    let path = if protocol == "grpc" { "" } else { "/v1/traces" };
    format!("{}{path}", collector.endpoint())
}

/// The metrics that say what became of telemetry, once they have these values.
async fn assert_counts(host: &Host, signal: &str, (exported, dropped): (u64, u64)) {
    let series = |name| format!("tessera_telemetry_{name}_total{{signal=\"{signal}\"}}");
    eventually(async || {
        let found = (host.metric(&series("exported")).await, host.metric(&series("dropped")).await);
        (found == (Some(exported), Some(dropped))).then_some(())
    })
    .await;
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
async fn the_sampler_decides_at_the_first_span() {
    let collector = Collector::start().await;
    let host = sent(&guest(), &collector)
        .environment("OTEL_TRACES_SAMPLER", "parentbased_always_off")
        .start()
        .await;
    let flags = async |parent: Option<&str>, path: &str| {
        let client = match parent {
            Some(flags) => {
                host.client().with("traceparent", &format!("00-{TRACE}-{PARENT}-{flags}"))
            }
            None => host.client(),
        };
        let answer = client.get(path).await.expect(200);
        answer.header("traceresponse").rsplit_once('-').unwrap().1.to_owned()
    };
    assert_eq!(flags(None, "/own").await, "02");
    assert_eq!(flags(Some("00"), "/not").await, "00");
    assert_eq!(flags(Some("01"), "/sampled").await, "01");
    let spans = collector.spans_with(|spans| !spans.is_empty()).await;
    let paths: Vec<_> = spans.iter().map(|one| one.attributes["url.path"].as_str()).collect();
    assert_eq!(paths, ["/sampled"]);
}

#[tokio::test]
async fn a_client_can_not_force_traces_with_a_sampler_of_the_host() {
    let collector = Collector::start().await;
    let host = sent(&guest(), &collector)
        .environment("OTEL_TRACES_SAMPLER", "traceidratio")
        .environment("OTEL_TRACES_SAMPLER_ARG", "0")
        .start()
        .await;
    let client = host.client().with("traceparent", &format!("00-{TRACE}-{PARENT}-01"));
    let answer = client.get("/log").await.expect(200);
    assert!(answer.header("traceresponse").ends_with("-00"));
    collector.log_with(|log| log.body == "an ordinary line").await;
    assert!(collector.spans().is_empty());
    // The traces on the admin listener are not affected.
    assert!(!crate::support::spans(&host, TRACE, "http").await.is_empty());
}

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
    let warns = |line: &harness::LogLine| {
        line["message"].as_str().is_some_and(|text| text.contains("jaeger_remote"))
    };
    assert_eq!(host.log_line(warns).await["level"], "WARN");
}

#[tokio::test]
async fn a_collector_that_is_not_there_is_reported_once() {
    let app = guest();
    // A port that nothing listens on.
    let address = harness::fixed_address();
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
    let warned = |line: &harness::LogLine| {
        line["message"].as_str().is_some_and(|text| text.starts_with("traces could not be sent"))
    };
    host.log_line(warned).await;
    assert_eq!(host.log().iter().filter(|line| warned(line)).count(), 1);
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

/// Accepts TLS for the collector. Returns its URL and its certificate.
async fn encrypted(collector: &Collector, protocols: Vec<Vec<u8>>) -> (String, String) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der()).into();
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = protocols;
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let inner = collector.endpoint().replace("http://", "");
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let (acceptor, inner) = (acceptor.clone(), inner.clone());
            tokio::spawn(async move {
                // A client that does not trust the certificate leaves.
                let Ok(mut outer) = acceptor.accept(socket).await else { return };
                let mut inner = TcpStream::connect(inner).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut outer, &mut inner).await;
            });
        }
    });
    (url, cert.pem())
}

#[tokio::test]
async fn a_collector_with_tls_is_trusted_by_its_certificate() {
    for (protocol, offered) in [("http/protobuf", vec![]), ("grpc", vec![b"h2".to_vec()])] {
        let collector = Collector::start().await;
        let (url, certificate) = encrypted(&collector, offered).await;
        let app = guest().with_file("ca.pem", certificate);
        let path = app.folder().join("ca.pem");
        let with = |name: &str, value: &str| {
            app.host()
                .environment("OTEL_EXPORTER_OTLP_ENDPOINT", &url)
                .environment("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
                .environment("OTEL_BSP_SCHEDULE_DELAY", "10")
                .environment(name, value)
        };
        let name = "OTEL_EXPORTER_OTLP_CERTIFICATE";
        let host = with(name, path.to_str().unwrap()).start().await;
        host.client().get("/").await.expect(200);
        collector.spans_with(|spans| has(spans, "GET /...")).await;
        // Without it, the certificate is not trusted.
        let host = with("OTEL_BSP_EXPORT_TIMEOUT", "100").start().await;
        host.client().get("/").await.expect(200);
        assert_counts(&host, "traces", (0, 1)).await;
        assert_eq!(collector.spans().len(), 1, "{protocol}");
    }
    let app = guest();
    let host = app.host().environment("OTEL_EXPORTER_OTLP_ENDPOINT", "https://127.0.0.1:1");
    let host = host.environment("OTEL_EXPORTER_OTLP_CERTIFICATE", "missing.pem");
    host.assert_fails(&["missing.pem"]).await;
}
