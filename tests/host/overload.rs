//! More calls than a component can serve: which are served, which wait, and which are refused.

use crate::support::{
    Application, Backend, application, assert_problem, event, eventually, occupancy, publish, soon,
    subscribed,
};
use harness::Host;
use serde_json::Value;

/// A guest with these limits.
fn guest(limits: &str) -> Application {
    application(&format!(
        r#"
[[trigger.http]]
route = "/..."
component = "guest"
[component.guest]
source = "$p3"
allowed_outbound_hosts = ["http://127.0.0.1:*"]
tool.tessera.limits = {{ {limits} }}
"#
    ))
}

/// What the admin listener shows of the guest.
async fn shown(host: &Host, member: &str) -> Value {
    let all = host.admin().get("/components").await.expect(200).json();
    let all = all["components"].as_array().expect("components").clone();
    all.into_iter().find(|one| one["id"] == "guest").expect("the guest")[member].clone()
}

#[tokio::test]
async fn a_call_waits_for_a_bounded_time() {
    let mut backend = Backend::start().await;
    let limits = "concurrency_max = 1, queue_wait_ms = 10, queue_burst_ms = 100";
    let host = guest(limits).host().start().await;
    let first = host.client().spawn_get(format!("/outbound?url={}", backend.url("/")));
    let held = backend.next().await;
    let refused = soon(host.client().get("/count")).await;
    assert_problem(&refused, 503, "queue-timeout");
    assert_eq!(refused.header("retry-after"), "1");
    held.answer(200, "held");
    soon(first).await.unwrap().expect(200);
    host.client().get("/count").await.expect(200);
}

#[tokio::test]
async fn health_checks_are_answered_while_all_permits_are_in_use() {
    let mut backend = Backend::start().await;
    let host = guest("concurrency_max = 1, queue_length_max = 0").host().start().await;
    let first = host.client().spawn_get(format!("/outbound?url={}", backend.url("/")));
    let held = backend.next().await;
    assert_problem(&host.client().get("/count").await, 503, "queue-full");
    for path in ["/livez", "/readyz", "/healthz"] {
        host.client().get(path).await.expect(200);
    }
    let refused = host.client().post("/livez", &Value::Null).await;
    assert_problem(&refused, 503, "queue-full");
    held.answer(200, "held");
    soon(first).await.unwrap().expect(200);
}

#[tokio::test]
async fn calls_for_background_work_are_refused_where_interactive_calls_may_wait() {
    let mut backend = Backend::start().await;
    let forward = format!("/forward?url={}", backend.url("/delivered"));
    let path = format!("/forward?url=http://other.spin.internal{forward}");
    let app = subscribed(&backend, &format!(r#"{{ types = ["com.test.*"], path = "{path}" }}"#));
    let text = std::fs::read_to_string(app.manifest()).unwrap();
    let allowed =
        r#"allowed_outbound_hosts = ["http://127.0.0.1:*", "http://other.spin.internal"]"#;
    let text = text.replacen(r#"allowed_outbound_hosts = ["http://127.0.0.1:*"]"#, allowed, 1);
    let other = r#"
[[trigger.http]]
route = "/outbound"
component = "other"
[component.other]
source = "SOURCE"
allowed_outbound_hosts = ["http://127.0.0.1:*"]
tool.tessera.limits = { concurrency_max = 1, queue_length_max = 2 }
"#;
    let source = text.split("[component.subscriber]\nsource = \"").nth(1).unwrap();
    let source = source.split('"').next().unwrap();
    std::fs::write(app.manifest(), text.clone() + other.replace("SOURCE", source).as_str())
        .unwrap();
    let host = app.host().start().await;
    let (client, path) = (host.client(), format!("/outbound?url={}", backend.url("/held")));
    let mut calls = vec![client.spawn_get(&path)];
    let held = backend.next().await;
    calls.push(client.spawn_get(&path));
    occupancy(&host, "other", 1, 1).await;
    publish(&host, &[event("a", "e1")]).await;
    let labels = r#"component="other",route="POST subscriber",status="shed""#;
    let shed = format!("tessera_chained_request_duration_seconds_count{{{labels}}}");
    eventually(async || host.metric(&shed).await.map(|_| ())).await;
    calls.push(client.spawn_get(&path));
    occupancy(&host, "other", 1, 2).await;
    // When there is room again, the delivery is made.
    held.answer(200, "");
    let mut delivered = false;
    for _ in 0..3 {
        let next = backend.next().await;
        delivered |= next.request.uri() == "/delivered";
        next.answer(200, "");
    }
    assert!(delivered);
    for call in calls {
        soon(call).await.unwrap().expect(200);
    }
}

#[tokio::test]
async fn a_delivery_that_is_refused_for_lack_of_permits_is_made_later() {
    let mut backend = Backend::start().await;
    let subscribe = r#"{ types = ["com.test.*"], path = "$backend", attempts_max = 1 }"#;
    let app = subscribed(&backend, subscribe);
    let text = std::fs::read_to_string(app.manifest()).unwrap();
    let limits = "tool.tessera.limits = { concurrency_max = 1, queue_length_max = 1 }";
    let text =
        text.replacen("tool.tessera.subscribe", &format!("{limits}\ntool.tessera.subscribe"), 1);
    assert!(text.contains("queue_length_max"), "{text}");
    std::fs::write(app.manifest(), text).unwrap();
    let host = app.host().start().await;
    // The first delivery takes the permit, the second one waits, and the third one is refused.
    publish(&host, &[event("a", "e1"), event("b", "e2"), event("c", "e3")]).await;
    let first = backend.next().await;
    let refused = r#"tessera_event_deliveries_total{subscription="subscriber",outcome="deferred"}"#;
    eventually(async || host.metric(refused).await.filter(|count| *count >= 1).map(|_| ())).await;
    first.answer(204, "");
    for _ in 0..2 {
        backend.next().await.answer(204, "");
    }
    let letters = host.admin().get("/dead-letters").await.expect(200).json();
    assert_eq!(letters["dead_letters"], serde_json::json!([]));
}

#[tokio::test]
async fn the_limit_of_a_component_shrinks_when_it_misses_its_deadline_and_grows_again() {
    let limits = "concurrency_max = 8, concurrency_min = 1, deadline_ms = 100";
    let host = guest(limits).host().start().await;
    assert_eq!(shown(&host, "concurrency_limit").await, 8);
    for _ in 0..20 {
        assert_problem(&host.client().get("/sleep?ms=600000").await, 504, "deadline-exceeded");
    }
    assert_eq!(shown(&host, "concurrency_limit").await, 1);
    assert_eq!(host.metric(r#"tessera_concurrency_limit{component="guest"}"#).await, Some(1));
    eventually(async || {
        host.client().get("/count").await.expect(200);
        (shown(&host, "concurrency_limit").await.as_u64()? > 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_component_that_limits_a_client_keeps_its_limit_for_all() {
    let host = guest("concurrency_max = 8, concurrency_min = 1").host().start().await;
    for _ in 0..20 {
        host.client().get("/answer?status=429").await.expect(429);
    }
    assert_eq!(shown(&host, "concurrency_limit").await, 8);
}

#[tokio::test]
async fn a_limit_that_contradicts_another_one_is_an_error() {
    let app = guest("concurrency_max = 2, concurrency_min = 3");
    app.host().assert_fails(&["concurrency_min", "`concurrency_max` is 2"]).await;
}
