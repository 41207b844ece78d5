//! Answers that a policy gives several times, and those that it must not.

use crate::support::{Application, Backend, Received, admin_post, application, occupancy, soon};
use bytes::Bytes;
use harness::Host;
use http::Response;
use serde_json::Value;

/// A caller with a link to a callee, whose function `values.count` has a policy.
fn linked(policy: &str) -> Application {
    application(&format!(
        r#"
[application.tool.tessera.policies.test]
{policy}
[[trigger.http]]
route = "/..."
component = "caller"
[component.caller]
source = "$caller"
[component.caller.dependencies]
"tessera-test:links/values@1.0.0" = {{ component = "callee-bridge" }}
"tessera-test:links/fragile@1.0.0" = {{ component = "callee-bridge" }}
[component.caller.tool.tessera]
calls = [{{ to = "callee", functions = ["values.count", "values.refuse"], policy = "test" }}]
[component.callee]
source = "$callee"
[component.callee-bridge]
source = "$callee"
tool.tessera.bridges = "callee"
"#
    ))
}

/// A guest that sends requests to other hosts.
async fn requests(policy: &str) -> Host {
    guest(policy).host().start().await
}

fn guest(policy: &str) -> Application {
    application(&format!(
        r#"
[application.tool.tessera.policies.default]
{policy}
[[trigger.http]]
route = "/..."
component = "guest"
[component.guest]
source = "$p3"
allowed_outbound_hosts = ["http://127.0.0.1:*"]
"#
    ))
}

/// What the admin listener shows of the only edge.
async fn edge(host: &Host) -> Value {
    host.admin().get("/edges").await.expect(200).json()["edges"][0].clone()
}

fn answer(received: Received, status: u16, control: &str, body: &'static str) {
    let response = Response::builder().status(status).header("cache-control", control);
    received.answer_with(response.body(Bytes::from_static(body.as_bytes())).unwrap());
}

