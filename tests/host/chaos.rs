//! Faults that an operator injects, and experiments.

use crate::support::{
    Application, Backend, application, event, eventually, publish, spans, subscribed,
};
use harness::{Client, Host, HostBuilder, tessera_binary};
use serde_json::{Value, json};
use std::process::ExitStatus;
use tokio::process::Command;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";
/// Far longer than a test.
const LONG_MS: u64 = 600_000;

fn app() -> Application {
    application(
        r#"
[[trigger.http]]
route = "/..."
component = "guest"
[[trigger.http]]
route = "/other/..."
component = "other"
[component.guest]
source = "$p3"
key_value_stores = ["default"]
allowed_outbound_hosts = ["http://127.0.0.1:*", "http://other.spin.internal"]
[component.other]
source = "$p3"
"#,
    )
}

fn with_chaos(app: &Application) -> HostBuilder {
    app.host().argument("--chaos")
}

/// Injects a fault. Returns its number.
async fn inject(host: &Host, target: Value, effect: Value) -> u64 {
    let fault = json!({ "target": target, "effect": effect, "duration_ms": LONG_MS });
    let added = host.admin().post("/faults", &fault).await.expect(201).json();
    added["id"].as_u64().expect("a number")
}

fn kind(kind: &str) -> Value {
    json!({ "kind": kind })
}

/// The command line, for a host.
fn chaos(host: &Host, verb: &str) -> Command {
    let mut command = Command::new(tessera_binary());
    command.args(["chaos", verb, "--admin-url"]);
    command.arg(format!("http://{}", host.admin_address()));
    command.arg("--admin-token-file").arg(host.state().join("admin-token"));
    command
}

/// Runs a command to its end. Returns all that it has printed.
async fn run(command: &mut Command) -> (ExitStatus, String) {
    let output = command.output().await.expect("tessera runs");
    let text = [output.stdout, output.stderr].concat();
    (output.status, String::from_utf8_lossy(&text).into_owned())
}

#[tokio::test]
async fn a_host_without_the_flag_has_no_faults() {
    let app = app();
    let host = app.host().start().await;
    let problem = host.admin().get("/faults").await.problem(404);
    assert!(problem["detail"].as_str().unwrap().contains("--chaos"), "{problem}");
}

#[tokio::test]
async fn faults_need_the_token() {
    let app = app();
    let host = with_chaos(&app).start().await;
    let stranger = Client::new(&format!("http://{}", host.admin_address()));
    stranger.post("/faults", &json!({})).await.problem(401);
    stranger.delete("/faults").await.problem(401);
    stranger.delete("/faults/1").await.problem(401);
    stranger.get("/faults").await.expect(200);
}

#[tokio::test]
async fn a_trap_is_that_of_the_chosen_component_until_it_is_removed() {
    let app = app();
    let host = with_chaos(&app).start().await;
    let id = inject(&host, json!({ "kind": "call", "to": "other" }), kind("trap")).await;
    let problem = host.client().get("/other/").await.problem(500);
    assert_eq!(problem["code"], "trap", "{problem}");
    host.client().get("/").await.expect(200);
    let shown = host.admin().get("/faults").await.expect(200).json();
    assert_eq!(shown["faults"][0]["injected"], 1, "{shown}");
    let counted = r#"tessera_faults_injected_total{target="call",effect="trap"}"#;
    assert_eq!(host.metric(counted).await, Some(1));
    host.admin().delete(&format!("/faults/{id}")).await.expect(204);
    host.client().get("/other/").await.expect(200);
    host.admin().delete(&format!("/faults/{id}")).await.problem(404);
}

#[tokio::test]
async fn a_fault_of_a_call_can_be_limited_to_a_caller() {
    let app = app();
    let host = with_chaos(&app).start().await;
    let target = json!({ "kind": "call", "to": "other", "from": "guest" });
    inject(&host, target, kind("error")).await;
    host.client().get("/other/").await.expect(200);
    host.client().get("/outbound?url=http://other.spin.internal/").await.expect(502);
}

