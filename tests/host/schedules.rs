//! Scheduled calls.

use crate::support::{
    Application, Backend, application, eventually, occupancy, only_streams, spans,
};
use serde_json::Value;
use tempfile::TempDir;

fn scheduled(backend: &Backend) -> Application {
    application(&format!(
        r#"
[[trigger.http]]
route = "/..."
component = "guest"
[component.guest]
source = "$p3"
allowed_outbound_hosts = ["http://127.0.0.1:*"]
tool.tessera.schedule = [{{ path = "/forward?url={}", every_ms = 10 }}]
"#,
        backend.url("/run")
    ))
}

#[tokio::test]
async fn scheduled_runs_begin_at_the_start_and_do_not_overlap() {
    let mut backend = Backend::start().await;
    let host = scheduled(&backend).host().start().await;
    for _ in 0..5 {
        let run = backend.next().await;
        assert_eq!(run.request.method(), "POST");
        // Many intervals pass while the run is held, and no other run begins.
        for _ in 0..20 {
            occupancy(&host, "guest", 1, 0).await;
        }
        run.answer(200, "");
    }
}

#[tokio::test]
async fn failed_runs_are_counted_and_logged_once_and_the_schedule_continues() {
    let mut backend = Backend::start().await;
    let host = scheduled(&backend).host().start().await;
    for _ in 0..3 {
        backend.next().await.answer(503, "");
    }
    let fourth = backend.next().await;
    let line = host.log_line(|line| line["level"] == "ERROR").await;
    assert_eq!(line["component"], "guest");
    assert!(line["message"].as_str().unwrap().contains("it returned 503"), "{line}");
    let errors = host.log().iter().filter(|line| line["level"] == "ERROR").count();
    assert_eq!(errors, 1, "repeated failures are logged once");
    let metrics = host.admin().get("/metrics").await.expect(200).text();
    let failed = metrics.lines().find(|line| {
        line.starts_with("tessera_schedule_run_duration_seconds_count{component=\"guest\"")
            && line.contains("status=\"503\"")
    });
    assert!(failed.is_some_and(|line| line.ends_with(" 3")), "{metrics}");
    fourth.answer(200, "");
}

#[tokio::test]
async fn a_run_that_is_refused_is_made_as_soon_as_there_is_room() {
    let mut backend = Backend::start().await;
    let run =
        |path| format!("{{ path = \"/forward?url={}\", every_ms = 3600000 }}", backend.url(path));
    // Both begin at the start, and the component runs one call at a time. The next ones are due in
    // an hour.
    let app = application(&format!(
        r#"
[[trigger.http]]
route = "/..."
component = "guest"
[component.guest]
source = "$p3"
allowed_outbound_hosts = ["http://127.0.0.1:*"]
tool.tessera.limits = {{ concurrency_max = 1, queue_length_max = 0 }}
tool.tessera.schedule = [{}, {}]
"#,
        run("/one"),
        run("/two")
    ));
    let host = app.host().start().await;
    let first = backend.next().await;
    let retries = r#"tessera_schedule_retries_total{component="guest"}"#;
    eventually(async || host.metric(retries).await.filter(|count| *count >= 1).map(|_| ())).await;
    let warned = |line: &Value| {
        let text = line["message"].as_str().unwrap_or_default();
        text.contains("is tried again until the next run: queue-full")
    };
    assert_eq!(host.log_line(warned).await["level"], "WARN");
    let mut paths = vec![first.request.uri().to_string()];
    first.answer(200, "");
    let second = backend.next().await;
    paths.push(second.request.uri().to_string());
    second.answer(200, "");
    paths.sort();
    assert_eq!(paths, ["/one", "/two"]);
}

#[tokio::test]
async fn a_run_ends_at_the_end_of_its_response() {
    let mut backend = Backend::start().await;
    let app = application(&format!(
        r#"
[[trigger.http]]
route = "/..."
component = "guest"
[component.guest]
source = "$p3"
allowed_outbound_hosts = ["http://127.0.0.1:*"]
tool.tessera.schedule = [{{ path = "/stream?url={}", every_ms = 10 }}]
"#,
        backend.url("/hold")
    ));
    let host = app.host().start().await;
    for _ in 0..2 {
        // The head was already sent; the rest of the body waits for this response.
        let held = backend.next().await;
        for _ in 0..20 {
            only_streams(&host, "guest", 1).await;
        }
        let trace = held.header("traceparent").split('-').nth(1).expect("a trace").to_owned();
        held.answer(200, "");
        let spans = spans(&host, &trace, "schedule").await;
        let run = spans.iter().find(|span| span["kind"] == "schedule").expect("a span");
        assert_eq!(run["outcome"], "200", "it was not aborted");
    }
}

#[tokio::test]
async fn each_run_is_a_separate_trace() {
    let mut backend = Backend::start().await;
    let host = scheduled(&backend).host().start().await;
    let run = backend.next().await;
    let trace = run.header("traceparent").split('-').nth(1).expect("a trace").to_owned();
    run.answer(200, "");
    let spans = spans(&host, &trace, "schedule").await;
    let run = spans.iter().find(|span| span["kind"] == "schedule").expect("a span");
    assert!(run["parent_id"].is_null(), "{run}");
    assert_eq!(run["component"], "guest");
    assert_eq!(run["outcome"], "200");
}

#[tokio::test]
async fn after_a_stop_signal_a_run_finishes_and_no_other_begins() {
    let mut backend = Backend::start().await;
    let folder = TempDir::new().unwrap();
    let app = scheduled(&backend);
    let mut host = app.host().state(&folder.path().join("state")).start().await;
    let run = backend.next().await;
    host.terminate();
    host.log_line(|line| line["message"].as_str().is_some_and(|m| m.starts_with("stopping"))).await;
    run.answer(200, "");
    assert_eq!(host.wait().await.code(), Some(0));
    assert!(backend.idle(), "no run began after the signal");
}