/// Requests of the guest, one after the other. Each one that reaches the backend gets the next
/// answer. Returns what the guest got.
async fn in_turn(
    host: &Host,
    backend: &mut Backend,
    answers: &[(u16, &str, &'static str)],
) -> usize {
    let client = host.client();
    let path = format!("/outbound?url={}", backend.url("/item"));
    for (status, control, body) in answers {
        let got = client.spawn_get(&path);
        answer(backend.next().await, *status, control, body);
        assert_eq!(soon(got).await.unwrap().text(), *body);
    }
    answers.len()
}

#[tokio::test]
async fn the_answer_of_a_named_function_is_kept() {
    let host = linked("cache = { age_max_ms = 60_000 }").host().start().await;
    for _ in 0..3 {
        assert_eq!(host.client().get("/count").await.expect(200).text(), "1");
    }
    let shown = edge(&host).await;
    assert_eq!((&shown["attempts"], &shown["answers"]["fresh"]), (&1.into(), &2.into()), "{shown}");
    let series = r#"tessera_policy_answers_total{caller="caller",callee="callee",kind="fresh"}"#;
    assert_eq!(host.metric(series).await, Some(2));
}

#[tokio::test]
async fn an_error_of_the_contract_is_not_kept() {
    let host =
        linked("cache = { age_max_ms = 60_000, stale_max_ms = 60_000 }").host().start().await;
    for _ in 0..3 {
        let refused = host.client().get("/refuse").await.expect(502).text();
        assert!(refused.contains("not today"), "{refused}");
    }
    assert_eq!(edge(&host).await["attempts"], 3);
}

#[tokio::test]
async fn an_old_answer_of_a_function_is_given_if_a_call_fails() {
    let policy = "cache = { age_max_ms = 0, stale_max_ms = 600_000 }\nbreaker = {}";
    let host = linked(policy).host().start().await;
    assert_eq!(host.client().get("/count").await.expect(200).text(), "1");
    admin_post(&host, "/edges/breaker?caller=caller&callee=callee&mode=open").await.expect(200);
    assert_eq!(host.client().get("/count").await.expect(200).text(), "1");
    let failed = host.client().get("/refuse").await.expect(502).text();
    assert!(failed.contains("failed too often"), "there is no answer for it: {failed}");
    assert_eq!(edge(&host).await["answers"]["stale"], 1);
    admin_post(&host, "/edges/breaker?caller=caller&callee=callee&mode=automatic")
        .await
        .expect(200);
    assert_eq!(host.client().get("/count").await.expect(200).text(), "2");
}

#[tokio::test]
async fn the_answers_of_all_hosts_together_have_a_limit() {
    let app = guest("cache = { age_max_ms = 600_000, size_max_kib = 2048 }");
    let host = app.host().argument("--answers-max-mib").argument("1").start().await;
    let mut backends = [Backend::start().await, Backend::start().await];
    // Only one of them fits, so the answer of one host makes room for that of the other.
    let body = Bytes::from(vec![b'x'; 600 << 10]);
    for number in [0, 1, 0] {
        let backend = &mut backends[number];
        let path = format!("/outbound?url={}", backend.url("/item"));
        let got = host.client().spawn_get(&path);
        let response = Response::builder().header("cache-control", "max-age=600");
        backend.next().await.answer_with(response.body(body.clone()).unwrap());
        assert_eq!(soon(got).await.unwrap().expect(200).body, body);
        assert_eq!(host.client().get(&path).await.expect(200).body, body, "it is kept");
        assert!(backend.idle());
    }
}

#[tokio::test]
async fn a_response_is_kept_as_long_as_it_says() {
    let mut backend = Backend::start().await;
    let host = requests("cache = { age_max_ms = 600_000 }").await;
    in_turn(&host, &mut backend, &[(200, "max-age=600", "first")]).await;
    let client = host.client();
    for _ in 0..3 {
        let got = client.get(&format!("/outbound?url={}", backend.url("/item"))).await;
        assert_eq!(got.expect(200).text(), "first");
    }
    assert!(backend.idle());
    let other = client.spawn_get(format!("/outbound?url={}", backend.url("/other")));
    backend.next().await.answer(200, "other");
    assert_eq!(soon(other).await.unwrap().text(), "other");
}

#[tokio::test]
async fn a_kept_response_says_so() {
    let mut backend = Backend::start().await;
    let host = requests("cache = { age_max_ms = 600_000 }").await;
    // The guest forwards all fields: they are the same for one connection.
    let client = host.client();
    let path = format!("/forward?url={}", backend.url("/"));
    let first = client.spawn_get(&path);
    answer(backend.next().await, 200, "max-age=600", "kept");
    let first = soon(first).await.unwrap();
    assert_eq!((first.text().as_str(), first.header("cache-status")), ("kept", ""));
    let second = soon(client.get(&path)).await;
    assert_eq!((second.text().as_str(), second.header("age")), ("kept", "0"));
    assert!(second.header("cache-status").starts_with("tessera; hit; ttl="));
    assert_eq!(second.header("cache-control"), "max-age=600");
}

#[tokio::test]
async fn responses_that_do_not_allow_it_are_not_kept() {
    let mut backend = Backend::start().await;
    let host = requests("cache = { age_max_ms = 600_000, stale_max_ms = 600_000 }").await;
    let answers = [
        (200, "private, max-age=600", "1"),
        (200, "no-store", "2"),
        (200, "no-cache, max-age=600", "3"),
        (200, "public", "4"),
        (403, "max-age=600", "5"),
        (503, "max-age=600", "6"),
    ];
    assert_eq!(in_turn(&host, &mut backend, &answers).await, 6);
    assert_eq!(edge(&host).await["answers"]["fresh"], 0);
}

#[tokio::test]
async fn requests_with_credentials_or_cookies_share_no_answers() {
    let mut backend = Backend::start().await;
    let host = requests("cache = { age_max_ms = 600_000, stale_max_ms = 600_000 }").await;
    let path = format!("/forward?url={}", backend.url("/me"));
    let client = host.client();
    let clients = [
        client.with("authorization", "Bearer ada"),
        client.with("authorization", "Bearer bob"),
        client.with("authorization", "Bearer ada"),
        client.with("cookie", "session=ada"),
        client.with("cookie", "session=ada"),
        client.with("x-user", "ada"),
        client.with("x-user", "bob"),
        client.with("baggage", "user=ada"),
        client.with("baggage", "user=ada"),
        client.clone(),
    ];
    for (client, body) in clients.iter().zip(["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]) {
        let got = client.spawn_get(&path);
        answer(backend.next().await, 200, "public, max-age=600", body);
        assert_eq!(soon(got).await.unwrap().text(), body);
    }
}

#[tokio::test]
async fn an_old_response_is_given_in_place_of_a_failure_and_the_breaker_counts_that() {
    let mut backend = Backend::start().await;
    let host = requests("cache = { stale_max_ms = 600_000 }\nbreaker = {}").await;
    in_turn(&host, &mut backend, &[(200, "max-age=0", "good")]).await;
    let client = host.client();
    let path = format!("/outbound?url={}", backend.url("/item"));
    for status in [500, 502, 503, 504] {
        let got = client.spawn_get(&path);
        backend.next().await.answer(status, "down");
        assert_eq!(soon(got).await.unwrap().expect(200).text(), "good");
    }
    let shown = edge(&host).await;
    assert_eq!((&shown["failures"], &shown["answers"]["stale"]), (&4.into(), &4.into()), "{shown}");
    // A newer answer that may not be kept replaces the old one.
    in_turn(&host, &mut backend, &[(200, "no-store", "secret")]).await;
    let got = client.spawn_get(&path);
    backend.next().await.answer(503, "down");
    assert_eq!(soon(got).await.unwrap().expect(503).text(), "down");
}

#[tokio::test]
async fn an_answer_that_must_be_revalidated_is_not_given_when_it_is_old() {
    let mut backend = Backend::start().await;
    let host = requests("cache = { stale_max_ms = 600_000 }").await;
    let answers = [(200, "max-age=0, must-revalidate", "good"), (503, "", "down")];
    in_turn(&host, &mut backend, &answers).await;
}

#[tokio::test]
async fn equal_requests_at_the_same_time_become_one() {
    let mut backend = Backend::start().await;
    let host = requests("cache = {}").await;
    let path = format!("/outbound?url={}", backend.url("/item"));
    let client = host.client();
    let all: Vec<_> = (0..5).map(|_| client.spawn_get(&path)).collect();
    let only = backend.next().await;
    occupancy(&host, "guest", 5, 0).await;
    assert!(backend.idle());
    answer(only, 200, "max-age=600", "one");
    for got in all {
        assert_eq!(soon(got).await.unwrap().expect(200).text(), "one");
    }
    let shown = edge(&host).await;
    assert_eq!(shown["attempts"], 1, "{shown}");
    let again =
        shown["answers"]["shared"].as_u64().unwrap() + shown["answers"]["fresh"].as_u64().unwrap();
    assert_eq!(again, 4, "{shown}");
}

#[tokio::test]
async fn equal_requests_do_not_wait_for_each_other_if_their_answers_are_not_for_all() {
    let mut backend = Backend::start().await;
    let host = requests("cache = {}").await;
    in_turn(&host, &mut backend, &[(200, "private", "1")]).await;
    let path = format!("/outbound?url={}", backend.url("/item"));
    let client = host.client();
    let all: Vec<_> = (0..5).map(|_| client.spawn_get(&path)).collect();
    for received in backend.next_all(5).await {
        answer(received, 200, "private", "own");
    }
    for got in all {
        assert_eq!(soon(got).await.unwrap().text(), "own");
    }
}

#[tokio::test]
async fn a_request_that_changes_a_resource_drops_its_answers() {
    let mut backend = Backend::start().await;
    let host = requests("cache = { age_max_ms = 600_000 }").await;
    in_turn(&host, &mut backend, &[(200, "max-age=600", "before")]).await;
    let (client, path) = (host.client(), format!("/forward?url={}", backend.url("/item")));
    let change = tokio::spawn(async move { client.put(&path, &Value::Null).await });
    backend.next().await.answer(204, "");
    soon(change).await.unwrap().expect(204);
    in_turn(&host, &mut backend, &[(200, "max-age=600", "after")]).await;
}
