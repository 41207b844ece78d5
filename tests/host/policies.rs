//! Policies of calls: retries, budgets, circuit breakers and bulkheads, for links, requests between
//! components, requests to other hosts, and requests from outside.

use crate::support::{
    Application, Backend, admin_post, application, assert_problem, eventually, occupancy, soon,
};
use harness::{Client, Host};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A caller with a link to a callee, and a policy for its calls.
fn linked(policy: &str, callee: &str) -> Application {
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
calls = [{{ to = "callee", policy = "test" }}]
[component.callee]
source = "$callee"
[component.callee.tool.tessera]
{callee}
[component.callee-bridge]
source = "$callee"
tool.tessera.bridges = "callee"
"#
    ))
}

/// A guest that sends requests to other hosts, and to a second guest.
fn requests(policy: &str) -> Application {
    application(&format!(
        r#"
[application.tool.tessera.policies.default]
{policy}
[[trigger.http]]
route = "/..."
component = "guest"
[[trigger.http]]
route = {{ private = true }}
component = "other"
[component.guest]
source = "$p3"
allowed_outbound_hosts = ["http://127.0.0.1:*", "http://other.spin.internal"]
[component.other]
source = "$p3"
"#
    ))
}

/// What the admin listener shows of the calls from one component to another.
pub(crate) async fn edge(host: &Host, caller: &str, callee: &str) -> Value {
    let all = host.admin().get("/edges").await.expect(200).json();
    let all = all["edges"].as_array().expect("edges");
    let is_it = |edge: &&Value| edge["caller"] == caller && edge["callee"] == callee;
    all.iter().find(is_it).unwrap_or(&Value::Null).clone()
}

/// A backend that gives these answers in turn, and the last one from then on. Returns the number of
/// requests so far.
fn scripted(mut backend: Backend, statuses: &[u16]) -> Arc<AtomicUsize> {
    let seen = Arc::<AtomicUsize>::default();
    let (count, statuses) = (seen.clone(), statuses.to_vec());
    tokio::spawn(async move {
        loop {
            let received = backend.next_or_never().await;
            let number = count.fetch_add(1, Ordering::Relaxed);
            let status = statuses.get(number).or(statuses.last()).copied().unwrap_or(200);
            received.answer(status, &format!("answer {}", number + 1));
        }
    });
    seen
}

#[tokio::test]
async fn a_breaker_stops_the_calls_of_a_link_and_lets_a_probe_through() {
    let host =
        linked("breaker = { consecutive_failures = 3, open_ms = 300 }", "").host().start().await;
    for _ in 0..3 {
        let answer = host.client().get("/trap").await.expect(502).text();
        assert!(answer.contains("The component failed"), "{answer}");
    }
    let answer = host.client().get("/refuse").await.expect(502).text();
    assert!(answer.contains("has failed too often"), "{answer}");
    let open = edge(&host, "caller", "callee").await;
    assert_eq!((&open["breaker"], &open["policy"]), (&"open".into(), &"test".into()), "{open}");
    host.log_line(|line| line["message"].as_str().is_some_and(|it| it.contains("breaker opens")))
        .await;
    eventually(async || (host.client().get("/describe").await.status == 200).then_some(())).await;
    assert_eq!(edge(&host, "caller", "callee").await["breaker"], "closed");
    let refused =
        r#"tessera_policy_refusals_total{caller="caller",callee="callee",reason="circuit-open"}"#;
    assert!(host.metric(refused).await.is_some_and(|count| count >= 1));
}

#[tokio::test]
async fn an_error_of_the_contract_does_not_open_a_breaker() {
    let host = linked("breaker = { consecutive_failures = 1 }", "").host().start().await;
    for _ in 0..3 {
        let answer = host.client().get("/refuse").await.expect(502).text();
        assert!(answer.contains("not today"), "{answer}");
    }
    assert_eq!(edge(&host, "caller", "callee").await["breaker"], "closed");
}

