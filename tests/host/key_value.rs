//! Key-value stores: three interfaces, atomic operations, durability and expiry.

use crate::support::{Application, Backend, application, eventually, soon};
use bytes::Bytes;
use futures::future::join_all;
use harness::{Answer, Client};
use http::Method;
use std::collections::BTreeSet;
use tempfile::TempDir;

fn guests() -> Application {
    application(
        r#"
[[trigger.http]]
route = "/..."
component = "guest"
[[trigger.http]]
route = "/old/..."
component = "old"
[component.guest]
source = "$p3"
key_value_stores = ["ours", "second"]
allowed_outbound_hosts = ["http://127.0.0.1:*"]
[component.old]
source = "$p2"
key_value_stores = ["default"]
"#,
    )
}

async fn put(client: &Client, path: &str, value: &str) -> Answer {
    client.send(Method::PUT, path, None, Bytes::from(value.to_owned())).await
}

async fn exists(client: &Client, path: &str) -> String {
    client.send(Method::POST, path, None, Bytes::new()).await.expect(200).text()
}

#[tokio::test]
async fn values_are_set_and_read_and_deleted_by_every_interface() {
    let host = guests().host().start().await;
    let client = host.client();
    for interface in ["/kv", "/wasi-kv"] {
        let key = format!("{interface}?store=ours&key=name");
        client.get(&key).await.expect(404);
        assert_eq!(exists(&client, &key).await, "false");
        put(&client, &key, "first").await.expect(204);
        put(&client, &key, "second").await.expect(204);
        assert_eq!(client.get(&key).await.expect(200).text(), "second");
        assert_eq!(exists(&client, &key).await, "true");
        let keys = client.get(&format!("{interface}?store=ours")).await.expect(200).json();
        assert_eq!(keys, serde_json::json!(["name"]));
        client.delete(&key).await.expect(204);
        client.delete(&key).await.expect(204);
        client.get(&key).await.expect(404);
    }
    put(&client, "/old/kv?key=name", "by WASI 0.2").await.expect(204);
    assert_eq!(client.get("/old/kv?key=name").await.expect(200).text(), "by WASI 0.2");
    client.get("/old/kv?key=other").await.expect(404);
}

#[tokio::test]
async fn interfaces_share_a_store_and_stores_are_separate() {
    let host = guests().host().start().await;
    let client = host.client();
    put(&client, "/kv?store=ours&key=k", "shared").await.expect(204);
    assert_eq!(client.get("/wasi-kv?store=ours&key=k").await.expect(200).text(), "shared");
    client.get("/kv?store=second&key=k").await.expect(404);
    client.get("/old/kv?key=k").await.expect(404);
}

#[tokio::test]
async fn a_store_that_the_manifest_does_not_grant_is_refused() {
    let host = guests().host().start().await;
    for interface in ["/kv", "/wasi-kv"] {
        // One belongs to another component, the other one does not exist.
        for store in ["default", "unknown"] {
            let path = format!("{interface}?store={store}&key=k");
            let answer = host.client().get(&path).await.expect(500);
            let text = answer.text();
            assert!(text.contains("AccessDenied") || text.contains("NoSuchStore"), "{text}");
        }
    }
}

#[tokio::test]
async fn exactly_one_of_several_swaps_of_the_same_value_succeeds() {
    const RACERS: usize = 8;
    let mut backend = Backend::start().await;
    let host = guests().host().start().await;
    let client = host.client();
    let hold = backend.url("/hold");
    // In the first round the key is absent.
    for round in 1..=3 {
        let races: Vec<_> = (0..RACERS)
            .map(|n| {
                let client = client.clone();
                let path = format!("/cas?store=ours&key=raced&value={round}.{n}&url={hold}");
                tokio::spawn(async move { client.get(&path).await })
            })
            .collect();
        // All have read the value before the first one writes.
        for held in backend.next_all(RACERS).await {
            held.answer(200, "");
        }
        let answers = soon(join_all(races)).await.into_iter().map(Result::unwrap);
        let mut statuses: Vec<u16> = answers.map(|answer| answer.status.as_u16()).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [&[200][..], &[409; RACERS - 1]].concat(), "round {round}");
        let value = client.get("/kv?store=ours&key=raced").await.expect(200).text();
        assert_eq!(value.matches(';').count(), round, "{value}");
    }
}

