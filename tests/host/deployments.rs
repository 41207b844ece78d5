//! Many deployments under load, with faults, and with a host that is killed in the middle.

use crate::rollouts::version;
use crate::support::{Application, application, eventually};
use bytes::Bytes;
use futures::future::join_all;
use harness::{Host, share_compiled_code};
use http::Method;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::task::JoinSet;

/// Deployments in a row.
const DEPLOYMENTS: usize = 20;
/// The components that are deployed in turns.
const COMPONENTS: [&str; 4] = ["one", "two", "three", "four"];
/// The availability that deployments must not spoil: one of this number of requests may fail.
const REQUESTS_PER_FAILURE: usize = 10_000;
/// The requests during which that is tried, at least.
const REQUESTS_MIN: usize = 1_000;
/// A canary whose steps are as short as possible.
const SHORT_CANARY: &str = "steps=30,60&step_ms=1&calls_min=30&latency_ratio_max=1000";

/// Clients of these paths that send requests until they are asked for what came back. A status of 0
/// is no answer.
struct Load {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    clients: JoinSet<Vec<(u16, String)>>,
}

impl Load {
    fn begin(host: &Host, paths: &[&str]) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let answered = Arc::<AtomicUsize>::default();
        let mut clients = JoinSet::new();
        for path in paths {
            let (client, path) = (host.client(), (*path).to_owned());
            let (stop, answered) = (stop.clone(), answered.clone());
            clients.spawn(async move {
                let mut answers = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    answers.push(
                        match client.try_send(Method::GET, &path, None, Bytes::new()).await {
                            Ok(answer) => (answer.status.as_u16(), answer.text()),
                            Err(error) => (0, error.to_string()),
                        },
                    );
                    answered.fetch_add(1, Ordering::Relaxed);
                }
                answers
            });
        }
        Self { stop, answered, clients }
    }

    async fn end(self) -> Vec<(u16, String)> {
        self.stop.store(true, Ordering::Relaxed);
        self.clients.join_all().await.concat()
    }
}

/// Those that did not succeed.
fn failures(answers: &[(u16, String)]) -> Vec<&(u16, String)> {
    answers.iter().filter(|(status, _)| *status != 200).collect()
}

pub(crate) async fn component(host: &Host, id: &str) -> Value {
    let all = host.admin().get("/revisions").await.expect(200).json();
    let all = all["components"].as_array().expect("components").clone();
    all.into_iter().find(|one| one["id"] == id).expect("the component")
}

/// Deploys a version of a component. Returns the revision.
pub(crate) async fn deploy(
    host: &Host,
    id: &str,
    word: &str,
    query: &str,
) -> anyhow::Result<Value> {
    let path = format!("/components/{id}/revisions?by=ann&{query}");
    let code = Bytes::from(version(word));
    let answer = host.admin().try_send(Method::POST, &path, Some("application/wasm"), code).await?;
    Ok(answer.expect(202).json()["revision"].clone())
}

/// Deploys a version of a component, and waits until it has all calls.
async fn deploy_at_once(host: &Host, id: &str, word: &str) {
    let revision = deploy(host, id, word, "").await.expect("an answer");
    eventually(async || {
        let component = component(host, id).await;
        let is_stable = component["stable"] == revision && component["rollout"].is_null();
        is_stable.then_some(())
    })
    .await;
}

#[tokio::test]
async fn many_deployments_of_different_components_fail_no_request() {
    let mut manifest = "[[trigger.http]]\nroute = \"/neighbor\"\ncomponent = \"neighbor\"\n\
                        [component.neighbor]\nsource = \"$p3\"\n"
        .to_owned();
    for id in COMPONENTS {
        manifest += &format!("[[trigger.http]]\nroute = \"/{id}\"\ncomponent = \"{id}\"\n");
        manifest += &format!("[component.{id}]\nsource = \"code.wasm\"\n");
    }
    let app = application(&manifest.replace("/neighbor", "/count"));
    let app = app.with_file("code.wasm", version("stable"));
    let host = app.host().start().await;
    let paths = COMPONENTS.map(|id| format!("/{id}"));
    let paths = paths.each_ref().map(String::as_str);
    let load = Load::begin(&host, &[paths, paths].concat());
    for number in 0..DEPLOYMENTS {
        let id = COMPONENTS[number % COMPONENTS.len()];
        let word = ["first", "second"][number / COMPONENTS.len() % 2];
        deploy_at_once(&host, id, word).await;
        assert_eq!(host.client().get(&format!("/{id}")).await.expect(200).text(), word);
        // The instance of another component is the same all the time.
        let count = host.client().get("/count").await.expect(200).text();
        assert_eq!(count, (number + 1).to_string());
    }
    let answers = load.end().await;
    assert!(failures(&answers).is_empty(), "{:?}", failures(&answers));
    // All of them were served, by all versions.
    for word in ["stable", "first", "second"] {
        assert!(answers.iter().any(|(_, version)| version == word), "{word}");
    }
}

