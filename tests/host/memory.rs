//! Memory limits of one instance, including memory that the host holds for it, and of all
//! instances.

use crate::support::{
    Application, Backend, application, assert_problem, eventually, occupancy, soon,
};
use harness::{Host, LogLine};

/// A guest with these limits, and a neighbor without any that also serves `/memory`.
fn guest(limits: &str) -> Application {
    let route = "[[trigger.http]]\nroute = \"/memory\"\ncomponent = \"neighbor\"\n";
    Application::with_neighbor(limits, route)
}

async fn metric(host: &Host, name: &str) -> u64 {
    host.metric(name).await.unwrap_or_else(|| panic!("there is no {name}"))
}

#[tokio::test]
async fn the_limit_is_for_all_memories_of_an_instance_together() {
    let app = |mib: u32| {
        application(&format!(
            r#"
[[trigger.http]]
route = "/..."
component = "caller"
[component.caller]
source = "$caller"
tool.tessera.limits = {{ memory_max_mib = {mib} }}
[component.caller.dependencies]
"tessera-test:links/values@1.0.0" = {{ component = "library" }}
"tessera-test:links/fragile@1.0.0" = {{ component = "library" }}
[component.library]
source = "$callee"
"#
        ))
    };
    // The text is in the memories of both. Each alone is far below 16 MiB.
    let path = "/text?length=4000000";
    let host = app(32).host().start().await;
    assert_eq!(host.client().get(path).await.expect(200).text(), "true");
    let host = app(16).host().start().await;
    assert_problem(&host.client().get(path).await, 500, "memory-exceeded");
    host.client().get("/text?length=1000").await.expect(200);
}

#[tokio::test]
async fn memory_that_the_host_holds_for_a_guest_counts() {
    let host = guest("memory_max_mib = 16").host().start().await;
    let client = host.client();
    assert_eq!(client.get("/hold-fields?count=50&kib=100").await.expect(200).text(), "50");
    assert_problem(&client.get("/hold-fields?count=1000&kib=100").await, 500, "memory-exceeded");
    let line = host.log_line(|line| line["blame"] == "guest").await;
    assert!(line["message"].as_str().unwrap().contains("more than 16 MiB"), "{line}");
    client.get("/neighbor/").await.expect(200);
    client.get("/hold-fields?count=50&kib=100").await.expect(200);
}

#[tokio::test]
async fn memory_that_the_host_holds_for_pending_calls_counts() {
    let mut backend = Backend::start().await;
    let host = guest("memory_max_mib = 16").host().start().await;
    let (client, url) = (host.client(), backend.url("/"));
    let path = |count: usize| format!("/hold-requests?count={count}&kib=100&url={url}");
    let few = client.spawn_get(path(20));
    for held in backend.next_all(20).await {
        held.answer(200, "");
    }
    assert_eq!(soon(few).await.unwrap().expect(200).text(), "20");
    // These requests get no response.
    assert_problem(&soon(client.get(&path(400))).await, 500, "memory-exceeded");
    let line = host.log_line(|line| line["blame"] == "guest").await;
    assert!(line["message"].as_str().unwrap().contains("more than 16 MiB"), "{line}");
    client.get("/neighbor/").await.expect(200);
}

#[tokio::test]
async fn the_number_of_handles_is_limited() {
    let host = guest("").host().start().await;
    let client = host.client();
    client.get("/hold-fields?count=20000&kib=0").await.expect(200);
    assert_problem(&client.get("/hold-fields?count=200000&kib=0").await, 500, "memory-exceeded");
    let line = host.log_line(|line| line["blame"] == "guest").await;
    assert!(line["message"].as_str().unwrap().contains("more than 100000 handles"), "{line}");
    assert_problem(&client.get("/hold-streams?count=1000000").await, 500, "memory-exceeded");
    let of_streams = |line: &LogLine| {
        line["message"].as_str().is_some_and(|text| text.contains("more than 8192 tasks"))
    };
    assert_eq!(host.log_line(of_streams).await["blame"], "guest");
    client.get("/hold-streams?count=100").await.expect(200);
}

#[tokio::test]
async fn when_all_memory_is_used_growth_is_refused_and_others_continue() {
    let mut backend = Backend::start().await;
    let host = guest("").host().argument("--memory-max-mib").argument("64").start().await;
    let client = host.client();
    assert_eq!(metric(&host, "tessera_instance_memory_max_bytes").await, 64 << 20);
    let holder = client.spawn_get(format!("/hold-memory?mib=40&url={}", backend.url("/")));
    let held = backend.next().await;
    let refused = client.get("/memory?mib=40").await;
    assert_problem(&refused, 503, "memory-short");
    assert_eq!(refused.header("retry-after"), "1");
    let line = host.log_line(|line| line["blame"] == "host").await;
    assert!(line["message"].as_str().unwrap().contains("--memory-max-mib"), "{line}");
    client.get("/neighbor/").await.expect(200);
    held.answer(200, "");
    soon(holder).await.unwrap().expect(200);
    // Idle instances are dropped when memory is needed.
    occupancy(&host, "guest", 0, 0).await;
    client.get("/memory?mib=40").await.expect(200);
}

#[tokio::test]
async fn a_grown_idle_instance_is_dropped_after_some_time() {
    let host = guest("").host().start().await;
    let client = host.client();
    client.get("/neighbor/").await.expect(200);
    client.get("/hold-memory?mib=50&url=http://127.0.0.1:9/").await.expect(200);
    assert!(metric(&host, "tessera_instance_memory_bytes").await > 50 << 20);
    // The memory is released shortly before the instance is dropped.
    eventually(async || {
        let bytes = metric(&host, "tessera_instance_memory_bytes").await;
        let instances = metric(&host, "tessera_instances{component=\"guest\"}").await;
        (bytes < 10 << 20 && instances == 0).then_some(())
    })
    .await;
    // An instance that has not grown stays.
    assert_eq!(metric(&host, "tessera_instances{component=\"neighbor\"}").await, 1);
    client.get("/hold-memory?mib=50&url=http://127.0.0.1:9/").await.expect(200);
}
