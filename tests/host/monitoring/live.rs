//! A Prometheus that scrapes a host.

use super::{ALERTS, EXAMPLE, dashboard_expressions, rule_expressions, text};
use crate::support::{Application, application, eventually};
use form_urlencoded::byte_serialize;
use harness::{Client, Host};
use http::Method;
use serde_json::{Value, json};
use servers::{CONFIGURATION, PROMETHEUS, Server};
use std::collections::BTreeSet;

/// Long enough for some scrapes.
const WINDOW: &str = "10s";

fn guest() -> Application {
    application(Application::GUEST)
}

/// Prometheus with the committed files, as far as they do not take too long for a test.
struct Prometheus {
    server: Server,
    client: Client,
}

impl Prometheus {
    async fn watch(host: &Host) -> Option<Self> {
        let server = Server::start(&PROMETHEUS).await?;
        let example = text(EXAMPLE);
        let target = "127.0.0.1:3001\"]";
        assert!(example.contains(target) && example.contains(": 15s"), "{example}");
        let configuration = example
            .replace(target, &format!("{}\"]", host.admin_address()))
            .replace(": 15s", ": 1s");
        let write = |name: &str, text: String| {
            std::fs::write(server.folder().join(name), text).expect("a file of Prometheus");
        };
        write(CONFIGURATION, configuration);
        write("alerts.yaml", at_once(&text(ALERTS)));
        let client = Client::new(&format!("http://{}", server.address()));
        client.send(Method::POST, "/-/reload", None, bytes::Bytes::new()).await.expect(200);
        Some(Self { server, client })
    }

    async fn data(&self, path: &str) -> Value {
        let answer = self.client.get(&format!("/api/v1/{path}")).await.expect(200).json();
        assert_eq!(answer["status"], "success", "{path}: {answer}");
        answer["data"].clone()
    }

    async fn query(&self, expression: &str) -> Value {
        let encoded: String = byte_serialize(expression.as_bytes()).collect();
        self.data(&format!("query?query={encoded}")).await["result"].clone()
    }

    /// The names of the alerts that fire.
    async fn firing(&self) -> BTreeSet<String> {
        let all = self.data("alerts").await["alerts"].clone();
        let all = all.as_array().expect("alerts").iter();
        let firing = all.filter(|alert| alert["state"] == "firing");
        firing.filter_map(|alert| Some(alert["labels"]["alertname"].as_str()?.to_owned())).collect()
    }

    /// The state of its only target, once it was scraped.
    async fn target(&self) -> Value {
        let mut target = Value::Null;
        eventually(async || {
            target = self.data("targets").await["activeTargets"][0].clone();
            (target["health"].is_string() && target["health"] != "unknown").then_some(())
        })
        .await;
        target
    }
}

/// Alerts with short windows and without waits.
fn at_once(alerts: &str) -> String {
    let mut changed = String::new();
    for line in alerts.lines() {
        let mut line = line.to_owned();
        if let Some(before) = line.find("for: ").filter(|before| line[..*before].trim().is_empty())
        {
            line.replace_range(before.., "for: 0s");
        }
        // A window is a number and a unit in brackets.
        let mut searched = 0;
        while let Some(begin) = line[searched..].find('[').map(|at| searched + at + 1) {
            let Some(end) = line[begin..].find(']').map(|at| begin + at) else { break };
            let is_window =
                line[begin..end].trim_end_matches(['s', 'm', 'h']).parse::<u32>().is_ok();
            if is_window {
                line.replace_range(begin..end, WINDOW);
            }
            searched = begin;
        }
        changed.push_str(&line);
        changed.push('\n');
    }
    changed
}

#[tokio::test]
async fn prometheus_accepts_the_metrics_without_complaints() {
    let app = guest();
    let host = app.host().start().await;
    host.client().get("/").await.expect(200);
    let Some(prometheus) = Prometheus::watch(&host).await else { return };
    let target = prometheus.target().await;
    assert_eq!((&target["health"], &target["lastError"]), (&json!("up"), &json!("")), "{target}");
    // Only OpenMetrics has units.
    let histogram = "tessera_http_request_duration_seconds";
    let metadata = prometheus.data(&format!("targets/metadata?metric={histogram}")).await;
    let (kind, unit) = (&metadata[0]["type"], &metadata[0]["unit"]);
    assert_eq!((kind, unit), (&json!("histogram"), &json!("seconds")), "{metadata}");
    eventually(async || {
        let count = prometheus.query(&format!("{histogram}_count{{route=\"GET /...\"}}")).await;
        (count[0]["value"][1] == "1").then_some(())
    })
    .await;
    let ready = prometheus.query("tessera_ready").await;
    assert_eq!(ready[0]["value"][1], "1", "{ready}");
    for expression in [dashboard_expressions(), rule_expressions(&text(ALERTS))].concat() {
        prometheus.query(&expression).await;
    }
    // Before the first scrape, the host was missing.
    eventually(async || prometheus.firing().await.is_empty().then_some(())).await;
    let output = prometheus.server.output();
    let complains = |line: &&String| line.contains("level=warn") || line.contains("level=error");
    assert_eq!(output.iter().filter(complains).collect::<Vec<_>>(), Vec::<&String>::new());
}

#[tokio::test]
async fn alerts_fire_when_an_operator_injects_faults_and_when_the_host_is_gone() {
    let app = guest();
    let mut host = app.host().argument("--chaos").start().await;
    let Some(prometheus) = Prometheus::watch(&host).await else { return };
    assert_eq!(prometheus.target().await["health"], "up");
    let fault = json!({
        "target": { "kind": "call", "to": "guest" },
        "effect": { "kind": "trap" },
        "duration_ms": 600_000,
    });
    host.admin().post("/faults", &fault).await.expect(201);
    let expected = ["TesseraErrorBudgetFast", "TesseraFaultsInjected", "TesseraTraps"];
    eventually(async || {
        host.client().get("/").await.problem(500);
        let firing = prometheus.firing().await;
        expected.iter().all(|alert| firing.contains(*alert)).then_some(())
    })
    .await;
    assert!(!prometheus.firing().await.contains("TesseraDown"));
    host.kill().await;
    eventually(async || prometheus.firing().await.contains("TesseraDown").then_some(())).await;
}

#[test]
fn windows_and_waits_are_shortened() {
    let rules = "expr: rate(a[5m]) / b{c=~\"[1-4]..\"} > d[1h]\n  for: 10m\n  summary: for: all\n";
    let short = "expr: rate(a[10s]) / b{c=~\"[1-4]..\"} > d[10s]\n  for: 0s\n  summary: for: all\n";
    assert_eq!(at_once(rules), short);
}
