//! Traces, logs, metrics and the admin listener.

use crate::support::{
    Application, Backend, application, event, eventually, exchange, get, http1, publish, soon,
    spans, subscribed,
};
use harness::{Client, Host};
use serde_json::Value;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

fn app() -> Application {
    application(
        r#"
[[trigger.http]]
route = "/..."
component = "guest"
[[trigger.http]]
route = "/refuse"
component = "caller"
[[trigger.http]]
route = "/items/:id"
component = "guest"
[[trigger.http]]
route = { private = true }
component = "other"
[component.guest]
source = "$p3"
key_value_stores = ["default"]
allowed_outbound_hosts = ["http://127.0.0.1:*", "http://other.spin.internal"]
[component.other]
source = "$p3"
allowed_outbound_hosts = ["http://127.0.0.1:*"]
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

/// A client that sends all requests within the trace.
fn traced(host: &Host) -> Client {
    host.client().with("traceparent", &format!("00-{TRACE}-{PARENT}-01"))
}

/// The spans of the trace, once a span of each of these kinds has ended: a component may end after
/// the response that its caller waits for.
async fn all_spans(host: &Host, kinds: &[&str]) -> Vec<Value> {
    let mut found = Vec::new();
    for kind in kinds {
        found = spans(host, TRACE, kind).await;
    }
    found
}

/// The metrics, once a series with all of these labels has this value.
async fn metrics_with(host: &Host, name: &str, labels: &[(&str, &str)], expected: f64) -> String {
    let mut metrics = String::new();
    eventually(async || {
        metrics = host.admin().get("/metrics").await.expect(200).text();
        (value(&metrics, name, labels) == Some(expected)).then_some(())
    })
    .await;
    metrics
}

fn only<'a>(spans: &'a [Value], kind: &str) -> &'a Value {
    let mut found = spans.iter().filter(|span| span["kind"] == kind);
    let span = found.next().unwrap_or_else(|| panic!("no {kind} span in {spans:#?}"));
    assert!(found.next().is_none(), "one {kind} span in {spans:#?}");
    span
}

#[tokio::test]
async fn a_trace_continues_through_components_and_outbound_requests() {
    let mut backend = Backend::start().await;
    let host = app().host().start().await;
    let url = backend.url("/out");
    let path = format!("/outbound?url=http://other.spin.internal/outbound?url={url}");
    let request = traced(&host).with("tracestate", "vendor=1").spawn_get(path);
    let received = backend.next().await;
    let traceparent: Vec<_> =
        received.header("traceparent").split('-').map(str::to_owned).collect();
    assert_eq!(traceparent[..2], ["00", TRACE]);
    assert_eq!(traceparent[3], "01");
    assert_eq!(received.header("tracestate"), "vendor=1");
    received.answer(200, "");
    soon(request).await.unwrap().expect(200);

    let spans = all_spans(&host, &["outbound", "chained", "http"]).await;
    let (http, chained) = (only(&spans, "http"), only(&spans, "chained"));
    let outbound = only(&spans, "outbound");
    assert_eq!(http["parent_id"], PARENT);
    assert_eq!(http["component"], "guest");
    assert_eq!(http["operation"], "GET /...");
    assert_eq!(http["outcome"], "200");
    assert_eq!(chained["parent_id"], http["span_id"]);
    assert_eq!(chained["component"], "other");
    assert_eq!(outbound["parent_id"], chained["span_id"]);
    assert_eq!(outbound["component"], "other");
    assert_eq!(traceparent[2], outbound["span_id"].as_str().unwrap());
}

#[tokio::test]
async fn the_traceparent_of_a_callee_is_the_span_of_its_caller() {
    let host = app().host().start().await;
    let seen =
        traced(&host).get("/outbound?url=http://other.spin.internal/").await.expect(200).json();
    let http = only(&spans(&host, TRACE, "http").await, "http").clone();
    let caller = format!("00-{TRACE}-{}-01", http["span_id"].as_str().unwrap());
    assert_eq!(seen["headers"]["traceparent"], caller);
}

