//! Delivery of events to subscribers.

use crate::support::{
    Backend, Received, application, event, eventually, publish, soon, spans, subscribed,
};
use harness::Host;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use tempfile::TempDir;

const ALL: &str = r#"{ types = ["com.test.*"], path = "$backend" }"#;

/// The id of the event that a subscriber received.
fn id(received: &Received) -> String {
    received.header("ce-id").to_owned()
}

/// Wait until the subscription has processed all events.
async fn done(host: &Host, subscription: &str) {
    eventually(async || (lag(host, subscription).await == 0).then_some(())).await;
}

/// Wait until a metric has this value.
async fn has_metric(host: &Host, series: &str, value: u64) {
    eventually(async || (host.metric(series).await == Some(value)).then_some(())).await;
}

async fn lag(host: &Host, subscription: &str) -> u64 {
    let all = host.admin().get("/subscriptions").await.expect(200).json();
    let all = all["subscriptions"].as_array().expect("a list").clone();
    let found = all.into_iter().find(|one| one["name"] == subscription).expect("the subscription");
    found["lag_events"].as_u64().expect("a number")
}

#[tokio::test]
async fn a_binary_event_has_its_attributes_as_header_fields() {
    let mut backend = Backend::start().await;
    let host = subscribed(&backend, ALL).host().start().await;
    let mut sent = event("k/1 ä", "e1");
    sent["sequence"] = json!(7);
    publish(&host, &[sent]).await;
    let received = backend.next().await;
    assert_eq!(received.request.method(), "POST");
    let expected = [
        ("ce-specversion", "1.0"),
        ("ce-id", "e1"),
        ("ce-source", "/test/publisher"),
        ("ce-type", "com.test.thing.happened.v1"),
        ("ce-subject", "k/1%20%C3%A4"),
        ("ce-partitionkey", "k/1%20%C3%A4"),
        ("ce-sequence", "7"),
        ("ce-time", "2026-01-02T03:04:05Z"),
        ("content-type", "application/json"),
    ];
    for (name, value) in expected {
        assert_eq!(received.header(name), value, "{name}");
    }
    let data: Value = serde_json::from_slice(received.request.body()).unwrap();
    assert_eq!(data, json!({ "key": "k/1 ä", "id": "e1" }));
    received.answer(204, "");
    done(&host, "subscriber").await;
}

#[tokio::test]
async fn a_structured_event_is_one_json_object() {
    let mut backend = Backend::start().await;
    let subscribe = r#"{ types = ["com.test.*"], path = "$backend", mode = "structured" }"#;
    let host = subscribed(&backend, subscribe).host().start().await;
    publish(&host, &[event("k", "e1")]).await;
    let received = backend.next().await;
    assert!(received.header("content-type").starts_with("application/cloudevents+json"));
    let body: Value = serde_json::from_slice(received.request.body()).unwrap();
    assert_eq!((&body["id"], &body["data"]["id"]), (&json!("e1"), &json!("e1")));
    assert_eq!(body["specversion"], "1.0");
    received.answer(200, "");
    done(&host, "subscriber").await;
}

#[tokio::test]
async fn a_batch_has_consecutive_events_of_one_key() {
    let mut backend = Backend::start().await;
    let subscribe =
        r#"{ types = ["com.test.*"], path = "$backend", mode = "batch", batch_max = 2 }"#;
    let host = subscribed(&backend, subscribe).host().start().await;
    let events = ["e1", "e2", "e3"].map(|id| event("k", id));
    publish(&host, &events).await;
    let mut batches = vec![];
    while batches.iter().map(Vec::len).sum::<usize>() < 3 {
        let received = backend.next().await;
        assert!(received.header("content-type").starts_with("application/cloudevents-batch+json"));
        let body: Vec<Value> = serde_json::from_slice(received.request.body()).unwrap();
        batches.push(body.iter().map(|event| event["id"].clone()).collect::<Vec<_>>());
        received.answer(204, "");
    }
    assert_eq!(batches, [vec![json!("e1"), json!("e2")], vec![json!("e3")]]);
    done(&host, "subscriber").await;
}

