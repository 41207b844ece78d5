//! Limits of a component, and the effect on callers and neighbors when a guest exceeds them.

use crate::support::{
    Application, Backend, application, assert_problem, eventually, occupancy, soon,
};
use harness::{Client, Host, Stranger};
use std::net::Ipv4Addr;

/// A guest with these limits, and a neighbor that it may not call: a call needs one instance.
fn guest(limits: &str) -> Application {
    application(&format!(
        r#"{}
allowed_outbound_hosts = ["http://127.0.0.1:*"]
key_value_stores = ["default"]
tool.tessera.limits = {{ {limits} }}
[[trigger.http]]
route = "/neighbor/..."
component = "neighbor"
[component.neighbor]
source = "$p3"
"#,
        Application::GUEST
    ))
}

/// The response to `/count`, once the instance that gave it is free again.
async fn count(host: &Host) -> String {
    let count = host.client().get("/count").await.expect(200).text();
    occupancy(host, "guest", 0, 0).await;
    count
}

#[tokio::test]
async fn a_guest_over_the_cpu_time_limit_is_stopped_and_does_not_block_neighbors() {
    for (path, workers) in [("/loop", "1"), ("/yield-loop", "1"), ("/loop", "4")] {
        let mut backend = Backend::start().await;
        let app = guest("cpu_time_max_ms = 2000, deadline_ms = 600000");
        let host = app.host().argument("--workers").argument(workers).start().await;
        let client = host.client();
        let busy = client.spawn_get(format!("{path}?signal={}", backend.url("/")));
        backend.next().await.answer(200, "");
        for _ in 0..5 {
            client.get("/neighbor/").await.expect(200);
        }
        assert!(!busy.is_finished(), "{path}: the guest is still computing");
        assert_problem(&soon(busy).await.unwrap(), 500, "cpu-time-exceeded");
        let line = host.log_line(|line| line["blame"] == "guest").await;
        assert_eq!(line["component"], "guest");
        assert!(line["message"].as_str().unwrap().contains("more than 2000 ms"), "{line}");
    }
}

#[tokio::test]
async fn many_computing_guests_do_not_block_the_host() {
    let mut backend = Backend::start().await;
    let limits = "cpu_time_max_ms = 500, deadline_ms = 600000";
    let host = guest(limits).host().start().await;
    let client = host.client();
    let path = format!("/loop?signal={}", backend.url("/"));
    let busy: Vec<_> = (0..8).map(|_| client.spawn_get(&path)).collect();
    for held in backend.next_all(8).await {
        held.answer(200, "");
    }
    client.get("/neighbor/").await.expect(200);
    host.admin().get("/livez").await.expect(200);
    assert!(busy.iter().any(|one| !one.is_finished()), "some are still computing");
    for one in busy {
        assert_problem(&soon(one).await.unwrap(), 500, "cpu-time-exceeded");
    }
}

#[tokio::test]
async fn exceeding_the_memory_limit_fails_only_that_call() {
    let host = guest("memory_max_mib = 16").host().start().await;
    let client = host.client();
    client.get("/memory?mib=8").await.expect(200);
    assert_problem(&client.get("/memory").await, 500, "memory-exceeded");
    let line = host.log_line(|line| line["blame"] == "guest").await;
    assert!(line["message"].as_str().unwrap().contains("more than 16 MiB"), "{line}");
    client.get("/neighbor/").await.expect(200);
    client.get("/memory?mib=8").await.expect(200);
}

#[tokio::test]
async fn a_response_after_the_deadline_is_504() {
    let host = guest("deadline_ms = 200").host().start().await;
    assert_problem(&host.client().get("/sleep?ms=600000").await, 504, "deadline-exceeded");
    occupancy(&host, "guest", 0, 0).await;
}

#[tokio::test]
async fn a_guest_that_can_never_continue_is_a_trap() {
    let host = guest("deadline_ms = 600000").host().start().await;
    assert_problem(&soon(host.client().get("/never")).await, 500, "trap");
}