#[tokio::test]
async fn store_operations_are_spans_of_their_call() {
    let host = app().host().start().await;
    traced(&host).get("/kv?key=k").await.expect(404);
    let seen = all_spans(&host, &["store", "http"]).await;
    let http = only(&seen, "http");
    let stores: Vec<_> = seen.iter().filter(|span| span["kind"] == "store").collect();
    assert!(stores.iter().all(|store| store["parent_id"] == http["span_id"]), "{seen:#?}");
}

#[tokio::test]
async fn calls_through_links_are_spans_and_counted() {
    let host = app().host().start().await;
    traced(&host).get("/refuse").await.expect(502);
    let seen = all_spans(&host, &["link", "http"]).await;
    let (http, link) = (only(&seen, "http"), only(&seen, "link"));
    assert_eq!(link["parent_id"], http["span_id"]);
    assert_eq!(
        (&link["component"], &link["operation"]),
        (&"callee".into(), &"values.refuse".into())
    );
    assert_eq!(link["outcome"], "refused");
    let labels = [("component", "callee"), ("route", "values.refuse"), ("status", "refused")];
    metrics_with(&host, "tessera_link_call_duration_seconds_count", &labels, 1.0).await;
}

#[tokio::test]
async fn a_request_without_a_trace_starts_one() {
    let mut backend = Backend::start().await;
    let host = app().host().start().await;
    for parent in [None, Some("not a parent")] {
        let client = match parent {
            None => host.client(),
            Some(parent) => host.client().with("traceparent", parent),
        };
        let answer = client.spawn_get(format!("/outbound?url={}", backend.url("/")));
        let received = backend.next().await;
        let trace_id = received.header("traceparent").split('-').nth(1).unwrap().to_owned();
        assert_eq!(trace_id.len(), 32);
        received.answer(200, "");
        soon(answer).await.unwrap().expect(200);
        let http = only(&spans(&host, &trace_id, "http").await, "http").clone();
        assert_eq!(http["parent_id"], Value::Null);
    }
}

#[tokio::test]
async fn a_problem_has_the_trace_id_of_its_log_line() {
    let host = app().host().start().await;
    assert_eq!(traced(&host).get("/trap").await.problem(500)["trace_id"], TRACE);
    let line = host.log_line(|line| line["trace_id"] == TRACE).await;
    assert_eq!((&line["level"], &line["component"]), (&"WARN".into(), &"guest".into()));
}

#[tokio::test]
async fn guest_output_is_logged_with_component_and_trace() {
    let host = app().host().start().await;
    traced(&host).get("/log").await.expect(200);
    let printed = |stream: &'static str| {
        host.log_line(move |line| line["stream"] == stream && line["component"] == "guest")
    };
    let stdout = printed("stdout").await;
    assert_eq!(stdout["message"], "an ordinary line");
    assert_eq!(stdout["trace_id"], TRACE);
    assert!(stdout["timestamp"].is_string(), "{stdout}");
    let stderr = printed("stderr").await;
    // Control characters are escaped.
    let shown = r"a line with \u{1b}[31mcolour\u{1b}[0m\rand a return";
    assert_eq!(stderr["message"], shown);
}

#[tokio::test]
async fn a_problem_of_the_host_has_the_request_id_of_the_client() {
    let host = app().host().start().await;
    let problem = host.client().with("x-request-id", "mine").get("/trap").await.problem(500);
    assert_eq!(problem["request_id"], "mine");
    assert!(host.client().get("/trap").await.problem(500).get("request_id").is_none());
}

