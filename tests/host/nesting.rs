//! Calls back to a component that waits for them: there is no deadlock, and the nesting is limited.

use crate::support::{Application, application, occupancy, soon};
use harness::Host;

/// Two components with these limits that may call each other and themselves.
fn guests(limits: &str) -> Application {
    application(&format!(
        r#"
[[trigger.http]]
route = "/..."
component = "a"
[[trigger.http]]
route = "/forward"
component = "b"
[component.a]
source = "$p3"
allowed_outbound_hosts = ["http://*.spin.internal", "http://self"]
tool.tessera.limits = {{ {limits} }}
[component.b]
source = "$p3"
allowed_outbound_hosts = ["http://*.spin.internal"]
tool.tessera.limits = {{ {limits} }}
"#
    ))
}

/// A path that leads through these components, one after the other.
fn through(components: &[&str]) -> String {
    components.iter().rev().fold("/sleep?ms=1".to_owned(), |path, component| {
        format!("/outbound?url=http://{component}.spin.internal{path}")
    })
}

async fn idle(host: &Host) {
    occupancy(host, "a", 0, 0).await;
    occupancy(host, "b", 0, 0).await;
}

#[tokio::test]
async fn a_repeatedly_reentrant_call_never_waits_for_itself() {
    let host = guests("concurrency_max = 1, queue_length_max = 0").host().start().await;
    for path in [&["b", "a", "b", "a"][..], &["a", "a", "a", "a"]] {
        host.client().get(&through(path)).await.expect(200);
        idle(&host).await;
    }
}

#[tokio::test]
async fn calls_from_both_sides_do_not_wait_for_each_other() {
    let host = guests("concurrency_max = 1").host().start().await;
    let client = host.client();
    let mut calls = Vec::new();
    for _ in 0..12 {
        calls.push(client.spawn_get(through(&["b", "a", "b", "a"])));
        let from_b = through(&["a", "b", "a", "b"]).replacen("/outbound", "/forward", 1);
        calls.push(client.spawn_get(from_b));
    }
    for call in calls {
        soon(call).await.unwrap().expect(200);
    }
    idle(&host).await;
}

#[tokio::test]
async fn endless_mutual_calls_are_stopped() {
    let host = guests("concurrency_max = 1, queue_length_max = 0").host().start().await;
    for between in ["a.a", "a.b", "b.a"] {
        let answer = soon(host.client().get(&format!("/ping-pong?between={between}"))).await;
        assert_eq!(answer.status, 502);
        assert!(answer.text().contains("LoopDetected"), "{}", answer.text());
        idle(&host).await;
    }
    let deep = |text: &str| text.contains("call-depth-exceeded");
    let line = host.log_line(|line| line["message"].as_str().is_some_and(deep)).await;
    let text = line["message"].as_str().unwrap();
    assert!(text.contains("call_depth_max is 16") && text.contains("a → a → a"), "{text}");
    host.client().get("/").await.expect(200);
}

#[tokio::test]
async fn endless_calls_through_the_own_address_are_stopped() {
    let limits = "concurrency_max = 1, queue_length_max = 0, call_depth_max = 3";
    let host = guests(limits).host().start().await;
    let answer = soon(host.client().get("/call-self")).await.expect(508).text();
    assert!(answer.contains(r#""code":"call-depth-exceeded""#), "{answer}");
    idle(&host).await;
    // A client can't forge the call chain of a request.
    let seen = host.client().with("tessera-loopback", "1").get("/").await.expect(200).text();
    assert!(!seen.contains("tessera-loopback"), "{seen}");
}

#[tokio::test]
async fn the_limit_of_depth_is_the_callees() {
    let host = guests("call_depth_max = 2").host().start().await;
    host.client().get(&through(&["b", "a"])).await.expect(200);
    let answer = host.client().get(&through(&["b", "a", "b"])).await.expect(502).text();
    assert!(answer.contains("LoopDetected"), "{answer}");
}

#[tokio::test]
async fn over_a_link_a_call_that_is_too_deep_is_unavailable() {
    let app = application(
        r#"
[[trigger.http]]
route = "/outbound"
component = "front"
[[trigger.http]]
route = "/..."
component = "caller"
[component.front]
source = "$p3"
allowed_outbound_hosts = ["http://caller.spin.internal"]
[component.caller]
source = "$caller"
[component.caller.dependencies]
"tessera-test:links/values@1.0.0" = { component = "callee-bridge" }
"tessera-test:links/fragile@1.0.0" = { component = "callee-bridge" }
[component.callee]
source = "$callee"
tool.tessera.limits = { call_depth_max = 1 }
[component.callee-bridge]
source = "$callee"
tool.tessera.bridges = "callee"
"#,
    );
    let host = app.host().start().await;
    host.client().get("/count").await.expect(200);
    let path = "/outbound?url=http://caller.spin.internal/count";
    let answer = host.client().get(path).await.expect(502).text();
    assert!(answer.contains("Unavailable") && answer.contains("callee"), "{answer}");
    assert!(answer.contains("calling each other endlessly"), "{answer}");
}
