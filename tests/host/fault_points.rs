//! Fault points, which builds for tests have: kills, duplicate deliveries, and records.

use crate::support::{Backend, event, eventually, publish, soon, subscribed};
use bytes::Bytes;
use harness::{Answer, Client, Host};
use http::Method;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

const ALL: &str = r#"{ types = ["com.test.*"], path = "$backend" }"#;

async fn configure(host: &Host, faults: Value) {
    host.admin().put("/fault-points", &faults).await.expect(204);
}

/// Accepts all deliveries. Returns their ids in the order of arrival.
fn accept_all(mut backend: Backend) -> Arc<Mutex<Vec<String>>> {
    let seen = Arc::<Mutex<Vec<String>>>::default();
    let noted = seen.clone();
    tokio::spawn(async move {
        loop {
            let received = backend.next_or_never().await;
            noted.lock().unwrap().push(received.header("ce-id").to_owned());
            received.answer(204, "");
        }
    });
    seen
}

async fn delivered(host: &Host) {
    eventually(async || {
        let all = host.admin().get("/subscriptions").await.expect(200).json();
        (all["subscriptions"][0]["lag_events"] == 0).then_some(())
    })
    .await;
}

async fn try_publish(client: &Client, events: &Value) -> anyhow::Result<Answer> {
    let body = Bytes::from(events.to_string());
    client.try_send(Method::POST, "/publish", Some("application/json"), body).await
}

#[tokio::test]
async fn fault_points_of_an_event_are_recorded_in_order() {
    let backend = Backend::start().await;
    let origin = backend.origin().trim_start_matches("http://").to_owned();
    let app = subscribed(&backend, ALL);
    accept_all(backend);
    let host = app.host().start().await;
    configure(&host, json!({ "record": true })).await;
    publish(&host, &[event("a", "a1")]).await;
    let kind = "com.test.thing.happened.v1";
    let mut life = vec![];
    for name in [format!("publish/{kind}"), "deliver/subscriber/subscriber".to_owned()] {
        life.push(format!("{name}/before"));
    }
    let http = format!("http/subscriber/POST {origin}");
    life.extend([format!("{http}/before"), format!("{http}/after")]);
    life.push("deliver/subscriber/subscriber/after".to_owned());
    let acknowledge = "acknowledge/subscriber/done";
    life.extend([format!("{acknowledge}/before"), format!("{acknowledge}/after")]);
    let mut points = vec![];
    eventually(async || {
        let report = host.admin().get("/fault-points").await.expect(200).json();
        points =
            report["points"].as_array()?.iter().map(|p| p.as_str().unwrap().to_owned()).collect();
        (report["reached"] == 8).then_some(())
    })
    .await;
    // The publisher gets its response while the event is delivered.
    let (published, rest): (Vec<String>, Vec<String>) =
        points.into_iter().partition(|point| *point == format!("publish/{kind}/after"));
    assert_eq!(published.len(), 1);
    assert_eq!(rest, life);
}

#[tokio::test]
async fn recording_can_be_limited_to_some_fault_points() {
    let backend = Backend::start().await;
    let app = subscribed(&backend, ALL);
    accept_all(backend);
    let host = app.host().start().await;
    configure(&host, json!({ "record": true, "only": "acknowledge/" })).await;
    publish(&host, &[event("a", "a1")]).await;
    delivered(&host).await;
    eventually(async || {
        let report = host.admin().get("/fault-points").await.expect(200).json();
        let acknowledged =
            json!(["acknowledge/subscriber/done/before", "acknowledge/subscriber/done/after"]);
        (report["points"] == acknowledged).then_some(())
    })
    .await;
    host.admin().put("/fault-points", &json!({ "kil_at": 3 })).await.problem(400);
}

/// Publishes events, with a host that is killed at this fault point and started again. Returns the
/// ids of all deliveries.
async fn deliveries_with_a_kill_at(point: u64, state: &Path) -> Vec<String> {
    let backend = Backend::start().await;
    let app = subscribed(&backend, ALL);
    let seen = accept_all(backend);
    let mut host = app.host().state(state).start().await;
    configure(&host, json!({ "kill_at": point })).await;
    let events = json!([event("a", "a1"), event("a", "a2")]);
    let published = try_publish(&host.client(), &events).await;
    let status = soon(host.wait()).await;
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9), "{status}");
    let host = app.host().state(state).start().await;
    if published.is_err() {
        // It may have taken effect, so the same ids are used again.
        try_publish(&host.client(), &events).await.expect("an answer").expect(204);
    }
    delivered(&host).await;
    let log = host.client().get("/read?limit=10").await.expect(200).json();
    let log: Vec<_> = log.as_array().unwrap().iter().map(|e| e["event"]["id"].clone()).collect();
    assert_eq!(log, ["a1", "a2"], "each is in the log once, killed at {point}");
    seen.lock().unwrap().clone()
}

#[tokio::test]
async fn after_a_kill_at_any_fault_point_events_arrive_in_order() {
    // 2 of the publication, and 6 for each of two deliveries.
    for point in 1..=14 {
        let folder = TempDir::new().unwrap();
        let state = folder.path().join("state");
        harness::share_compiled_code(&state);
        let mut seen = deliveries_with_a_kill_at(point, &state).await;
        // Events that were delivered before the kill may be delivered again.
        seen.dedup();
        assert_eq!(seen, ["a1", "a2"], "killed at {point}");
    }
}

#[tokio::test]
async fn duplicate_deliveries_can_be_injected() {
    let backend = Backend::start().await;
    let app = subscribed(&backend, ALL);
    let seen = accept_all(backend);
    let host = app.host().start().await;
    configure(&host, json!({ "duplicate_deliveries": 100, "seed": 7 })).await;
    let events: Vec<_> = (0..10).map(|n| event("a", &format!("a{n}"))).collect();
    publish(&host, &events).await;
    delivered(&host).await;
    // Some duplicates are delivered later.
    let is_complete = || {
        let seen = seen.lock().unwrap();
        seen.len() > 15 && !seen.is_sorted()
    };
    eventually(async || is_complete().then_some(())).await;
    let seen = seen.lock().unwrap().clone();
    let mut first: Vec<String> = vec![];
    for id in &seen {
        if !first.contains(id) {
            first.push(id.clone());
        }
    }
    let expected: Vec<_> = (0..10).map(|n| format!("a{n}")).collect();
    assert_eq!(first, expected, "the first deliveries keep their order");
}
