//! What a guest may use, and what its callers and its neighbors see when it wants more.

use crate::support::{
    Application, Backend, application, assert_problem, eventually, occupancy, soon,
};
use harness::{Client, Stranger};
use std::net::Ipv4Addr;

/// A guest with these limits at `/...`, and a neighbor without any at `/neighbor/...`.
fn guest(limits: &str) -> Application {
    application(&format!(
        r#"
[[trigger.http]]
route = "/..."
component = "guest"
[[trigger.http]]
route = "/neighbor/..."
component = "neighbor"
[component.guest]
source = "$p3"
allowed_outbound_hosts = ["http://127.0.0.1:*"]
key_value_stores = ["default"]
[component.guest.tool.tessera]
limits = {{ {limits} }}
[component.neighbor]
source = "$p3"
"#
    ))
}

#[tokio::test]
async fn a_guest_that_computes_too_long_is_stopped_and_its_neighbors_are_served_meanwhile() {
    for (path, workers) in [("/loop", "1"), ("/yield-loop", "1"), ("/loop", "4")] {
        let mut backend = Backend::start().await;
        let app = guest("cpu_time_max_ms = 500, deadline_ms = 600000");
        let host = app.host().argument("--workers").argument(workers).start().await;
        let client = host.client();
        let busy = {
            let (client, path) = (client.clone(), format!("{path}?signal={}", backend.url("/")));
            tokio::spawn(async move { client.get(&path).await })
        };
        backend.next().await.answer(200, "");
        for _ in 0..5 {
            client.get("/neighbor/").await.expect(200);
        }
        assert!(!busy.is_finished(), "{path}: the guest still computes");
        assert_problem(&soon(busy).await.unwrap(), 500, "cpu-time-exceeded");
        let line = host.log_line(|line| line["blame"] == "guest").await;
        assert_eq!(line["component"], "guest");
        assert!(line["message"].as_str().unwrap().contains("more than 500 ms"), "{line}");
    }
}

#[tokio::test]
async fn computing_guests_do_not_keep_the_host_from_answering() {
    let mut backend = Backend::start().await;
    let limits = "cpu_time_max_ms = 200, deadline_ms = 600000";
    let host = guest(limits).host().start().await;
    let client = host.client();
    let path = format!("/loop?signal={}", backend.url("/"));
    let busy: Vec<_> = (0..8)
        .map(|_| {
            let (client, path) = (client.clone(), path.clone());
            tokio::spawn(async move { client.get(&path).await })
        })
        .collect();
    for held in backend.next_all(8).await {
        held.answer(200, "");
    }
    client.get("/neighbor/").await.expect(200);
    host.admin().get("/livez").await.expect(200);
    assert!(busy.iter().any(|one| !one.is_finished()), "some still compute");
    for one in busy {
        assert_problem(&soon(one).await.unwrap(), 500, "cpu-time-exceeded");
    }
}

