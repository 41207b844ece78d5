//! The manifest and the runtime configuration as stock Spin reads them: it refuses every
//! key that it does not know, outside the tables that are left to tools.

use crate::support::Shop;
use harness::repository;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use toml::{Table, Value};

/// Tables of a manifest, version 2, and the keys that Spin 4.1 knows in them. `*` stands for
/// any name, `[]` for the items of an array; what is not listed holds no table.
const KNOWN: [(&str, &[&str]); 12] = [
    ("", &["spin_manifest_version", "application", "variables", "trigger", "component"]),
    ("application", &["name", "version", "description", "authors", "trigger", "tool"]),
    ("variables.*", &["required", "default", "secret"]),
    ("trigger", &["http", "redis"]),
    ("trigger.http[]", &["id", "component", "components", "route", "executor", "static_response"]),
    ("trigger.http[].route", &["private"]),
    ("trigger.http[].static_response", &["status_code", "headers", "body"]),
    (
        "component.*",
        &[
            "source",
            "description",
            "variables",
            "environment",
            "files",
            "exclude_files",
            "allowed_outbound_hosts",
            "allowed_http_hosts",
            "key_value_stores",
            "sqlite_databases",
            "ai_models",
            "targets",
            "build",
            "tool",
            "dependencies_inherit_configuration",
            "dependencies",
        ],
    ),
    ("component.*.source", &["url", "digest", "registry", "package", "version"]),
    ("component.*.build", &["command", "workdir", "watch", "environment"]),
    (
        "component.*.dependencies.*",
        &[
            "component",
            "version",
            "package",
            "registry",
            "path",
            "url",
            "digest",
            "export",
            "inherit_configuration",
        ],
    ),
    ("component.*.files[]", &["source", "destination"]),
];
/// Tables whose keys are names of the application.
const NAMED: [&str; 5] = [
    "variables",
    "component",
    "component.*.variables",
    "component.*.environment",
    "component.*.dependencies",
];

/// The deadline of a component that sets none.
const DEADLINE_DEFAULT_MS: u64 = 30_000;

/// `spin.toml`.
pub(crate) struct Manifest(Table);

/// One entry of `dependencies`.
pub(crate) struct Dependency {
    /// The component that provides it.
    pub(crate) component: String,
    /// `inherit_configuration`.
    pub(crate) inherit: Option<Value>,
}

pub(crate) fn manifest() -> Manifest {
    let text = std::fs::read_to_string(repository().join("spin.toml")).unwrap();
    Manifest(toml::from_str(&text).unwrap())
}

/// `deploy/strangler/spin.toml`, with sources as in `spin.toml`.
pub(crate) fn strangler() -> Manifest {
    let text = std::fs::read_to_string(repository().join("deploy/strangler/spin.toml")).unwrap();
    Manifest(toml::from_str(&text.replace("../../target/", "target/")).unwrap())
}

impl Manifest {
    fn components(&self) -> &Table {
        self.0["component"].as_table().unwrap()
    }

    /// What a component is built into.
    pub(crate) fn source(&self, id: &str) -> PathBuf {
        self.components()[id]["source"].as_str().unwrap().into()
    }

    fn with_a_trigger(&self) -> BTreeSet<&str> {
        let triggers = self.0["trigger"]["http"].as_array().unwrap().iter();
        triggers.map(|trigger| trigger["component"].as_str().unwrap()).collect()
    }

    /// The components that are called.
    pub(crate) fn functions(&self) -> BTreeSet<&str> {
        self.with_a_trigger()
    }

    /// The components that only others are made with.
    pub(crate) fn bridges(&self) -> BTreeSet<&str> {
        let called = self.with_a_trigger();
        self.components().keys().map(String::as_str).filter(|id| !called.contains(id)).collect()
    }

    /// The dependencies of a component by name.
    pub(crate) fn dependencies(&self, id: &str) -> BTreeMap<String, Dependency> {
        let table = self.components()[id].get("dependencies").and_then(Value::as_table);
        let of = |(name, dependency): (&String, &Value)| {
            let component = dependency["component"].as_str().unwrap().to_owned();
            let inherit = dependency.get("inherit_configuration").cloned();
            (name.clone(), Dependency { component, inherit })
        };
        table.into_iter().flatten().map(of).collect()
    }

    /// The hosts that a component may reach, as written.
    pub(crate) fn hosts(&self, id: &str) -> BTreeSet<String> {
        let hosts = self.components()[id].get("allowed_outbound_hosts").and_then(Value::as_array);
        hosts.into_iter().flatten().map(|host| host.as_str().unwrap().to_owned()).collect()
    }