#[tokio::test]
async fn events_of_a_key_are_delivered_in_order_and_keys_are_independent() {
    let mut backend = Backend::start().await;
    let host = subscribed(&backend, ALL).host().start().await;
    let events = [("a", "a1"), ("a", "a2"), ("b", "b1"), ("b", "b2"), ("b", "b3")];
    publish(&host, &events.map(|(key, id)| event(key, id))).await;
    let mut first: BTreeMap<_, _> =
        backend.next_all(2).await.into_iter().map(|received| (id(&received), received)).collect();
    let held = first.remove("a1").expect("a1");
    first.remove("b1").expect("b1").answer(204, "");
    // While a1 is held, all events of b are delivered, and none of a.
    for expected in ["b2", "b3"] {
        let received = backend.next().await;
        assert_eq!(id(&received), expected);
        received.answer(204, "");
    }
    eventually(async || (lag(&host, "subscriber").await == 2).then_some(())).await;
    held.answer(204, "");
    let last = backend.next().await;
    assert_eq!(id(&last), "a2");
    last.answer(204, "");
    done(&host, "subscriber").await;
}

#[tokio::test]
async fn a_failed_event_is_retried_and_delays_only_its_own_key() {
    let mut backend = Backend::start().await;
    let host = subscribed(&backend, ALL).host().start().await;
    publish(&host, &[event("a", "a1"), event("a", "a2"), event("b", "b1")]).await;
    let mut seen = vec![];
    let mut failures = 0;
    while seen.len() < 3 {
        let received = backend.next().await;
        match id(&received).as_str() {
            "a1" if failures < 2 => {
                failures += 1;
                received.answer(503, "not now");
            }
            other => {
                seen.push(other.to_owned());
                received.answer(204, "");
            }
        }
    }
    let order: Vec<_> = seen.iter().filter(|id| id.starts_with('a')).collect();
    assert_eq!(order, ["a1", "a2"]);
    assert!(seen.contains(&"b1".to_owned()), "{seen:?}");
    done(&host, "subscriber").await;
}

#[tokio::test]
async fn acknowledged_events_are_delivered_after_a_kill() {
    let mut backend = Backend::start().await;
    let folder = TempDir::new().unwrap();
    let app = subscribed(&backend, ALL);
    let state = folder.path().join("state");
    let mut host = app.host().state(&state).start().await;
    publish(&host, &[event("a", "a1"), event("a", "a2"), event("b", "b1")]).await;
    let held = backend.next_all(2).await;
    host.kill().await;
    drop(held);
    let host = app.host().state(&state).start().await;
    let mut order: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for _ in 0..3 {
        let received = backend.next().await;
        let key = received.header("ce-partitionkey").to_owned();
        order.entry(key).or_default().push(id(&received));
        received.answer(204, "");
    }
    assert_eq!(order["a"], ["a1", "a2"]);
    assert_eq!(order["b"], ["b1"]);
    done(&host, "subscriber").await;
}

#[tokio::test]
async fn an_event_that_is_published_again_is_delivered_once() {
    let mut backend = Backend::start().await;
    let host = subscribed(&backend, ALL).host().start().await;
    let mut repeated = event("a", "a1");
    for _ in 0..3 {
        publish(&host, &[repeated.clone()]).await;
    }
    repeated["data"] = json!("other data under the same id");
    publish(&host, &[repeated, event("a", "a2")]).await;
    for expected in ["a1", "a2"] {
        let received = backend.next().await;
        assert_eq!(id(&received), expected);
        let data: Value = serde_json::from_slice(received.request.body()).unwrap();
        assert_eq!(data["id"], expected);
        received.answer(204, "");
    }
    done(&host, "subscriber").await;
    for (outcome, count) in [("fresh", 2), ("duplicate", 3)] {
        let series = format!(
            "tessera_events_published_total{{component=\"publisher\",outcome=\"{outcome}\"}}"
        );
        has_metric(&host, &series, count).await;
    }
}