#[tokio::test]
async fn the_access_log_has_a_line_for_each_request() {
    let host = app().host().argument("--access-log").start().await;
    let client = traced(&host).with("x-request-id", "mine").with("user-agent", "test/1");
    let answer = client.get("/items/1?token=secret").await.expect(200);
    let is_access = |line: &harness::LogLine| line["target"] == "tessera::access";
    let line = host.log_line(is_access).await;
    for (name, value) in [
        ("method", "GET"),
        ("path", "/items/1"),
        ("protocol", "1.1"),
        ("client", "127.0.0.1"),
        ("user_agent", "test/1"),
        ("trace_id", TRACE),
        ("request_id", "mine"),
    ] {
        assert_eq!(line[name], value, "{line}");
    }
    assert_eq!((&line["status"], &line["is_complete"]), (&200.into(), &true.into()));
    assert_eq!(line["body_bytes"], answer.body.len());
    assert!(!line.to_string().contains("secret"), "{line}");

    // A client that leaves before the end.
    let mut connection = http1(host.address()).await;
    let response = connection.send_request(get("/endless-stream")).await.expect("a head");
    drop((response, connection));
    let is_cut = |line: &harness::LogLine| is_access(line) && line["path"] == "/endless-stream";
    assert_eq!(host.log_line(is_cut).await["is_complete"], false);
    assert_eq!(host.log().iter().filter(|line| is_access(line)).count(), 2);
}

#[tokio::test]
async fn requests_are_not_logged_by_default() {
    let host = app().host().start().await;
    host.client().get("/log").await.expect(200);
    host.log_line(|line| line["stream"] == "stdout").await;
    assert!(host.log().iter().all(|line| line["target"] != "tessera::access"));
}

/// The spans of a request by its id, once one of this kind has ended.
async fn spans_of_request(host: &Host, id: &str, kind: &str) -> Vec<Value> {
    let mut found = Vec::new();
    eventually(async || {
        let answer = host.admin().get(&format!("/traces?request_id={id}")).await.expect(200).json();
        found = answer["spans"].as_array().cloned().unwrap_or_default();
        found.iter().any(|span| span["kind"] == kind).then_some(())
    })
    .await;
    found
}

#[tokio::test]
async fn a_request_id_is_in_responses_traces_and_the_log() {
    let host = app().host().start().await;
    let client = host.client().with("x-request-id", "order-7.of_Ada");
    let path = "/outbound?url=http://other.spin.internal/log";
    let answer = client.get(path).await.expect(200);
    assert_eq!(answer.header("x-request-id"), "order-7.of_Ada");
    host.client().get("/").await.expect(200);
    spans_of_request(&host, "order-7.of_Ada", "chained").await;
    let spans = spans_of_request(&host, "order-7.of_Ada", "http").await;
    assert_eq!(only(&spans, "http")["request_id"], "order-7.of_Ada");
    assert_eq!(only(&spans, "chained")["component"], "other");
    // The output of another component.
    let line = host.log_line(|line| line["stream"] == "stdout").await;
    assert_eq!(line["component"], "other");
    assert_eq!(line["request_id"], "order-7.of_Ada");
    assert_eq!(line["trace_id"], only(&spans, "http")["trace_id"]);
    let failed = client.get("/trap").await;
    failed.problem(500);
    assert_eq!(failed.header("x-request-id"), "order-7.of_Ada");
    let line = host.log_line(|line| line["blame"] == "guest").await;
    assert_eq!(line["request_id"], "order-7.of_Ada");
}

#[tokio::test]
async fn the_trace_id_is_the_default_request_id() {
    let host = app().host().start().await;
    for client in [host.client(), host.client().with("x-request-id", "no id: \"}")] {
        let answer = client.get("/").await.expect(200);
        let id = answer.header("x-request-id").to_owned();
        assert_eq!(answer.json()["headers"]["x-request-id"], id, "the component gets it, too");
        let spans = spans_of_request(&host, &id, "http").await;
        assert_eq!(only(&spans, "http")["trace_id"], id);
    }
}

