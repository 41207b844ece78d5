//! The event log, as components see it through its contracts, and its files.

use crate::support::{
    Application, Backend, application, assert_problem, event, eventually, publish, subscribed,
};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use tempfile::TempDir;

const ALL: &str = r#"{ types = ["com.test.*"], path = "$backend" }"#;

#[tokio::test]
async fn a_component_can_read_events_subscriptions_and_dead_letters() {
    let mut backend = Backend::start().await;
    let host = subscribed(&backend, ALL).host().start().await;
    let mut first = event("a", "a1");
    first["sequence"] = json!(1);
    publish(&host, &[first, event("b", "b1")]).await;
    let entries = host.client().get("/read?limit=500").await.expect(200).json();
    let entries = entries.as_array().expect("a list").clone();
    assert_eq!(entries.len(), 2);
    let event = &entries[0]["event"];
    for (name, value) in [
        ("id", json!("a1")),
        ("source", json!("/test/publisher")),
        ("partition_key", json!("a")),
        ("sequence", json!(1)),
        ("data", json!(r#"{"id":"a1","key":"a"}"#)),
    ] {
        assert_eq!(event[name], value, "{event}");
    }
    let after = entries[0]["position"].as_u64().expect("a position");
    let rest = host.client().get(&format!("/read?after={after}&limit=1")).await.expect(200).json();
    assert_eq!(rest[0]["event"]["id"], "b1");

    backend.next().await.answer(400, "no");
    backend.next().await.answer(400, "no");
    let mut letters = Value::Null;
    eventually(async || {
        letters = host.client().get("/dead-letters?limit=100").await.expect(200).json();
        (letters.as_array()?.len() == 2).then_some(())
    })
    .await;
    assert_eq!((&letters[0]["attempts"], &letters[0]["detail"]), (&json!(1), &json!("400: no")));
    let subscriptions = host.client().get("/subscriptions").await.expect(200).json();
    assert_eq!(subscriptions[0]["name"], "subscriber");
    assert_eq!(subscriptions[0]["components"], json!(["subscriber"]));
    assert_eq!((&subscriptions[0]["lag"], &subscriptions[0]["dead"]), (&json!(0), &json!(2)));

    let id = letters[0]["id"].as_str().expect("an id");
    host.client().get(&format!("/replay?id={id}")).await.expect(200);
    backend.next().await.answer(204, "");
    let range = "/replay-range?group=subscriber&from=0&until=9000000000000";
    assert_eq!(host.client().get(range).await.expect(200).text(), "2");
    let unknown = host.client().get("/replay-range?group=unknown&from=0&until=1").await;
    assert!(unknown.expect(502).text().contains("NotFound"));
    let invalid = host.client().get("/read?limit=501").await;
    assert!(invalid.expect(502).text().contains("Invalid"));
}

#[tokio::test]
async fn a_publication_with_an_invalid_event_stores_nothing() {
    let backend = Backend::start().await;
    let host =
        subscribed(&backend, r#"{ types = ["com.other.*"], path = "/" }"#).host().start().await;
    let mut faulty = vec![event("a", "")];
    let mut large = event("a", "a1");
    large["data"] = json!("x".repeat(300 * 1024));
    faulty.push(large);
    for missing in ["source", "type"] {
        let mut event = event("a", "a1");
        event[missing] = json!("");
        faulty.push(event);
    }
    for wrong in faulty {
        let answer = host.client().post("/publish", &json!([event("b", "b1"), wrong])).await;
        assert_eq!(answer.status, 400, "{}", answer.text());
    }
    let many: Vec<_> = (0..101).map(|n| event("a", &n.to_string())).collect();
    host.client().post("/publish", &json!(many)).await.expect(400);
    assert_eq!(host.client().get("/read?limit=10").await.expect(200).json(), json!([]));
}

#[tokio::test]
async fn the_log_survives_a_kill() {
    let backend = Backend::start().await;
    let folder = TempDir::new().unwrap();
    let state = folder.path().join("state");
    let app = subscribed(&backend, r#"{ types = ["com.other.*"], path = "/" }"#);
    let mut host = app.host().state(&state).start().await;
    publish(&host, &[event("a", "a1")]).await;
    host.kill().await;
    let host = app.host().state(&state).start().await;
    let entries = host.client().get("/read?limit=10").await.expect(200).json();
    assert_eq!(entries[0]["event"]["id"], "a1");
}

#[tokio::test]
async fn an_application_without_events_has_no_event_log() {
    let backend = Backend::start().await;
    let with = subscribed(&backend, ALL).host().start().await;
    assert!(with.state().join("events.db").exists());
    let without = application(Application::GUEST).host().start().await;
    without.client().get("/").await.expect(200);
    assert!(!without.state().join("events.db").exists());
    for path in ["/subscriptions", "/dead-letters", "/events"] {
        assert_problem(&without.admin().get(path).await, 404, "not-found");
    }
}

#[tokio::test]
async fn a_store_with_the_name_of_the_event_log_is_refused() {
    let backend = Backend::start().await;
    let app = subscribed(&backend, ALL);
    let manifest = std::fs::read_to_string(app.manifest()).unwrap();
    let manifest =
        manifest.replace("tool.tessera.sub", "key_value_stores = [\"events\"]\ntool.tessera.sub");
    let app = app.with_file("spin.toml", manifest);
    app.host().assert_fails(&["`events`", "`subscriber`", "rename the store"]).await;
}

#[tokio::test]
async fn the_admin_token_is_generated_once_and_private() {
    let folder = TempDir::new().unwrap();
    let state = folder.path().join("state");
    let backend = Backend::start().await;
    let app = subscribed(&backend, ALL);
    let mut host = app.host().state(&state).start().await;
    let path = state.join("admin-token");
    let token = std::fs::read_to_string(&path).unwrap();
    assert!(token.trim().len() >= 32, "{token}");
    let rights = |path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((rights(&path), rights(&state)), (0o600, 0o700));
    host.kill().await;
    let _host = app.host().state(&state).start().await;
    assert_eq!(std::fs::read_to_string(&path).unwrap(), token);
}

#[tokio::test]
async fn invalid_subscriptions_and_schedules_prevent_the_start() {
    let library = r#"
[component.library]
source = "$p3"
tool.tessera.subscribe = [{ types = ["com.test.*"], path = "events", mode = "bulk" }]
tool.tessera.schedule = [{ path = "/sweep", every_ms = 0 }]
"#;
    let app = application(&format!("{}{library}", Application::GUEST));
    let texts = ["must start with a slash", "`bulk`", "every_ms", "`library` has no HTTP trigger"];
    app.host().assert_fails(&texts).await;
}
