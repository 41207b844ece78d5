//! The counters that the console reads, and the figures that it computes from them.

use super::{everything, open, traffic};
use crate::support::{Backend, admin_post, assert_problem, eventually};
use harness::browser::Browser;
use harness::{Client, Host};
use serde_json::{Value, json};

async fn read(host: &Host, path: &str) -> Value {
    host.admin().get(path).await.expect(200).json()
}

/// The edge between two nodes, as the host shows it.
async fn edge(host: &Host, from: Value, to: Value) -> Value {
    let mut found = Value::Null;
    eventually(async || {
        let all = read(host, "/topology").await;
        let all = all["edges"].as_array().expect("edges").clone();
        found = all.into_iter().find(|edge| edge["from"] == from && edge["to"] == to)?;
        Some(())
    })
    .await;
    found
}

fn component(name: &str) -> Value {
    json!({ "kind": "component", "name": name })
}

#[tokio::test]
async fn every_call_is_an_edge_of_the_topology() {
    let mut backend = Backend::start().await;
    let host = everything(&backend).host().start().await;
    traffic(&host).await;
    let outbound = host.client().spawn_get(format!("/outbound?url={}", backend.url("/")));
    backend.next().await.answer(200, "");
    outbound.await.expect("an answer").expect(200);
    let link = edge(&host, component("caller"), component("callee")).await;
    assert_eq!((&link["kind"], &link["calls"]["failed"]), (&json!("link"), &json!(0)), "{link}");
    let buckets = link["calls"]["buckets"].as_array().expect("buckets");
    let counted: u64 = buckets.iter().map(|count| count.as_u64().expect("a count")).sum();
    assert_eq!(link["calls"]["count"], counted);
    for (from, to) in [
        (json!({ "kind": "outside" }), component("caller")),
        (component("guest"), component("subscriber")),
        (json!({ "kind": "schedules" }), component("guest")),
        (component("guest"), json!({ "kind": "host", "name": "127.0.0.1:*" })),
    ] {
        edge(&host, from, to).await;
    }
}

#[tokio::test]
async fn a_component_is_shown_with_its_revision_use_and_limits() {
    let backend = Backend::start().await;
    let host = everything(&backend).host().start().await;
    traffic(&host).await;
    host.client().get("/trap").await.expect(502);
    let mut shown = Value::Null;
    eventually(async || {
        shown = read(&host, "/components/callee").await;
        (shown["component"]["calls"]["outcomes"]["trap"] == 1).then_some(())
    })
    .await;
    let one = &shown["component"];
    let digest = one["revision"].as_str().expect("a digest");
    assert!(digest.starts_with("sha256:") && digest.len() == 71, "{digest}");
    assert_eq!(one["calls"]["failed"], 1);
    assert_eq!(one["limits"]["concurrency_max"], 64);
    assert!(one["cpu_seconds"].as_f64().expect("a number") > 0.0, "{one}");
    assert!(one["instances"]["made"].as_u64().expect("a count") >= 1, "{one}");
    assert!(one["source"].as_str().expect("a path").ends_with(".wasm"), "{one}");
    let described = shown["routes"].as_array().expect("routes").iter();
    let described: Vec<_> = described.filter(|one| one["route"] == "values.echo").collect();
    assert!(described.iter().all(|one| one["caller"] == "caller"), "{described:?}");
    host.admin().get("/components/none").await.problem(404);
}

#[tokio::test]
async fn schedules_and_policies_are_shown_as_they_are_in_force() {
    let backend = Backend::start().await;
    let host = everything(&backend).host().start().await;
    eventually(async || {
        let shown = read(&host, "/schedules").await;
        let one = &shown["schedules"][0];
        assert_eq!((&one["component"], &one["path"]), (&json!("guest"), &json!("/log")));
        (one["last"]["outcome"] == "ok" && one["next_at_ms"].is_u64()).then_some(())
    })
    .await;
    let policies = read(&host, "/policies").await;
    assert_eq!(
        policies["policies"],
        json!([{
            "caller": "caller", "callee": "callee", "functions": [], "policy": "guarded",
            "rules": ["5000 ms per attempt", "breaker after 1000 failures or 50 % of 20 calls"],
        }])
    );
}

#[tokio::test]
async fn log_lines_are_found_by_what_they_belong_to() {
    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    let backend = Backend::start().await;
    let host = everything(&backend).host().argument("--quiet").start().await;
    let client = host.client().with("traceparent", &format!("00-{TRACE}-b7ad6b7169203331-01"));
    client.with("x-request-id", "the-request").get("/log").await.expect(200);
    for query in [
        format!("trace_id={TRACE}"),
        "request_id=the-request".to_owned(),
        format!("trace_id={TRACE}&text=ORDINARY&component=guest"),
    ] {
        eventually(async || {
            let shown = read(&host, &format!("/logs?{query}")).await;
            let lines = shown["lines"].as_array().expect("lines");
            let line = lines.iter().find(|line| line["text"] == "an ordinary line")?;
            assert_eq!((&line["stream"], &line["trace_id"]), (&json!("stdout"), &json!(TRACE)));
            Some(())
        })
        .await;
    }
    let none = read(&host, "/logs?trace_id=1").await;
    assert_eq!(none["lines"], json!([]));
    for query in ["limit=0", "limit=1001", "trace_id=x", "tracee_id=1"] {
        let refused = host.admin().get(&format!("/logs?{query}")).await;
        assert_problem(&refused, 400, "bad-request");
    }
}