#[tokio::test]
async fn route_labels_of_the_manifest_are_used_in_metrics() {
    let labels = "tool.tessera.route_labels = [\"/orders\", \"/orders/:id\"]";
    let app = application(&format!("{}{labels}\n", Application::GUEST));
    let host = app.host().start().await;
    for path in ["/orders", "/orders/1", "/orders/2", "/orders/2/lines", "/other"] {
        host.client().get(path).await.expect(200);
    }
    for (route, count) in [("GET /orders", 1.0), ("GET /orders/:id", 2.0), ("GET /...", 2.0)] {
        let labels = [("component", "guest"), ("route", route)];
        metrics_with(&host, "tessera_http_request_duration_seconds_count", &labels, count).await;
    }
}

/// The value of a metric with all of these labels.
fn value(metrics: &str, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    metrics.lines().find_map(|line| {
        let rest = line.strip_prefix(name)?.strip_prefix('{')?;
        let (own, value) = rest.rsplit_once("} ")?;
        let all = labels.iter().all(|(label, text)| own.contains(&format!("{label}=\"{text}\"")));
        all.then(|| value.parse().ok())?
    })
}

#[tokio::test]
async fn metrics_count_by_component_route_and_status() {
    let mut backend = Backend::start().await;
    let host = app().host().start().await;
    let client = host.client();
    for path in ["/items/1", "/items/2", "/items/3", "/trap", "/kv?key=k", "/refuse"] {
        client.get(path).await;
    }
    let answer = client.spawn_get(format!("/outbound?url={}", backend.url("/")));
    backend.next().await.answer(200, "");
    soon(answer).await.unwrap().expect(200);

    let guest = |route, status| [("component", "guest"), ("route", route), ("status", status)];
    // A request is counted when its guest has ended.
    let http = "tessera_http_request_duration_seconds_count";
    metrics_with(&host, http, &guest("GET /items/:id", "200"), 3.0).await;
    metrics_with(&host, http, &guest("GET /...", "200"), 1.0).await;
    let metrics = metrics_with(&host, http, &[("component", "caller")], 1.0).await;
    let answer = host.admin().get("/metrics").await.expect(200);
    assert!(answer.header("content-type").starts_with("application/openmetrics-text"));
    let count = |name: &str, labels: &[(&str, &str)]| {
        value(&metrics, &format!("tessera_{name}_duration_seconds_count"), labels)
    };
    assert_eq!(count("http_request", &guest("GET /...", "trap")), Some(1.0), "{metrics}");
    assert!(count("store_operation", &[("component", "guest")]).is_some(), "{metrics}");
    assert!(count("outbound_request", &[("component", "guest")]).is_some(), "{metrics}");
    let bucket = "tessera_http_request_duration_seconds_bucket";
    let all = [guest("GET /items/:id", "200").as_slice(), &[("le", "+Inf")]].concat();
    assert_eq!(value(&metrics, bucket, &all), Some(3.0), "{metrics}");
    let instances = value(&metrics, "tessera_instances", &[("component", "guest")]);
    assert!(instances.is_some_and(|instances| instances >= 1.0), "{metrics}");
    assert!(metrics.ends_with("# EOF\n"), "{metrics}");
}

#[tokio::test]
async fn scrapers_that_ask_for_text_get_the_older_format() {
    let host = app().host().start().await;
    host.client().get("/items/1").await.expect(200);
    let get = async |accept: &str| {
        let answer = host.admin().with("accept", accept).get("/metrics").await.expect(200);
        (answer.header("content-type").to_owned(), answer.text())
    };
    let open = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    for accept in
        ["*/*", "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"]
    {
        let (content_type, metrics) = get(accept).await;
        assert_eq!(content_type, open, "{accept}");
        assert!(metrics.contains("# TYPE tessera_instantiations counter\n"), "{metrics}");
    }
    for accept in ["text/plain;version=0.0.4;q=1,*/*;q=0.1", "text/html,application/xml,*/*;q=0.8"]
    {
        let (content_type, metrics) = get(accept).await;
        assert_eq!(content_type, "text/plain; version=0.0.4; charset=utf-8", "{accept}");
        assert!(metrics.contains("# TYPE tessera_instantiations_total counter\n"), "{metrics}");
        assert!(metrics.contains("\ntessera_instantiations_total{"), "{metrics}");
        assert!(!metrics.contains("# EOF") && !metrics.contains("# UNIT"), "{metrics}");
    }
}