    /// The deadline of calls of a component, in milliseconds.
    fn deadline_ms(&self, id: &str) -> u64 {
        let tool = self.components()[id].get("tool").and_then(|tool| tool.get("tessera"));
        let limit = tool.and_then(|tool| tool.get("limits")?.get("deadline_ms")?.as_integer());
        limit.map_or(DEADLINE_DEFAULT_MS, |limit| limit.unsigned_abs())
    }

    /// Public routes and their components, in the order of the text.
    pub(crate) fn public_routes(&self) -> Vec<(String, String)> {
        let triggers = self.0["trigger"]["http"].as_array().unwrap().iter();
        let public = triggers.filter_map(|trigger| {
            let component = trigger["component"].as_str().unwrap();
            Some((trigger["route"].as_str()?.to_owned(), component.to_owned()))
        });
        public.collect()
    }

    /// The same manifest with a change, to check that a fault is detected.
    pub(crate) fn changed(mut self, change: impl FnOnce(&mut Table)) -> Self {
        change(&mut self.0);
        self
    }
}

/// Keys that Spin would refuse, below `place`.
fn unknown(place: &str, table: &Table, faults: &mut Vec<String>) {
    let known = KNOWN.iter().find(|(name, _)| *name == place).map(|(_, keys)| *keys);
    let named = NAMED.contains(&place);
    for (key, value) in table {
        if !named && !known.is_some_and(|keys| keys.contains(&key.as_str())) {
            faults.push(format!("{place}: {key}"));
            continue;
        }
        if key == "tool" && !named {
            continue;
        }
        let key = if named { "*" } else { key.as_str() };
        let below = if place.is_empty() { key.to_owned() } else { format!("{place}.{key}") };
        match value {
            Value::Table(table) => unknown(&below, table, faults),
            Value::Array(items) => {
                for item in items.iter().filter_map(Value::as_table) {
                    unknown(&format!("{below}[]"), item, faults);
                }
            }
            _ => {}
        }
    }
}

fn faults(manifest: &Table) -> Vec<String> {
    let mut faults = Vec::new();
    unknown("", manifest, &mut faults);
    faults
}

impl Manifest {
    /// Keys that Spin would refuse.
    pub(crate) fn faults(&self) -> Vec<String> {
        faults(&self.0)
    }

    /// The subscriptions that the broker function has in its variable, and the `subscribe` entries of
    /// all components.
    pub(crate) fn subscriptions(&self) -> [Vec<serde_json::Value>; 2] {
        let configured =
            self.components()["events"]["variables"]["subscriptions"].as_str().unwrap();
        let configured: Vec<serde_json::Value> = serde_json::from_str(configured).unwrap();
        let mut declared = Vec::new();
        for (id, component) in self.components() {
            let tessera = component.get("tool").and_then(|tool| tool.get("tessera"));
            let subscribe = tessera.and_then(|tessera| tessera.get("subscribe"));
            for subscription in subscribe.and_then(Value::as_array).into_iter().flatten() {
                let mut subscription = serde_json::to_value(subscription).unwrap();
                let members = subscription.as_object_mut().unwrap();
                members.entry("group").or_insert_with(|| id.as_str().into());
                members.insert("component".to_owned(), id.as_str().into());
                declared.push(subscription);
            }
        }
        [configured, declared].map(|mut all| {
            all.sort_by_key(|one| one["group"].as_str().unwrap().to_owned());
            all
        })
    }
}

#[test]
fn the_manifest_has_no_key_that_stock_spin_refuses() {
    let manifest = manifest();
    assert_eq!(manifest.0["spin_manifest_version"].as_integer(), Some(2));
    assert_eq!(manifest.faults(), Vec::<String>::new());
}

#[test]
fn keys_that_stock_spin_refuses_are_detected() {
    for (place, line) in [
        ("component.orders", "concurrency = 4"),
        ("component.orders.build", "profile = \"x\""),
        ("application", "policies = { }"),
        ("trigger", "schedule = [{ every = \"1h\" }]"),
    ] {
        let text = format!("spin_manifest_version = 2\n[{place}]\n{line}\n");
        assert_eq!(faults(&toml::from_str(&text).unwrap()).len(), 1, "{line}");
    }
}

