//! What runs again and again.

use crate::support::{Application, Backend, application, occupancy, only_streams, spans};
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
async fn a_path_is_called_at_the_start_and_again_but_never_before_the_last_run_is_over() {
    let mut backend = Backend::start().await;
    let host = scheduled(&backend).host().start().await;
    for _ in 0..5 {
        let run = backend.next().await;
        assert_eq!(run.request.method(), "POST");
        // Many pauses pass while the run is held; the component works for nobody else.
        for _ in 0..20 {
            occupancy(&host, "guest", 1, 0).await;
        }
        run.answer(200, "");
    }
}

#[tokio::test]
async fn a_failing_run_is_told_and_counted_and_the_next_one_comes() {
    let mut backend = Backend::start().await;
    let host = scheduled(&backend).host().start().await;
    for _ in 0..3 {
        backend.next().await.answer(503, "");
    }
    let fourth = backend.next().await;
    let line = host.log_line(|line| line["level"] == "ERROR").await;
    assert_eq!(line["component"], "guest");
    assert!(line["message"].as_str().unwrap().contains("it answered 503"), "{line}");
    let told = host.log().iter().filter(|line| line["level"] == "ERROR").count();
    assert_eq!(told, 1, "a path that goes on failing is not logged each time");
    let metrics = host.admin().get("/metrics").await.expect(200).text();
    let failed = metrics.lines().find(|line| {
        line.starts_with("tessera_schedule_run_duration_seconds_count{component=\"guest\"")
            && line.contains("status=\"503\"")
    });
    assert!(failed.is_some_and(|line| line.ends_with(" 3")), "{metrics}");
    fourth.answer(200, "");
}

#[tokio::test]
async fn a_run_is_over_when_its_answer_is_and_not_when_that_begins() {
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
        // The head has gone out long since; the rest of the body waits for this.
        let held = backend.next().await;
        for _ in 0..20 {
            only_streams(&host, "guest", 1).await;
        }
        let trace = held.header("traceparent").split('-').nth(1).expect("a trace").to_owned();
        held.answer(200, "");
        let spans = spans(&host, &trace, "schedule").await;
        let run = spans.iter().find(|span| span["kind"] == "schedule").expect("a span");
        assert_eq!(run["outcome"], "200", "nobody has cut it off");
    }
}

#[tokio::test]
async fn a_run_is_a_trace_of_its_own() {
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
async fn a_stop_signal_lets_a_run_finish_and_begins_no_other() {
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