#[tokio::test]
async fn no_update_is_lost_when_failed_swaps_are_retried() {
    const WRITERS: usize = 12;
    let host = guests().host().start().await;
    let client = host.client();
    let writers = (0..WRITERS).map(|n| {
        let (client, path) = (client.clone(), format!("/cas?store=ours&key=k&value=w{n}"));
        async move { while client.get(&path).await.status != 200 {} }
    });
    soon(join_all(writers)).await;
    let value = client.get("/kv?store=ours&key=k").await.expect(200).text();
    let written: BTreeSet<_> = value.trim_end_matches(';').split(';').collect();
    assert_eq!(value.matches(';').count(), WRITERS, "{value}");
    assert_eq!(written.len(), WRITERS, "{value}");
}

#[tokio::test]
async fn concurrent_increments_return_distinct_values() {
    const CALLS: usize = 40;
    let host = guests().host().start().await;
    let client = host.client();
    let calls = (0..CALLS).map(|_| client.get("/increment?store=ours&key=n"));
    let answers = join_all(calls).await;
    let seen: BTreeSet<usize> =
        answers.into_iter().map(|answer| answer.expect(200).text().parse().unwrap()).collect();
    assert_eq!(seen, (1..=CALLS).collect());
}

#[tokio::test]
async fn acknowledged_writes_survive_a_kill() {
    let folder = TempDir::new().unwrap();
    let state = folder.path().join("state");
    let app = guests();
    let mut host = app.host().state(&state).start().await;
    let client = host.client();
    let (acknowledged, mut count) = tokio::sync::watch::channel(0);
    let writer = tokio::spawn(async move {
        for n in 0.. {
            let path = format!("/kv?store=ours&key=k{n}");
            let body = Bytes::from(format!("value {n}"));
            match client.try_send(Method::PUT, &path, None, body).await {
                Ok(answer) if answer.status == 204 => acknowledged.send_replace(n + 1),
                _ => return,
            };
        }
    });
    soon(count.wait_for(|count| *count >= 50)).await.unwrap();
    // While the writer continues.
    host.kill().await;
    soon(writer).await.unwrap();
    let count = *count.borrow();
    let host = app.host().state(&state).start().await;
    for n in 0..count {
        let value = host.client().get(&format!("/kv?store=ours&key=k{n}")).await.expect(200);
        assert_eq!(value.text(), format!("value {n}"));
    }
}

/// An application whose component `expiry` sets expiry times in the store `ours` of the other one.
fn expiring() -> Application {
    application(
        r#"
[[trigger.http]]
route = "/..."
component = "expiry"
[[trigger.http]]
route = "/kv"
component = "guest"
[component.guest]
source = "$p3"
key_value_stores = ["second"]
[component.expiry]
source = "$expiry"
key_value_stores = ["ours"]
[component.expiry.dependencies]
"tessera:store@1.0.0" = { component = "store-bridge" }
[component.store-bridge]
source = "$expiry"
tool.tessera.bridges = "host"
"#,
    )
}

#[tokio::test]
async fn expired_keys_are_removed_even_after_a_crash() {
    // In the year 2255, after the time of this machine.
    const LATER_MS: u64 = 9_000_000_000_000;
    let folder = TempDir::new().unwrap();
    let state = folder.path().join("state");
    let app = expiring();
    let mut host = app.host().state(&state).start().await;
    let client = host.client();
    for key in ["lasting", "later", "over"] {
        client.get(&format!("/put?store=ours&key={key}")).await.expect(204);
    }
    put(&client, "/kv?store=second&key=over", "value").await.expect(204);
    for (key, at_ms) in [("later", LATER_MS), ("over", LATER_MS), ("over", 1)] {
        client.get(&format!("/expire?store=ours&key={key}&at={at_ms}")).await.expect(204);
    }
    let foreign = client.get("/expire?store=second&key=over&at=1").await.expect(502);
    assert!(foreign.text().contains("AccessDenied"), "{}", foreign.text());
    // The call was acknowledged, and a host removes expired keys at startup.
    host.kill().await;
    let host = app.host().state(&state).start().await;
    let client = host.client();
    eventually(async || {
        let keys = client.get("/keys?store=ours").await.expect(200).text();
        (keys == "lasting later").then_some(())
    })
    .await;
    client.get("/kv?store=second&key=over").await.expect(200);
}