#[tokio::test]
async fn only_subscribed_types_are_delivered() {
    let mut backend = Backend::start().await;
    let subscribe = r#"{ types = ["com.test.a.v1", "com.test.b.*"], path = "$backend" }"#;
    let host = subscribed(&backend, subscribe).host().start().await;
    let types = ["com.test.a.v1", "com.test.a.v10", "com.test.b.x.v1", "com.test.c.v1"];
    let events: Vec<_> = types
        .iter()
        .map(|kind| {
            let mut event = event("k", kind);
            event["type"] = json!(kind);
            event
        })
        .collect();
    publish(&host, &events).await;
    for expected in ["com.test.a.v1", "com.test.b.x.v1"] {
        let received = backend.next().await;
        assert_eq!(received.header("ce-type"), expected);
        received.answer(204, "");
    }
    done(&host, "subscriber").await;
}

#[tokio::test]
async fn a_trace_continues_through_the_event_log() {
    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    let mut backend = Backend::start().await;
    let host = subscribed(&backend, ALL).host().start().await;
    let client = host.client().with("traceparent", &format!("00-{TRACE}-b7ad6b7169203331-01"));
    client.post("/publish", &json!([event("k", "e1")])).await.expect(204);
    let received = backend.next().await;
    assert_eq!(received.header("traceparent").split('-').nth(1), Some(TRACE));
    let noted = received.header("ce-traceparent").to_owned();
    received.answer(204, "");
    for kind in ["http", "outbound"] {
        spans(&host, TRACE, kind).await;
    }
    let spans = spans(&host, TRACE, "delivery").await;
    let of = |kind: &str| spans.iter().find(|span| span["kind"] == kind).expect(kind);
    let (http, publish, delivery) = (of("http"), of("publish"), of("delivery"));
    assert_eq!(
        (&publish["parent_id"], &publish["component"]),
        (&http["span_id"], &json!("publisher"))
    );
    assert_eq!(delivery["parent_id"], publish["span_id"]);
    assert_eq!(
        (&delivery["component"], &delivery["operation"]),
        (&json!("subscriber"), &json!("subscriber"))
    );
    assert_eq!(of("outbound")["parent_id"], delivery["span_id"]);
    assert_eq!(noted, format!("00-{TRACE}-{}-01", publish["span_id"].as_str().unwrap()));
}

#[tokio::test]
async fn an_event_with_a_trace_parent_keeps_it() {
    let mut backend = Backend::start().await;
    let host = subscribed(&backend, ALL).host().start().await;
    let mut event = event("k", "e1");
    let parent = "00-11111111111111111111111111111111-2222222222222222-01";
    event["trace_parent"] = json!(parent);
    publish(&host, &[event]).await;
    let received = backend.next().await;
    assert_eq!(received.header("ce-traceparent"), parent);
    received.answer(204, "");
    let spans = spans(&host, "11111111111111111111111111111111", "delivery").await;
    assert!(spans.iter().any(|span| span["parent_id"] == "2222222222222222"), "{spans:#?}");
}

#[tokio::test]
async fn lag_and_deliveries_are_metrics() {
    let mut backend = Backend::start().await;
    let host = subscribed(&backend, ALL).host().start().await;
    publish(&host, &[event("a", "a1"), event("a", "a2")]).await;
    let held = backend.next().await;
    let label = r#"{subscription="subscriber"}"#;
    let series = |name: &str| format!("tessera_event_{name}{label}");
    has_metric(&host, &series("lag_events"), 2).await;
    has_metric(&host, &series("retrying_events"), 0).await;
    let metrics = host.admin().get("/metrics").await.expect(200).text();
    assert!(metrics.contains(&series("lag_seconds")), "{metrics}");
    held.answer(500, "");
    backend.next().await.answer(204, "");
    backend.next().await.answer(422, "");
    done(&host, "subscriber").await;
    for (name, value) in [("lag_events", 0), ("dead_letters", 1)] {
        has_metric(&host, &series(name), value).await;
    }
    for (outcome, status) in [("done", "204"), ("failed", "500"), ("rejected", "422")] {
        let line = format!(
            r#"tessera_event_deliveries_total{{subscription="subscriber",outcome="{outcome}"}}"#
        );
        has_metric(&host, &line, 1).await;
        let line = format!(
            r#"tessera_event_delivery_duration_seconds_count{{component="subscriber",route="subscriber",status="{status}"}}"#
        );
        has_metric(&host, &line, 1).await;
    }
}