#[test]
fn only_the_gateway_is_public() {
    assert_eq!(manifest().public_routes(), [("/...".to_owned(), "gateway".to_owned())]);
}

#[test]
fn the_deadlines_of_components_are_not_shorter_than_the_time_limits_of_routes() {
    let manifest = manifest();
    for route in gateway::domain::table::routes() {
        let (path, timeout_ms) = (route.path, route.timeout_ms);
        // The gateway needs time to respond itself when a component is late.
        assert!(manifest.deadline_ms("gateway") > timeout_ms, "gateway: {path}");
        if let Some(id) = route.target.component() {
            assert!(manifest.deadline_ms(id) >= timeout_ms, "{id}: {path}");
        }
    }
}

#[test]
fn each_function_has_at_most_one_store_with_its_own_name() {
    let manifest = manifest();
    for (id, component) in manifest.components() {
        let Some(stores) = component.get("key_value_stores") else { continue };
        assert_eq!(stores.as_array().unwrap(), &[Value::from(id.as_str())], "{id}");
    }
}

#[test]
fn bridges_have_no_permissions() {
    let manifest = manifest();
    for id in manifest.bridges() {
        let keys: BTreeSet<_> = manifest.components()[id].as_table().unwrap().keys().collect();
        let allowed = ["source", "build", "tool"];
        assert!(keys.iter().all(|key| allowed.contains(&key.as_str())), "{id}: {keys:?}");
    }
}

#[test]
fn each_store_has_a_separate_file_in_the_runtime_configuration() {
    let manifest = manifest();
    let text = std::fs::read_to_string(repository().join("runtime-config.toml")).unwrap();
    let configuration: Table = toml::from_str(&text).unwrap();
    assert_eq!(configuration.keys().collect::<Vec<_>>(), ["key_value_store"]);
    let stores = configuration["key_value_store"].as_table().unwrap();
    let labels: BTreeSet<_> = manifest
        .components()
        .values()
        .filter_map(|component| component.get("key_value_stores")?.as_array())
        .flatten()
        .map(|label| label.as_str().unwrap())
        .collect();
    assert_eq!(stores.keys().map(String::as_str).collect::<BTreeSet<_>>(), labels);
    let mut paths = BTreeSet::new();
    for (label, store) in stores {
        let keys: BTreeSet<_> = store.as_table().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, BTreeSet::from(["path", "type"]), "{label}");
        assert!(paths.insert(store["path"].as_str().unwrap()), "{label} shares its file");
    }
}

/// Everything that Tessera calls by schedule, an external cron can call through operations.
#[test]
fn a_cron_can_replace_each_schedule() {
    let manifest = manifest();
    let hosts = manifest.components()["operations"]["allowed_outbound_hosts"].as_array().unwrap();
    for (id, component) in manifest.components() {
        let tessera = component.get("tool").and_then(|tool| tool.get("tessera"));
        let Some(schedule) = tessera.and_then(|tessera| tessera.get("schedule")) else { continue };
        for run in schedule.as_array().unwrap() {
            assert_eq!(run["path"].as_str(), Some("/sweep"), "{id}");
        }
        assert!(operations::routes::sweep::SWEPT.contains(&id.as_str()), "{id}");
        assert!(hosts.contains(&Value::from(format!("http://{id}.spin.internal"))), "{id}");
    }
}

/// A host that reads `subscribe` and one that has the broker function deliver to the same
/// components.
#[test]
fn the_broker_function_has_the_same_subscriptions() {
    let [configured, declared] = manifest().subscriptions();
    assert_eq!(configured, declared);
}

/// Metrics and traces have the labels of the manifest as routes, so each path of the API is counted
/// separately.
#[tokio::test]
async fn every_path_of_the_api_has_a_label() {
    let manifest = std::fs::read_to_string(repository().join("spin.toml")).expect("the manifest");
    let manifest: Value = toml::from_str(&manifest).expect("TOML");
    let labels = &manifest["component"]["gateway"]["tool"]["tessera"]["route_labels"];
    let labels: BTreeSet<&str> =
        labels.as_array().expect("labels").iter().filter_map(Value::as_str).collect();
    let description = Shop::shared().await.description().document();
    let unlabeled: Vec<String> = description["paths"]
        .as_object()
        .expect("paths")
        .keys()
        .map(|path| path.replace('{', ":").replace('}', ""))
        .filter(|path| !labels.contains(path.as_str()))
        .collect();
    assert_eq!(unlabeled, Vec::<String>::new(), "add them to `route_labels` of the gateway");
}