#[tokio::test]
async fn personal_data_needs_the_token() {
    let backend = Backend::start().await;
    let host = everything(&backend).host().start().await;
    let stranger = Client::new(&format!("http://{}", host.admin_address()));
    for path in ["/logs", "/traces/list", "/events", "/dead-letters"] {
        assert_problem(&stranger.get(path).await, 401, "unauthorized");
    }
    let public = ["/application", "/components", "/components/guest", "/topology"];
    for path in public.into_iter().chain(["/policies", "/schedules", "/edges"]) {
        stranger.get(path).await.expect(200);
    }
    admin_post(&host, "/components").await.expect(405);
}

/// Asks a module of the console. `expression` uses the names that are imported.
async fn compute(browser: &Browser, module: &str, names: &str, expression: &str) -> Value {
    let script = format!(
        "const app = document.querySelector('script[type=module]').src;
         return import(new URL('{module}', app)).then(({names}) => ({expression}))"
    );
    browser.ask(&script).await
}

#[tokio::test]
async fn rates_and_quantiles_are_differences_of_two_readings() {
    let backend = Backend::start().await;
    let host = everything(&backend).host().start().await;
    let Some(browser) = Browser::start().await else { return };
    open(&browser, &host, "/").await;
    browser.see("[data-testid=graph]").await;
    let names = "{ difference, figures, quantile, tone }";
    for (expression, expected) in [
        // Within a bucket, calls are spread evenly.
        ("quantile([0, 10, 0], [1, 2], 0.5)", json!(1.5)),
        ("quantile([4, 0, 0], [1, 2], 0.25)", json!(0.25)),
        // Nothing is known above the last bound.
        ("quantile([0, 0, 3], [1, 2], 0.99)", json!(2)),
        ("quantile([0, 0, 0], [1, 2], 0.5)", json!(null)),
        (
            "figures(difference({ count: 10, failed: 1, seconds: 1, buckets: [10, 0] },
                                { count: 30, failed: 6, seconds: 2, buckets: [30, 0] }), 10, [1])",
            json!({ "count": 20, "perSecond": 2, "failedShare": 0.25, "p50": 0.5, "p99": 0.99 }),
        ),
        // The host was started again.
        (
            "difference({ count: 10, failed: 1, seconds: 1, buckets: [10] },
                        { count: 3, failed: 0, seconds: 1, buckets: [3] }).count",
            json!(3),
        ),
        ("tone({ count: 0 })", json!("idle")),
        ("tone({ count: 100, failedShare: 0.01 })", json!("warn")),
        ("tone({ count: 100, failedShare: 0.05 })", json!("bad")),
    ] {
        let computed = compute(&browser, "rates.js", names, expression).await;
        assert_eq!(computed, expected, "{expression}");
    }
    browser.close().await;
}

#[tokio::test]
async fn components_are_ordered_by_their_distance_from_clients() {
    let backend = Backend::start().await;
    let host = everything(&backend).host().start().await;
    let Some(browser) = Browser::start().await else { return };
    open(&browser, &host, "/").await;
    browser.see("[data-testid=graph]").await;
    let layers = compute(
        &browser,
        "layout.js",
        "{ assign }",
        "Object.fromEntries(assign(
            [{ id: 'out', layer: 'first' }, { id: 'a' }, { id: 'b' }, { id: 'c' }, { id: 'd' },
             { id: 'x', layer: 'last' }],
            [['out', 'a'], ['a', 'b'], ['b', 'c'], ['c', 'a'], ['a', 'x'], ['out', 'd', true]]
                .map(([from, to, isWeak]) => ({ from, to, isWeak }))))",
    )
    .await;
    assert_eq!(layers, json!({ "out": 0, "a": 1, "b": 2, "c": 3, "d": 1, "x": 4 }));
    let overlaps = compute(
        &browser,
        "layout.js",
        "{ layout }",
        "(() => {
            const nodes = Array.from({ length: 12 }, (_, i) => ({ id: `n${i}`, height: 50 }));
            const edges = nodes.slice(1).map(({ id }, i) => ({ from: `n${Math.floor(i / 3)}`, to: id }));
            const all = [...layout(nodes, edges, { width: 100, gapX: 50, gapY: 10 }).places.values()];
            return all.flatMap((a, i) => all.slice(i + 1).filter((b) => a.x === b.x && Math.abs(a.y - b.y) < 59.9)).length;
        })()",
    )
    .await;
    assert_eq!(overlaps, json!(0));
    browser.close().await;
}