#[tokio::test]
async fn each_key_is_delivered_to_one_member_of_a_group() {
    let mut backend = Backend::start().await;
    let member = |name: &str| {
        let url = format!("/forward?url={}", backend.url(&format!("/{name}")));
        format!(
            r#"
[[trigger.http]]
route = {{ private = true }}
component = "{name}"
[component.{name}]
source = "$p3"
allowed_outbound_hosts = ["http://127.0.0.1:*"]
tool.tessera.subscribe = [{{ types = ["com.test.*"], path = "{url}", group = "both" }}]
"#
        )
    };
    let app = application(&format!(
        r#"
[[trigger.http]]
route = "/..."
component = "publisher"
[component.publisher]
source = "$publisher"
[component.publisher.dependencies]
"tessera:events/producer@1.0.0" = {{ component = "events-bridge" }}
"tessera:events/log@1.0.0" = {{ component = "events-bridge" }}
[component.events-bridge]
source = "$publisher"
tool.tessera.bridges = "host"
{}{}"#,
        member("one"),
        member("two")
    ));
    let host = app.host().start().await;
    let keys: Vec<_> = (0..20).map(|key| format!("k{key}")).collect();
    let events = keys.iter().flat_map(|key| [1, 2].map(|n| event(key, &format!("{key}.{n}"))));
    publish(&host, &events.collect::<Vec<_>>()).await;
    let mut members: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for _ in 0..2 * keys.len() {
        let received = backend.next().await;
        let member = received.request.uri().path().to_owned();
        members.entry(received.header("ce-partitionkey").to_owned()).or_default().insert(member);
        received.answer(204, "");
    }
    done(&host, "both").await;
    assert_eq!(members.len(), keys.len());
    assert!(members.values().all(|of_key| of_key.len() == 1), "a key has one member: {members:?}");
    let used: BTreeSet<_> = members.values().flatten().collect();
    assert_eq!(used.len(), 2, "both members work");
}

#[tokio::test]
async fn after_a_stop_signal_a_delivery_finishes_and_no_other_begins() {
    let mut backend = Backend::start().await;
    let folder = TempDir::new().unwrap();
    let app = subscribed(&backend, ALL);
    let state = folder.path().join("state");
    let mut host = app.host().state(&state).start().await;
    publish(&host, &[event("a", "a1"), event("a", "a2")]).await;
    let held = backend.next().await;
    host.terminate();
    host.log_line(|line| line["message"].as_str().is_some_and(|m| m.starts_with("stopping"))).await;
    held.answer(204, "");
    assert_eq!(host.wait().await.code(), Some(0));
    // a1 is acknowledged, so the next host continues with a2.
    let host = app.host().state(&state).start().await;
    let received = backend.next().await;
    assert_eq!(id(&received), "a2");
    received.answer(204, "");
    done(&host, "subscriber").await;
}

#[tokio::test]
async fn an_event_is_retried_if_the_subscriber_traps() {
    let mut backend = Backend::start().await;
    // The guest sends a request to the backend first, and then traps.
    let path = format!("/trap?signal={}", backend.url("/"));
    let subscribe = format!(r#"{{ types = ["com.test.*"], path = "{path}", attempts_max = 2 }}"#);
    let host = subscribed(&backend, &subscribe).host().start().await;
    publish(&host, &[event("a", "a1")]).await;
    for _ in 0..2 {
        backend.next().await.answer(200, "");
    }
    let mut letter = Value::Null;
    eventually(async || {
        let letters = host.admin().get("/dead-letters").await.expect(200).json();
        letter = letters["dead_letters"].get(0)?.clone();
        Some(())
    })
    .await;
    assert_eq!((&letter["reason"], &letter["attempts"]), (&json!("attempts-exhausted"), &json!(2)));
    assert!(letter["detail"].as_str().unwrap().starts_with("trap"), "{letter}");
    soon(done(&host, "subscriber")).await;
}