#[tokio::test]
async fn the_admin_listener_is_separate_and_lists_its_paths() {
    let host = app().host().start().await;
    let admin = host.admin();
    assert_eq!(admin.get("/livez").await.expect(200).text(), "ok\n");
    let paths = admin.get("/nothing").await.expect(404).text();
    for path in ["GET /metrics", "POST /dead-letters/{id}/replay", "DELETE /dead-letters/{id}"] {
        assert!(paths.contains(path), "{path} is not in {paths}");
    }
    let refused = admin.delete("/metrics").await.expect(405);
    assert_eq!(refused.header("allow"), "GET, HEAD");
    // The application's own /metrics is the application's.
    assert_eq!(host.client().get("/metrics").await.expect(200).json()["method"], "GET");
}

/// The response of the admin listener to a request with this host name.
async fn by_name(host: &Host, path: &str, name: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nhost: {name}\r\nconnection: close\r\n\r\n");
    exchange(host.admin_address(), request.as_bytes()).await
}

#[tokio::test]
async fn the_admin_listener_refuses_unknown_host_names() {
    let host = app().host().start().await;
    let port = host.admin_address().port();
    for path in ["/traces", "/components", "/events", "/dead-letters", "/subscriptions", "/"] {
        for name in ["rebound.example", &format!("rebound.example:{port}")] {
            let refused = by_name(&host, path, name).await;
            assert!(refused.starts_with("HTTP/1.1 403 "), "{refused}");
            assert!(refused.contains(r#""code":"named-host""#), "{refused}");
        }
    }
    for name in [format!("127.0.0.1:{port}"), format!("localhost:{port}")] {
        let answer = by_name(&host, "/components", &name).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
}

#[tokio::test]
async fn scrapers_and_probes_may_use_service_names() {
    let host = app().host().start().await;
    for name in ["tessera:3001", "tessera.shop.svc.cluster.local"] {
        for path in ["/metrics", "/livez", "/readyz"] {
            let answer = by_name(&host, path, name).await;
            assert!(answer.starts_with("HTTP/1.1 200 "), "{name}{path}: {answer}");
        }
    }
}

#[tokio::test]
async fn the_operator_may_allow_host_names_for_the_admin_listener() {
    let app = app();
    let host = app.host().argument("--admin-allowed-host").argument("tessera.internal");
    let host = host.start().await;
    let port = host.admin_address().port();
    let answer = by_name(&host, "/components", &format!("Tessera.internal:{port}")).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let refused = by_name(&host, "/components", "other.internal").await;
    assert!(refused.starts_with("HTTP/1.1 403 "), "{refused}");
}

#[tokio::test]
async fn the_size_and_the_losses_of_the_event_log_are_metrics() {
    let backend = Backend::start().await;
    let host = subscribed(&backend, r#"{ types = ["com.other.*"], path = "/" }"#);
    let host = host.host().start().await;
    publish(&host, &[event("a", "a1"), event("b", "b1")]).await;
    let metrics = host.admin().get("/metrics").await.expect(200).text();
    let figure = |name: &str| {
        let mut lines = metrics.lines().filter_map(|line| line.split_once(' '));
        lines.find(|(found, _)| *found == name).and_then(|(_, value)| value.parse::<f64>().ok())
    };
    assert_eq!(figure("tessera_event_log_events"), Some(2.0), "{metrics}");
    assert!(figure("tessera_event_log_bytes") > Some(0.0), "{metrics}");
    for lost in ["events_removed", "event_deliveries_lost", "event_dead_letters_lost"] {
        assert_eq!(figure(&format!("tessera_{lost}_total")), Some(0.0), "{metrics}");
    }
}