#[tokio::test]
async fn a_guest_that_takes_too_much_memory_costs_its_call() {
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
async fn an_answer_that_does_not_come_in_time_is_504() {
    let host = guest("deadline_ms = 200").host().start().await;
    assert_problem(&host.client().get("/sleep?ms=600000").await, 504, "deadline-exceeded");
    occupancy(&host, "guest", 0, 0).await;
}

#[tokio::test]
async fn a_guest_that_waits_for_nothing_at_all_is_not_waited_for() {
    let host = guest("deadline_ms = 600000").host().start().await;
    assert_problem(&soon(host.client().get("/never")).await, 500, "trap");
}

fn spawn_get(client: &Client, path: String) -> tokio::task::JoinHandle<harness::Answer> {
    let client = client.clone();
    tokio::spawn(async move { client.get(&path).await })
}

#[tokio::test]
async fn a_full_queue_sheds_with_503_and_says_when_to_come_again() {
    let mut backend = Backend::start().await;
    let host = guest("concurrency_max = 1, queue_length_max = 1").host().start().await;
    let client = host.client();
    let path = format!("/outbound?url={}", backend.url("/hold"));
    let first = spawn_get(&client, path.clone());
    let held = backend.next().await;
    let second = spawn_get(&client, path);
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
async fn a_call_that_waits_past_its_deadline_leaves_the_queue() {
    let mut backend = Backend::start().await;
    let limits = "concurrency_max = 1, queue_length_max = 8, deadline_ms = 400";
    let host = guest(limits).host().start().await;
    let client = host.client();
    let first = spawn_get(&client, format!("/outbound?url={}", backend.url("/hold")));
    let held = backend.next().await;
    let second = spawn_get(&client, "/".to_owned());
    assert_problem(&soon(first).await.unwrap(), 504, "deadline-exceeded");
    // The second began to wait later, so it may just have got its turn.
    let second = soon(second).await.unwrap();
    assert!([200, 504].contains(&second.status.as_u16()), "{second:?}");
    held.abandoned().await;
    occupancy(&host, "guest", 0, 0).await;
    client.get("/").await.expect(200);
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
    let metrics = host.admin().get("/metrics").await.expect(200).text();
    assert!(metrics.contains("tessera_log_bytes_dropped_total{component=\"guest\"}"), "{metrics}");
}

#[tokio::test]
async fn a_trap_costs_only_its_own_call() {
    let mut backend = Backend::start().await;
    let host = guest("").host().start().await;
    let client = host.client();
    let other = spawn_get(&client, format!("/outbound?url={}", backend.url("/hold")));
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
async fn a_guest_that_gives_up_is_a_problem_too() {
    let host = guest("").host().start().await;
    assert_problem(&host.client().get("/error-code").await, 500, "no-answer");
}

#[tokio::test]
async fn an_instance_serves_many_calls_and_is_gone_after_a_trap() {
    let host = guest("").host().start().await;
    let client = host.client();
    let count = async || client.get("/count").await.expect(200).text();
    assert_eq!((count().await, count().await), ("1".into(), "2".into()));
    client.get("/trap").await.expect(500);
    assert_eq!(count().await, "1");
}

#[tokio::test]
async fn an_instance_is_dropped_when_it_has_served_enough() {
    for (limit, counts) in [(1, ["1", "1", "1", "1"]), (2, ["1", "2", "1", "2"])] {
        let host = guest(&format!("instance_reuse_max = {limit}")).host().start().await;
        for count in counts {
            assert_eq!(host.client().get("/count").await.expect(200).text(), count);
        }
    }
}

#[tokio::test]
async fn a_guest_goes_on_after_its_answer() {
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
async fn a_busy_component_is_called_back_by_whom_it_waits_for() {
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
tool.tessera.limits = { concurrency_max = 2, deadline_ms = 5000 }
[component.other]
source = "$p3"
allowed_outbound_hosts = ["http://guest.spin.internal"]
tool.tessera.limits = { concurrency_max = 2 }
"#,
    );
    let host = app.host().start().await;
    let back = "http://guest.spin.internal/sleep?ms=100";
    let there = format!("http://other.spin.internal/outbound?url={back}");
    // More than there are places, so that all of both components are taken again and again.
    let calls: Vec<_> =
        (0..8).map(|_| spawn_get(&host.client(), format!("/outbound?url={there}"))).collect();
    for call in calls {
        soon(call).await.unwrap().expect(200);
    }
    occupancy(&host, "guest", 0, 0).await;
}

#[tokio::test]
async fn an_idle_instance_gives_its_place_to_a_call_that_needs_one() {
    let host = guest("").host().argument("--instances-max").argument("1").start().await;
    let client = host.client();
    let count = async |path: &str| client.get(path).await.expect(200).text();
    assert_eq!((count("/count").await, count("/count").await), ("1".into(), "2".into()));
    client.get("/neighbor/").await.expect(200);
    assert_eq!(count("/count").await, "1", "its first instance is gone");
}

#[tokio::test]
async fn a_call_waits_for_a_place_while_all_instances_are_busy() {
    let mut backend = Backend::start().await;
    let app = guest("deadline_ms = 60000");
    let host = app.host().argument("--instances-max").argument("1").start().await;
    let client = host.client();
    let busy = spawn_get(&client, format!("/outbound?url={}", backend.url("/hold")));
    let held = backend.next().await;
    let waiting = spawn_get(&client, "/neighbor/".to_owned());
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
    let call = |client: Client, name: &str| {
        let path = format!("/outbound?url={url}/{name}");
        tokio::spawn(async move { client.get(&path).await })
    };
    let mut greedy = vec![call(host.client(), "greedy")];
    let running = backend.next().await;
    for queued in 1..=4 {
        greedy.push(call(host.client(), "greedy"));
        occupancy(&host, "guest", 1, queued).await;
    }
    // The queue is full, and its newest call makes room for the first one of another client.
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