#[tokio::test]
async fn only_functions_that_the_callee_declares_idempotent_are_called_again() {
    let policy = "retry = { attempts_max = 3, backoff_ms = 1 }";
    let host = linked(policy, "").host().start().await;
    host.client().get("/trap").await.expect(502);
    assert_eq!(edge(&host, "caller", "callee").await["attempts"], 1);
    let host = linked(policy, r#"idempotent = ["values.trap"]"#).host().start().await;
    host.client().get("/trap").await.expect(502);
    let edge = edge(&host, "caller", "callee").await;
    assert_eq!((&edge["attempts"], &edge["retries"]), (&3.into(), &2.into()), "{edge}");
}

#[tokio::test]
async fn a_function_that_the_callee_does_not_export_is_an_error() {
    let app = linked("retry = {}", r#"idempotent = ["values.tarp"]"#);
    app.host().assert_fails(&["callee", "`values.tarp`", "does not export"]).await;
}

#[tokio::test]
async fn idempotent_requests_to_a_host_are_sent_again_and_others_are_not() {
    let backend = Backend::start().await;
    let url = backend.url("/");
    let seen = scripted(backend, &[503, 502, 200]);
    let host = requests("retry = { attempts_max = 3, backoff_ms = 1 }").host().start().await;
    let answer = host.client().get(&format!("/outbound?url={url}")).await;
    assert!(answer.text().contains("answer 3"), "{}", answer.text());
    assert_eq!(seen.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn requests_between_components_are_repeated_too() {
    let policy = "retry = { attempts_max = 4, backoff_ms = 1 }";
    let host = requests(policy).host().start().await;
    host.client().get("/outbound?url=http://other.spin.internal/trap").await.expect(502);
    let edge = edge(&host, "guest", "other").await;
    assert_eq!((&edge["attempts"], &edge["failures"]), (&4.into(), &4.into()), "{edge}");
}

#[tokio::test]
async fn a_url_of_a_component_names_that_component() {
    let app = application(
        r#"
[application.tool.tessera.policies.default]
retry = {}
[application.tool.tessera.policies.provider]
breaker = {}
[variables]
provider = { default = "http://other.spin.internal" }
[[trigger.http]]
route = "/..."
component = "guest"
[[trigger.http]]
route = { private = true }
component = "other"
[component.guest]
source = "$p3"
allowed_outbound_hosts = ["{{ provider }}"]
[component.guest.tool.tessera]
calls = [{ to = "{{ provider }}", policy = "provider" }]
[component.other]
source = "$p3"
"#,
    );
    let host = app.host().start().await;
    host.client().get("/outbound?url=http://other.spin.internal/trap").await.expect(502);
    let edge = edge(&host, "guest", "other").await;
    assert_eq!((&edge["policy"], &edge["attempts"]), (&"provider".into(), &1.into()), "{edge}");
}

#[tokio::test]
async fn an_outage_is_not_amplified() {
    let backend = Backend::start().await;
    let url = backend.url("/");
    let seen = scripted(backend, &[503]);
    let policy = "retry = { backoff_ms = 1, budget_percent = 10, budget_min_per_second = 0 }";
    let host = requests(policy).host().start().await;
    for _ in 0..200 {
        host.client().get(&format!("/outbound?url={url}")).await;
    }
    let attempts = seen.load(Ordering::Relaxed);
    assert!((201..=220).contains(&attempts), "{attempts} attempts of 200 calls");
}

#[tokio::test]
async fn a_host_that_fails_is_left_alone_and_others_are_not() {
    let (down, up) = (Backend::start().await, Backend::start().await);
    let (down_url, up_url) = (down.url("/"), up.url("/"));
    let seen = scripted(down, &[500]);
    scripted(up, &[200]);
    let host =
        requests("breaker = { consecutive_failures = 5, open_ms = 60_000 }").host().start().await;
    for _ in 0..50 {
        host.client().get(&format!("/outbound?url={down_url}")).await;
    }
    assert_eq!(seen.load(Ordering::Relaxed), 5);
    let answer = host.client().get(&format!("/outbound?url={up_url}")).await;
    assert!(answer.text().contains("answer 1"), "{}", answer.text());
}

#[tokio::test]
async fn what_a_callee_refuses_because_of_its_limits_opens_no_breaker() {
    const REFUSED: usize = 20;
    let busy = Backend::start().await;
    let url = busy.url("/");
    let seen = scripted(busy, &[[429; REFUSED].as_slice(), &[500]].concat());
    let policy = "breaker = { consecutive_failures = 5, calls_min = 2, open_ms = 60_000 }";
    let host = requests(policy).host().start().await;
    for _ in 0..REFUSED {
        host.client().get(&format!("/outbound?url={url}")).await;
    }
    assert_eq!(edge(&host, "guest", "127.0.0.1:*").await["breaker"], "closed");
    for _ in 0..50 {
        host.client().get(&format!("/outbound?url={url}")).await;
    }
    let seen = seen.load(Ordering::Relaxed);
    assert!((REFUSED + 1..=REFUSED + 5).contains(&seen), "{seen}");
}

#[tokio::test]
async fn one_slow_host_can_not_take_all_permits() {
    let mut backend = Backend::start().await;
    let url = backend.url("/");
    let policy = "bulkhead = { concurrency_max = 2, queue_length_max = 0 }";
    let host = requests(policy).host().start().await;
    let slow: Vec<_> =
        (0..2).map(|_| host.client().spawn_get(format!("/outbound?url={url}"))).collect();
    let held = backend.next_all(2).await;
    let answer = host.client().get(&format!("/outbound?url={url}")).await;
    assert!(answer.text().contains("ConnectionLimitReached"), "{}", answer.text());
    assert_eq!(edge(&host, "guest", "127.0.0.1:*").await["refused"], 1);
    for received in held {
        received.answer(200, "late");
    }
    for answer in slow {
        assert!(soon(answer).await.unwrap().text().contains("late"));
    }
}

#[tokio::test]
async fn a_component_that_fails_each_request_is_refused_at_the_front() {
    let app = application(
        r#"
[application.tool.tessera.policies.front]
breaker = { consecutive_failures = 3, open_ms = 60_000 }
[[trigger.http]]
route = "/..."
component = "guest"
[[trigger.http]]
route = "/other/..."
component = "other"
[component.guest]
source = "$p3"
tool.tessera.inbound = "front"
[component.other]
source = "$p2"
"#,
    );
    let host = app.host().start().await;
    for _ in 0..3 {
        assert_problem(&host.client().get("/trap").await, 500, "trap");
    }
    let refused = host.client().get("/count").await;
    assert_problem(&refused, 503, "circuit-open");
    let wait: u64 = refused.header("retry-after").parse().expect("seconds");
    assert!((1..=75).contains(&wait), "{wait}");
    assert_ne!(host.client().get("/other/").await.status, 503);
}

#[tokio::test]
async fn a_late_read_of_a_host_is_sent_once_more_and_the_loser_is_canceled() {
    let mut backend = Backend::start().await;
    let url = backend.url("/");
    let host = requests("hedge = { delay_ms = 20 }").host().start().await;
    let answer = host.client().spawn_get(format!("/outbound?url={url}"));
    let (late, second) = (backend.next().await, backend.next().await);
    second.answer(200, "second");
    assert_eq!(soon(answer).await.unwrap().expect(200).text(), "second");
    late.abandoned().await;
    let edge = edge(&host, "guest", "127.0.0.1:*").await;
    assert_eq!((&edge["hedges"], &edge["failures"]), (&1.into(), &0.into()), "{edge}");
}

#[tokio::test]
async fn a_request_that_is_no_read_is_sent_once() {
    let mut backend = Backend::start().await;
    let url = backend.url("/");
    let host = requests("hedge = { delay_ms = 1 }").host().start().await;
    let client = host.client();
    let path = format!("/forward?url={url}");
    let answer = tokio::spawn(async move { client.put(&path, &Value::Null).await });
    let only = backend.next().await;
    // Many delays pass.
    for _ in 0..20 {
        host.client().get("/count").await.expect(200);
    }
    assert!(backend.idle());
    only.answer(200, "");
    soon(answer).await.unwrap().expect(200);
    assert_eq!(edge(&host, "guest", "127.0.0.1:*").await["hedges"], 0);
}

#[tokio::test]
async fn a_late_call_of_an_idempotent_function_is_made_once_more() {
    for (callee, hedges) in [(r#"idempotent = ["values.sleep"]"#, 1), ("", 0)] {
        let host = linked("hedge = { delay_ms = 20 }", callee).host().start().await;
        host.client().get("/sleep?ms=300").await.expect(200);
        assert_eq!(edge(&host, "caller", "callee").await["hedges"], hedges, "{callee}");
        occupancy(&host, "callee", 0, 0).await;
    }
}

#[tokio::test]
async fn an_operator_opens_a_breaker_and_closes_it() {
    let host = linked("breaker = { consecutive_failures = 1 }", "").host().start().await;
    let switch = async |mode: &str| {
        let path = format!("/edges/breaker?caller=caller&callee=callee&mode={mode}");
        admin_post(&host, &path).await.expect(200).json()
    };
    assert_eq!(switch("open").await["breakers"], 1);
    let refused = host.client().get("/count").await.expect(502).text();
    assert!(refused.contains("unavailable") || refused.contains("Unavailable"), "{refused}");
    assert_eq!(edge(&host, "caller", "callee").await["breaker"], "forced-open");
    let state = r#"tessera_policy_circuit_breaker_state{caller="caller",callee="callee"}"#;
    assert_eq!(host.metric(state).await, Some(2));
    switch("closed").await;
    for _ in 0..3 {
        host.client().get("/trap").await.expect(502);
    }
    host.client().get("/count").await.expect(200);
    assert_eq!(edge(&host, "caller", "callee").await["breaker"], "forced-closed");
    switch("automatic").await;
    host.client().get("/trap").await.expect(502);
    assert_eq!(edge(&host, "caller", "callee").await["breaker"], "open");
}

#[tokio::test]
async fn a_switch_needs_the_token_and_a_breaker() {
    let host = linked("retry = {}", "").host().start().await;
    let path = |callee: &str| format!("/edges/breaker?caller=caller&callee={callee}&mode=open");
    let stranger = Client::new(&format!("http://{}", host.admin_address()));
    let refused = stranger.post(&path("callee"), &Value::Null).await;
    assert_problem(&refused, 401, "unauthorized");
    host.admin().get(&path("callee")).await.expect(405);
    let without = admin_post(&host, &path("callee")).await;
    assert_problem(&without, 400, "bad-request");
    assert!(without.text().contains("no `breaker`"), "{}", without.text());
    assert_problem(&admin_post(&host, &path("other")).await, 404, "not-found");
}

#[tokio::test]
async fn a_policy_for_a_callee_that_is_never_called_is_a_warning() {
    let app = application(
        r#"
[application.tool.tessera.policies.read]
retry = {}
[[trigger.http]]
route = "/..."
component = "guest"
[component.guest]
source = "$p3"
tool.tessera.calls = [{ to = "other", policy = "read" }]
[component.other]
source = "$p3"
"#,
    );
    let host = app.host().start().await;
    host.log_line(|line| {
        line["level"] == "WARN"
            && line["message"].as_str().is_some_and(|it| it.contains("never calls `other`"))
    })
    .await;
}