#[tokio::test]
async fn a_full_queue_gives_503_with_retry_after() {
    let mut backend = Backend::start().await;
    let host = guest("concurrency_max = 1, queue_length_max = 1").host().start().await;
    let client = host.client();
    let path = format!("/outbound?url={}", backend.url("/hold"));
    let first = client.spawn_get(&path);
    let held = backend.next().await;
    let second = client.spawn_get(path);
    occupancy(&host, "guest", 1, 1).await;
    let shed = client.get("/").await;
    assert_problem(&shed, 503, "queue-full");
    assert_eq!(shed.header("retry-after"), "1");
    client.get("/neighbor/").await.expect(200);
    held.answer(200, "first");
    assert_eq!(soon(first).await.unwrap().expect(200).text(), "first");
    backend.next().await.answer(200, "second");
    assert_eq!(soon(second).await.unwrap().expect(200).text(), "second");
    client.get("/").await.expect(200);
}

#[tokio::test]
async fn a_queued_call_leaves_the_queue_at_its_deadline() {
    let mut backend = Backend::start().await;
    // It may call nothing but the backend: components that may call each other have permits for
    // calls that come back.
    let app = application(&format!(
        r#"{}
allowed_outbound_hosts = ["{}"]
tool.tessera.limits = {{ concurrency_max = 1, queue_length_max = 8, deadline_ms = 600000 }}
[[trigger.http]]
route = "/forward"
component = "caller"
[component.caller]
source = "$p3"
allowed_outbound_hosts = ["http://guest.spin.internal"]
tool.tessera.limits = {{ deadline_ms = 2000 }}
"#,
        Application::GUEST,
        backend.origin()
    ));
    let host = app.host().start().await;
    let client = host.client();
    let first = client.spawn_get(format!("/outbound?url={}", backend.url("/hold")));
    let held = backend.next().await;
    let second = client.spawn_get("/forward?url=http://guest.spin.internal/count");
    occupancy(&host, "guest", 1, 1).await;
    let second = soon(second).await.unwrap();
    // The deadline of the caller, or of its call: they end at the same time.
    assert!([503, 504].contains(&second.status.as_u16()), "{second:?}");
    occupancy(&host, "guest", 1, 0).await;
    held.answer(200, "first");
    assert_eq!(soon(first).await.unwrap().expect(200).text(), "first");
    // The call that left the queue was not made.
    assert_eq!(count(&host).await, "1");
}

#[tokio::test]
async fn output_over_the_limit_is_dropped_and_counted() {
    let host = guest("log_max_kib = 4").host().start().await;
    host.client().get("/log?kib=64").await.expect(200);
    let line = host
        .log_line(|line| line["message"].as_str().is_some_and(|m| m.starts_with("dropped")))
        .await;
    assert_eq!((&line["component"], &line["stream"]), (&"guest".into(), &"stdout".into()));
    let printed = host.log().iter().filter(|line| line["target"] == "tessera::guest").count();
    assert!((4..=7).contains(&printed), "{printed} lines");
    let series = "tessera_log_bytes_dropped_total{component=\"guest\"}";
    eventually(async || host.metric(series).await.map(|_| ())).await;
}

#[tokio::test]
async fn a_trap_fails_only_its_own_call() {
    let mut backend = Backend::start().await;
    let host = guest("").host().start().await;
    let client = host.client();
    let other = client.spawn_get(format!("/outbound?url={}", backend.url("/hold")));
    let held = backend.next().await;
    for path in ["/trap", "/recurse"] {
        let answer = client.get(path).await;
        assert_problem(&answer, 500, "trap");
        assert!(!answer.text().contains("wasm"), "no internals: {}", answer.text());
    }
    held.answer(200, "unharmed");
    assert_eq!(soon(other).await.unwrap().expect(200).text(), "unharmed");
    let line = host.log_line(|line| line["blame"] == "guest").await;
    assert!(line["message"].as_str().unwrap().contains("unreachable"), "{line}");
}

#[tokio::test]
async fn an_error_code_of_a_guest_is_a_problem() {
    let host = guest("").host().start().await;
    assert_problem(&host.client().get("/error-code").await, 500, "no-answer");
}

#[tokio::test]
async fn an_instance_is_reused_until_it_traps() {
    let host = guest("").host().start().await;
    assert_eq!((count(&host).await, count(&host).await), ("1".into(), "2".into()));
    host.client().get("/trap").await.expect(500);
    assert_eq!(count(&host).await, "1");
}

