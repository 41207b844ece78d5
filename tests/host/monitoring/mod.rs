//! The files in `deploy`: the alerts for Prometheus, and the dashboard for Grafana.

mod live;
mod promql;

use harness::repository;
use serde_json::Value;
use servers::promtool;
use std::collections::{BTreeMap, BTreeSet};

const FOLDER: &str = "deploy/prometheus";
const ALERTS: &str = "deploy/prometheus/alerts.yaml";
const EXAMPLE: &str = "deploy/prometheus/prometheus.yaml";
const DASHBOARD: &str = "deploy/grafana/tessera.json";
const TESTS: &str = "tests/host/monitoring/alerts_test.yaml";
const GUIDE: &str = "docs/how-to/monitor.md";
const METRICS: &str = "docs/reference/metrics.md";
/// Labels that Prometheus adds, and that of the buckets of histograms.
const OTHER_LABELS: [&str; 5] = ["job", "instance", "alertname", "alertstate", "le"];

fn text(path: &str) -> String {
    std::fs::read_to_string(repository().join(path)).expect(path)
}

/// Runs `promtool`, which must succeed without complaints.
fn check(folder: &str, arguments: &[&str]) {
    let Some(output) = promtool(&repository().join(folder), arguments) else { return };
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8_lossy(&printed).into_owned();
    assert!(output.status.success() && printed.contains("SUCCESS"), "{printed}");
    assert!(!printed.contains("WARN") && !printed.contains("duplicate"), "{printed}");
}

#[test]
fn alerts_and_example_are_valid() {
    check(FOLDER, &["check", "rules", "--lint=all", "alerts.yaml"]);
    check(FOLDER, &["check", "config", "--lint=all", "prometheus.yaml"]);
}

#[test]
fn alerts_fire_when_they_should() {
    check("tests/host/monitoring", &["test", "rules", "alerts_test.yaml"]);
}

#[test]
fn each_alert_has_a_test_and_is_explained() {
    let (alerts, tests, guide) = (text(ALERTS), text(TESTS), text(GUIDE));
    let names = values(&alerts, "- alert:");
    assert!(names.len() > 15, "{names:?}");
    for name in &names {
        assert!(tests.contains(&format!("alertname: {name}\n")), "{name} has no test");
        let heading = format!("\n### {name}\n");
        assert!(guide.contains(&heading), "{GUIDE} does not explain {name}");
        let anchor = format!("runbook: {GUIDE}#{}\n", name.to_lowercase());
        assert!(alerts.contains(&anchor), "{name} has no link to its explanation");
    }
    let explained = guide.lines().filter_map(|line| line.strip_prefix("### Tessera"));
    let explained: BTreeSet<_> = explained.map(|rest| format!("Tessera{rest}")).collect();
    assert_eq!(explained, names);
}

/// The values of all lines of a YAML document with this key.
fn values(yaml: &str, key: &str) -> BTreeSet<String> {
    let values = yaml.lines().filter_map(|line| line.trim_start().strip_prefix(key));
    values.map(|value| value.trim().to_owned()).collect()
}

#[test]
fn alerts_and_dashboard_use_declared_metrics_and_their_labels() {
    let metrics = documented();
    let recorded = values(&text(ALERTS), "- record:");
    let expressions = [rule_expressions(&text(ALERTS)), dashboard_expressions()].concat();
    assert!(expressions.len() > 70, "{} expressions", expressions.len());
    for expression in &expressions {
        let names = promql::names(expression);
        let mut labels: BTreeSet<&str> = OTHER_LABELS.into();
        for name in &names.metrics {
            if recorded.contains(name) {
                continue;
            }
            let own = metrics.get(name).unwrap_or_else(|| {
                panic!("{METRICS} has no metric {name}, which is used in {expression}")
            });
            labels.extend(own.iter().map(String::as_str));
        }
        let unknown: Vec<_> =
            names.labels.iter().filter(|label| !labels.contains(label.as_str())).collect();
        assert!(unknown.is_empty(), "no metric has the labels {unknown:?} of {expression}");
    }
}

/// The names of all series of the reference, with their labels.
fn documented() -> BTreeMap<String, Vec<String>> {
    let mut metrics = BTreeMap::new();
    for row in text(METRICS).lines().filter_map(|line| line.strip_prefix("| `")) {
        let mut cells = row.split(" | ");
        let name = cells.next().unwrap_or_default().trim_end_matches('`').to_owned();
        let kind = cells.next().unwrap_or_default();
        let labels = cells.next().unwrap_or_default();
        let labels: Vec<_> = labels.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        match kind {
            "histogram" => {
                for suffix in ["_bucket", "_count", "_sum"] {
                    metrics.insert(format!("{name}{suffix}"), labels.clone());
                }
            }
            "counter" | "gauge" => _ = metrics.insert(name, labels),
            _ => {}
        }
    }
    assert!(metrics.len() > 40, "{metrics:?}");
    metrics
}

/// The expressions of the alerts and of the rules that record.
fn rule_expressions(yaml: &str) -> Vec<String> {
    let indentation = |line: &str| line.len() - line.trim_start().len();
    let mut expressions = Vec::new();
    let mut lines = yaml.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(first) = line.trim_start().strip_prefix("expr:") else { continue };
        let mut expression = first.trim().trim_start_matches('|').to_owned();
        while let Some(next) = lines.next_if(|next| indentation(next) > indentation(line)) {
            expression.push('\n');
            expression.push_str(next);
        }
        expressions.push(expression);
    }
    expressions
}

/// The expressions of the panels, annotations and variables, with values for the variables.
fn dashboard_expressions() -> Vec<String> {
    let dashboard: Value = serde_json::from_str(&text(DASHBOARD)).expect("JSON");
    let mut found = Vec::new();
    collect(&dashboard, &mut found);
    found
}

fn collect(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            let expression = members.get("expr").and_then(Value::as_str);
            found.extend(expression.map(|expression| {
                let expression = expression.replace("$__rate_interval", "5m");
                let expression = expression.replace("$job", "tessera");
                expression.replace("$instance", ".*").replace("$component", ".*")
            }));
            members.values().for_each(|member| collect(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        _ => {}
    }
}