#[tokio::test]
async fn a_fault_is_in_the_log_and_in_the_trace() {
    let app = app();
    let host = with_chaos(&app).start().await;
    let id = inject(&host, json!({ "kind": "call", "to": "guest" }), kind("error")).await;
    let traced = host.client().with("traceparent", &format!("00-{TRACE}-{PARENT}-01"));
    traced.get("/").await.problem(503);
    let faults = spans(&host, TRACE, "fault").await;
    let found = faults.iter().find(|span| span["kind"] == "fault").expect("a span of the fault");
    assert_eq!(found["operation"], format!("error (fault {id})"));
    host.log_line(|line| line["message"] == "a fault is injected" && line["fault"] == id).await;
}

#[tokio::test]
async fn a_fault_of_a_store_is_in_the_trace() {
    let app = app();
    let host = with_chaos(&app).start().await;
    let id = inject(&host, json!({ "kind": "store", "label": "default" }), kind("error")).await;
    let traced = host.client().with("traceparent", &format!("00-{TRACE}-{PARENT}-01"));
    traced.get("/kv?key=k").await.expect(500);
    let found = spans(&host, TRACE, "fault").await;
    let found = found.iter().find(|span| span["kind"] == "fault").expect("a span of the fault");
    assert_eq!(found["operation"], format!("error (fault {id})"));
    let store = spans(&host, TRACE, "store").await;
    let store = store.iter().find(|span| span["kind"] == "store").expect("a span of the store");
    assert_eq!(found["parent_id"], store["span_id"], "{found} {store}");
}