#[tokio::test]
async fn an_instance_is_dropped_after_instance_reuse_max_calls() {
    for (limit, counts) in [(1, ["1", "1", "1", "1"]), (2, ["1", "2", "1", "2"])] {
        let host = guest(&format!("instance_reuse_max = {limit}")).host().start().await;
        for expected in counts {
            assert_eq!(count(&host).await, expected);
        }
    }
}

#[tokio::test]
async fn a_guest_may_continue_after_its_response() {
    let mut backend = Backend::start().await;
    let host = guest("").host().start().await;
    let client = host.client();
    let path = format!("/after?key=later&url={}", backend.url("/hold"));
    assert_eq!(soon(client.get(&path)).await.expect(200).text(), "done");
    let held = backend.next().await;
    client.get("/kv?key=later").await.expect(404);
    held.answer(200, "");
    eventually(async || {
        let answer = client.get("/kv?key=later").await;
        (answer.status == 200 && answer.text() == "written after the answer").then_some(())
    })
    .await;
}

#[tokio::test]
async fn callbacks_to_a_busy_component_do_not_deadlock() {
    let app = application(
        r#"
[[trigger.http]]
route = "/..."
component = "guest"
[[trigger.http]]
route = { private = true }
component = "other"
[component.guest]
source = "$p3"
allowed_outbound_hosts = ["http://other.spin.internal"]
tool.tessera.limits = { concurrency_max = 2 }
[component.other]
source = "$p3"
allowed_outbound_hosts = ["http://guest.spin.internal"]
tool.tessera.limits = { concurrency_max = 2 }
"#,
    );
    let host = app.host().start().await;
    let back = "http://guest.spin.internal/sleep?ms=100";
    let there = format!("http://other.spin.internal/outbound?url={back}");
    // More calls than permits, so that both components are often full.
    let path = format!("/outbound?url={there}");
    let calls: Vec<_> = (0..8).map(|_| host.client().spawn_get(&path)).collect();
    for call in calls {
        soon(call).await.unwrap().expect(200);
    }
    occupancy(&host, "guest", 0, 0).await;
}

#[tokio::test]
async fn an_idle_instance_is_dropped_for_a_call_of_another_component() {
    let host = guest("").host().argument("--instances-max").argument("1").start().await;
    assert_eq!((count(&host).await, count(&host).await), ("1".into(), "2".into()));
    host.client().get("/neighbor/").await.expect(200);
    assert_eq!(count(&host).await, "1", "a new instance");
}

#[tokio::test]
async fn a_call_waits_while_all_instances_are_busy() {
    let mut backend = Backend::start().await;
    let app = guest("deadline_ms = 60000");
    let host = app.host().argument("--instances-max").argument("1").start().await;
    let client = host.client();
    let busy = client.spawn_get(format!("/outbound?url={}", backend.url("/hold")));
    let held = backend.next().await;
    let waiting = client.spawn_get("/neighbor/");
    occupancy(&host, "neighbor", 1, 0).await;
    assert!(!waiting.is_finished());
    held.answer(200, "");
    soon(busy).await.unwrap().expect(200);
    soon(waiting).await.unwrap().expect(200);
}

#[tokio::test]
async fn a_client_with_many_calls_delays_another_client_by_one_call() {
    let mut backend = Backend::start().await;
    let host = guest("concurrency_max = 1, queue_length_max = 4").host().start().await;
    let url = backend.url("");
    let call = |client: Client, name: &str| client.spawn_get(format!("/outbound?url={url}/{name}"));
    let mut greedy = vec![call(host.client(), "greedy")];
    let running = backend.next().await;
    for queued in 1..=4 {
        greedy.push(call(host.client(), "greedy"));
        occupancy(&host, "guest", 1, queued).await;
    }
    // The queue is full. Its newest call is refused in favor of the first one of another client.
    let other = Stranger::at(host.address(), Ipv4Addr::new(127, 0, 0, 2)).client();
    let other = call(other, "other");
    let refused = soon(greedy.pop().unwrap()).await.unwrap();
    assert_problem(&refused, 503, "queue-full");
    running.answer(200, "");
    let mut order = Vec::new();
    for _ in 0..4 {
        let held = backend.next().await;
        order.push(held.request.uri().path().to_owned());
        held.answer(200, "");
    }
    assert_eq!(order, ["/greedy", "/other", "/greedy", "/greedy"]);
    for call in greedy.into_iter().chain([other]) {
        soon(call).await.unwrap().expect(200);
    }
}