/// A front that sends each request on, and repeats it if that fails.
fn with_front() -> Application {
    application(
        r#"
[application.tool.tessera.policies.default]
retry = { attempts_max = 5, budget_percent = 100 }
[[trigger.http]]
route = "/..."
component = "front"
[[trigger.http]]
route = { private = true }
component = "shop"
[component.front]
source = "$p3"
allowed_outbound_hosts = ["http://shop.spin.internal"]
[component.shop]
source = "shop.wasm"
"#,
    )
    .with_file("shop.wasm", version("stable"))
}

#[tokio::test]
async fn deployments_while_faults_are_injected_do_not_cost_the_availability() {
    const PATH: &str = "/outbound?url=http://shop.spin.internal/";
    let host = with_front().host().argument("--chaos").start().await;
    // Faults of the kinds that policies absorb: a call that fails, one whose answer is lost, and a
    // slow one.
    for effect in [
        json!({ "kind": "error" }),
        json!({ "kind": "lost-answer" }),
        json!({ "kind": "latency", "min_ms": 1, "max_ms": 5 }),
    ] {
        let fault = json!({
            "target": { "kind": "call", "from": "front", "to": "shop" },
            "effect": effect, "rate_percent": 1, "duration_ms": 600_000,
        });
        host.admin().post("/faults", &fault).await.expect(201);
    }
    let load = Load::begin(&host, &[PATH; 8]);
    for number in 0..DEPLOYMENTS {
        deploy_at_once(&host, "shop", ["first", "second"][number % 2]).await;
    }
    eventually(async || (load.answered.load(Ordering::Relaxed) >= REQUESTS_MIN).then_some(()))
        .await;
    // Each of them was injected.
    eventually(async || {
        let faults = host.admin().get("/faults").await.expect(200).json();
        let mut faults = faults["faults"].as_array().expect("faults").iter();
        faults.all(|fault| fault["injected"].as_u64() > Some(0)).then_some(())
    })
    .await;
    let answers = load.end().await;
    let failed = failures(&answers);
    assert!(failed.len() * REQUESTS_PER_FAILURE <= answers.len(), "{failed:?}");
}

fn alone() -> Application {
    application(
        "[[trigger.http]]\nroute = \"/...\"\ncomponent = \"shop\"\n\
         [component.shop]\nsource = \"shop.wasm\"\n",
    )
    .with_file("shop.wasm", version("stable"))
}

async fn decided(host: &Host) {
    eventually(async || component(host, "shop").await["rollout"].is_null().then_some(())).await;
}

/// The events of the history.
async fn history(host: &Host) -> Vec<String> {
    let component = component(host, "shop").await;
    let history = component["history"].as_array().expect("a history").iter();
    history.map(|entry| entry["event"].as_str().expect("an event").to_owned()).collect()
}

#[tokio::test]
async fn a_rollout_comes_to_its_end_after_a_kill_at_any_of_its_steps() {
    let host = alone().host().start().await;
    let orders = json!({ "record": true, "only": "rollout/" });
    host.admin().put("/fault-points", &orders).await.expect(204);
    let load = Load::begin(&host, &["/"; 2]);
    deploy(&host, "shop", "first", SHORT_CANARY).await.expect("an answer");
    decided(&host).await;
    load.end().await;
    assert_eq!(history(&host).await, ["deployed", "step", "promoted"]);
    let report = host.admin().get("/fault-points").await.expect(200).json();
    let points = report["reached"].as_u64().expect("a number");
    // Before and after each of them.
    assert_eq!(points, 6, "{report}");
    join_all((1..=points).map(killed_at)).await;
}

/// Kills a host at this point of a rollout, and starts it again.
async fn killed_at(point: u64) {
    let app = alone();
    let state = app.folder().join("state");
    share_compiled_code(&state);
    let mut host = app.host().state(&state).start().await;
    let orders = json!({ "kill_at": point, "only": "rollout/" });
    host.admin().put("/fault-points", &orders).await.expect(204);
    let load = Load::begin(&host, &["/"; 2]);
    let acknowledged = deploy(&host, "shop", "first", SHORT_CANARY).await;
    assert_eq!(host.wait().await.code(), None, "it was not killed");
    load.end().await;
    let host = app.host().state(&state).start().await;
    let load = Load::begin(&host, &["/"; 2]);
    // Only before the first point, nothing of it is known.
    let is_known = point > 1;
    assert!(is_known || acknowledged.is_err());
    decided(&host).await;
    let (word, events) = match is_known {
        true => ("first", ["deployed", "step", "promoted"].as_slice()),
        false => ("stable", [].as_slice()),
    };
    assert_eq!(host.client().get("/").await.expect(200).text(), word, "{point}");
    let mut history = history(&host).await;
    history.dedup();
    assert_eq!(history, events, "{point}");
    let answers = load.end().await;
    assert!(failures(&answers).is_empty(), "{point}: {:?}", failures(&answers));
}