#[tokio::test]
async fn faults_of_events_are_in_the_trace() {
    let mut backend = Backend::start().await;
    let app = subscribed(&backend, r#"{ types = ["com.test.*"], path = "$backend" }"#);
    let host = with_chaos(&app).start().await;
    for target in [json!({ "kind": "publish" }), json!({ "kind": "delivery", "subscription": "*" })]
    {
        inject(&host, target, json!({ "kind": "latency", "min_ms": 1, "max_ms": 1 })).await;
    }
    publish(&host, &[event("k", "e1")]).await;
    backend.next().await.answer(204, "");
    eventually(async || {
        let all = host.admin().get("/traces").await.expect(200).json();
        let all = all["spans"].as_array().unwrap().clone();
        let marked = |fault: u64| {
            let operation = format!("latency (fault {fault})");
            all.iter().find(|span| span["operation"] == *operation).cloned()
        };
        let (publication, delivery) = (marked(1)?, marked(2)?);
        assert_eq!(publication["trace_id"], delivery["trace_id"]);
        Some(())
    })
    .await;
}

#[tokio::test]
async fn a_partition_separates_two_components_and_no_others() {
    let app = app();
    let host = with_chaos(&app).start().await;
    let target = json!({ "kind": "partition", "between": "other", "and": "guest" });
    inject(&host, target, kind("error")).await;
    host.client().get("/other/").await.expect(200);
    host.client().get("/outbound?url=http://other.spin.internal/").await.expect(502);
    let target = json!({ "kind": "partition", "between": "outside", "and": "other" });
    inject(&host, target, kind("error")).await;
    host.client().get("/other/").await.problem(503);
    host.client().get("/").await.expect(200);
}

#[tokio::test]
async fn the_clock_of_one_component_is_moved() {
    const HOUR_MS: i64 = 3_600_000;
    const OTHER: &str = "/forward?url=http://other.spin.internal/clock";
    let app = app();
    let host = with_chaos(&app).start().await;
    let clock = async |path: &str| {
        let shown = host.client().get(path).await.expect(200).text();
        shown.parse::<i64>().expect("milliseconds")
    };
    for by_ms in [HOUR_MS, -HOUR_MS] {
        let target = json!({ "kind": "clock", "component": "guest" });
        let id = inject(&host, target, json!({ "kind": "step", "by_ms": by_ms })).await;
        let difference = clock("/clock").await - clock(OTHER).await;
        assert!((difference - by_ms).abs() < HOUR_MS / 2, "{difference} ms");
        host.admin().delete(&format!("/faults/{id}")).await.expect(204);
        let difference = clock("/clock").await - clock(OTHER).await;
        assert!(difference.abs() < HOUR_MS / 2, "{difference} ms");
    }
}

#[tokio::test]
async fn a_callee_that_hangs_is_given_up_at_the_deadline() {
    let app = application(&format!(
        "{}tool.tessera.limits = {{ deadline_ms = 200 }}\n",
        Application::GUEST
    ));
    let host = with_chaos(&app).start().await;
    inject(&host, json!({ "kind": "call", "to": "guest" }), kind("hang")).await;
    let problem = host.client().get("/").await.problem(504);
    assert_eq!(problem["code"], "deadline-exceeded", "{problem}");
}

#[tokio::test]
async fn a_lost_answer_has_its_effect() {
    let app = app();
    let host = with_chaos(&app).start().await;
    let id = inject(&host, json!({ "kind": "call", "to": "guest" }), kind("lost-answer")).await;
    host.client().put("/kv?key=k", &json!("value")).await.problem(500);
    host.admin().delete(&format!("/faults/{id}")).await.expect(204);
    host.client().get("/kv?key=k").await.expect(200);
}

#[tokio::test]
async fn a_host_can_not_be_reached_and_others_can() {
    let backend = Backend::start().await;
    let url = backend.url("/");
    let app = app();
    let host = with_chaos(&app).start().await;
    inject(&host, json!({ "kind": "host", "host": "127.0.0.1" }), kind("error")).await;
    let answer = host.client().get(&format!("/outbound?url={url}")).await.expect(502);
    assert!(answer.text().contains("ConnectionRefused"), "{}", answer.text());
    host.client().get("/outbound?url=http://other.spin.internal/").await.expect(200);
}

#[tokio::test]
async fn writes_of_a_store_fail_and_reads_do_not() {
    let app = app();
    let host = with_chaos(&app).start().await;
    host.client().put("/kv?key=k", &json!("value")).await.expect(204);
    let target = json!({ "kind": "store", "label": "default", "access": "write" });
    inject(&host, target, kind("error")).await;
    host.client().put("/kv?key=k", &json!("other")).await.expect(500);
    host.client().get("/kv?key=k").await.expect(200);
}

#[tokio::test]
async fn an_event_is_delivered_twice() {
    let mut backend = Backend::start().await;
    let app = subscribed(&backend, r#"{ types = ["com.test.*"], path = "$backend" }"#);
    let host = with_chaos(&app).start().await;
    inject(&host, json!({ "kind": "delivery", "subscription": "*" }), kind("duplicate")).await;
    publish(&host, &[event("k", "e1")]).await;
    for _ in 0..2 {
        let received = backend.next().await;
        assert_eq!(received.header("ce-id"), "e1");
        received.answer(204, "");
    }
}

#[tokio::test]
async fn an_older_event_comes_again_after_a_newer_one() {
    let mut backend = Backend::start().await;
    let app = subscribed(&backend, r#"{ types = ["com.test.*"], path = "$backend" }"#);
    let host = with_chaos(&app).start().await;
    let target = json!({ "kind": "delivery", "subscription": "*" });
    inject(&host, target, kind("reorder")).await;
    publish(&host, &[event("k", "e1"), event("k", "e2")]).await;
    let mut seen = Vec::new();
    for _ in 0..3 {
        let received = backend.next().await;
        seen.push(received.header("ce-id").to_owned());
        received.answer(204, "");
    }
    assert_eq!(seen, ["e1", "e2", "e1"]);
}

#[tokio::test]
async fn what_is_wrong_with_a_fault_is_said() {
    let app = app();
    let host = with_chaos(&app).start().await;
    let store = json!({ "kind": "store", "label": "default" });
    for (fault, words) in [
        (json!({ "target": store, "effect": kind("trap"), "duration_ms": 1 }), "`trap`"),
        (json!({ "target": store, "effect": kind("error"), "duration_ms": 0 }), "duration_ms"),
        (json!({ "target": store, "effect": kind("error") }), "duration_ms"),
        (json!({ "target": store, "effect": kind("explosion"), "duration_ms": 1 }), "explosion"),
        (json!({ "target": kind("moon"), "effect": kind("error"), "duration_ms": 1 }), "moon"),
    ] {
        let problem = host.admin().post("/faults", &fault).await.problem(400);
        assert!(problem["detail"].as_str().unwrap().contains(words), "{problem}");
    }
}

#[tokio::test]
async fn the_command_line_adds_shows_and_removes_faults() {
    let app = app();
    let host = with_chaos(&app).start().await;
    let (added, output) =
        run(chaos(&host, "add").args(["--to", "other", "--latency-ms", "1..2"])).await;
    assert!(added.success() && output.contains("fault 1 is active"), "{output}");
    let (_, output) = run(&mut chaos(&host, "list")).await;
    assert!(output.contains("latency") && output.contains("other"), "{output}");
    let (removed, _) = run(chaos(&host, "remove").arg("--all")).await;
    assert!(removed.success());
    let (_, output) = run(&mut chaos(&host, "list")).await;
    assert!(output.contains("no faults are active"), "{output}");
    for arguments in [
        ["--between", "guest", "--and", "other", "--hang"].as_slice(),
        &["--clock", "guest", "--step-ms", "-60000"],
    ] {
        let (added, output) = run(chaos(&host, "add").args(arguments)).await;
        assert!(added.success(), "{output}");
    }
    let shown = host.admin().get("/faults").await.expect(200).json();
    let partition = json!({ "kind": "partition", "between": "guest", "and": "other" });
    assert_eq!(shown["faults"][0]["target"], partition);
    assert_eq!(shown["faults"][1]["effect"], json!({ "kind": "step", "by_ms": -60_000 }));
    let (added, output) = run(chaos(&host, "add").args(["--store", "default", "--trap"])).await;
    assert!(!added.success() && output.contains("`trap` is for calls"), "{output}");
}

/// The arguments of an experiment with requests of a route while a component fails.
fn experiment(app: Application, path: &str, availability: u32, abort: &str) -> Application {
    // One that is aborted must not end before.
    let duration_ms = if abort.is_empty() { 500 } else { LONG_MS };
    app.with_file(
        "experiment.toml",
        format!(
            r#"
title = "The other component traps"
steady_ms = 300
recovery_ms = 300
{abort}
[[request]]
name = "requests"
path = "{path}"
per_second = 50
expect = [200]
availability_percent = {availability}
[[fault]]
target = {{ kind = "call", to = "other" }}
effect = {{ kind = "trap" }}
duration_ms = {duration_ms}
"#
        ),
    )
}

async fn run_experiment(app: &Application, host: &Host) -> (Option<i32>, String) {
    let mut command = chaos(host, "run");
    command.arg(app.folder().join("experiment.toml"));
    command.arg("--url").arg(format!("http://{}", host.address()));
    let (status, output) = run(&mut command).await;
    (status.code(), output)
}

#[tokio::test]
async fn an_experiment_compares_what_happened_with_what_must_hold() {
    for (path, availability, code) in [("/", 100, 0), ("/other/", 100, 1), ("/other/", 0, 0)] {
        let app = experiment(app(), path, availability, "");
        let host = with_chaos(&app).start().await;
        let (exit, output) = run_experiment(&app, &host).await;
        assert_eq!(exit, Some(code), "{output}");
        assert!(output.contains("before") && output.contains("after"), "{output}");
    }
}

#[tokio::test]
async fn an_experiment_injects_nothing_if_what_must_hold_does_not_hold_before() {
    let app = experiment(app(), "/trap", 0, "");
    let host = with_chaos(&app).start().await;
    let (exit, output) = run_experiment(&app, &host).await;
    assert_eq!(exit, Some(2), "{output}");
    let series = r#"tessera_faults_injected_total{target="call",effect="trap"}"#;
    assert_eq!(host.metric(series).await, None);
}

#[tokio::test]
async fn an_experiment_that_does_too_much_harm_is_aborted() {
    let abort = "abort = { availability_percent = 50, window_ms = 100 }";
    let app = experiment(app(), "/other/", 0, abort);
    let host = with_chaos(&app).start().await;
    let (exit, output) = run_experiment(&app, &host).await;
    assert_eq!(exit, Some(1), "{output}");
    assert!(output.contains("aborted"), "{output}");
    eventually(async || {
        let shown = host.admin().get("/faults").await.expect(200).json();
        shown["faults"].as_array().unwrap().is_empty().then_some(())
    })
    .await;
}
