//! The files in `deploy` with which the host runs in production: systemd, containers, Compose,
//! Kubernetes, SpinKube, wasmCloud, and pipelines.

mod commands;
mod compose;
mod container;
mod foreign;
mod kubernetes;
mod pipelines;
mod probes;
mod systemd;

use harness::repository;
use serde::Deserialize as _;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The seconds that the last telemetry may take, after requests in flight have finished.
const TELEMETRY_SECONDS: u64 = 5;
/// What the environment variables of the application's variables begin with.
const VARIABLE: &str = "SPIN_VARIABLE_";

fn text(path: impl AsRef<Path>) -> String {
    let path = repository().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The documents of a YAML file.
fn documents(path: impl AsRef<Path>) -> Vec<Value> {
    let text = text(path);
    let all = serde_yaml_ng::Deserializer::from_str(&text);
    all.map(|document| Value::deserialize(document).expect("YAML")).collect()
}

/// The only document of a YAML file.
fn document(path: impl AsRef<Path>) -> Value {
    let mut all = documents(path);
    assert_eq!(all.len(), 1);
    all.remove(0)
}

/// The files of a folder below `deploy` that end with this, relative to the repository.
fn files(folder: &str, end: &str) -> Vec<PathBuf> {
    let folder = Path::new("deploy").join(folder);
    let entries = std::fs::read_dir(repository().join(&folder)).expect("a folder");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let names = names.filter(|name| name.to_string_lossy().ends_with(end));
    let mut files: Vec<_> = names.map(|name| folder.join(name)).collect();
    files.sort();
    files
}

/// The texts of an array.
fn strings(value: &Value) -> Vec<String> {
    let all = value.as_array().unwrap_or_else(|| panic!("no array: {value}"));
    all.iter().map(|one| one.as_str().expect("a text").to_owned()).collect()
}

/// The seconds that a stop takes at most, with these arguments of `tessera up`.
fn stop_seconds(arguments: &[String]) -> u64 {
    let of = |flag: &str, default| {
        let at = arguments.iter().position(|argument| argument == flag);
        at.map_or(default, |at| arguments[at + 1].parse().expect("seconds"))
    };
    of("--drain-delay", 0) + of("--drain-timeout", 30) + TELEMETRY_SECONDS
}

/// The variables of the shop: all, and the secrets that an operator has to set.
struct Variables {
    all: BTreeSet<String>,
    required: BTreeSet<String>,
}

impl Variables {
    fn of_the_shop() -> Self {
        let manifest: toml::Value = toml::from_str(&text("spin.toml")).expect("the manifest");
        let settings = &manifest["application"]["tool"]["tessera"];
        assert_eq!(settings["secret_defaults"].as_str(), Some("loopback-only"));
        let generated = settings["generated_secrets"].as_array().expect("an array");
        let variables = manifest["variables"].as_table().expect("variables");
        let is_required = |(name, variable): &(&String, &toml::Value)| {
            let is_secret = variable.get("secret").and_then(toml::Value::as_bool) == Some(true);
            is_secret && !generated.iter().any(|one| one.as_str() == Some(name))
        };
        let required = variables.iter().filter(is_required).map(|(name, _)| name.clone());
        Self { required: required.collect(), all: variables.keys().cloned().collect() }
    }

    /// Checks the names of environment variables.
    fn check<'a>(&self, names: impl Iterator<Item = &'a str>) {
        let set: BTreeSet<_> =
            names.filter_map(|name| name.strip_prefix(VARIABLE)).map(str::to_lowercase).collect();
        assert!(set.is_subset(&self.all), "{set:?} are not all variables of the shop");
        assert!(self.required.is_subset(&set), "{:?} must be set", self.required);
    }
}
