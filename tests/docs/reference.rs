//! The reference pages name everything that there is.

use crate::pages::text;
use harness::{Host, repository, tessera_binary};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

const ADMIN_API: &str = "docs/reference/admin-api.md";
const CLI: &str = "docs/reference/cli.md";
const CONTRACTS: &str = "docs/reference/contracts.md";
const EVENTS: &str = "docs/reference/event-catalog.md";
const LIMITS: &str = "docs/limits.md";
const METRICS: &str = "docs/reference/metrics.md";

#[test]
fn contracts_are_documented() {
    let documentation = text(CONTRACTS);
    let mut missing = Vec::new();
    for entry in std::fs::read_dir(repository().join("wit")).expect("the contracts") {
        let folder = entry.expect("a contract").file_name().into_string().expect("UTF-8");
        let wit = text(format!("wit/{folder}/package.wit"));
        let package = wit.lines().find_map(|line| line.strip_prefix("package "));
        let package = package.and_then(|name| name.split('@').next()).expect("a package");
        // What is a keyword of WIT has a sign before it.
        let package = package.replace('%', "");
        let row = format!("| `{package}` (`wit/{folder}`) |");
        let interfaces = wit.lines().filter_map(|line| line.strip_prefix("interface "));
        let interfaces = interfaces.map(|line| format!("`{}`", line.trim_end_matches(" {")));
        missing.extend(
            std::iter::once(row).chain(interfaces).filter(|name| !documentation.contains(name)),
        );
    }
    assert!(missing.is_empty(), "{CONTRACTS} lacks {missing:?}");
}

#[test]
fn flags_are_documented() {
    let documentation = text(CLI) + &text(LIMITS);
    for command in ["up", "build", "doctor"] {
        let help = Command::new(tessera_binary()).args([command, "--help"]).output();
        let help = String::from_utf8(help.expect("tessera starts").stdout).expect("UTF-8");
        let flags: BTreeSet<&str> = help.lines().filter_map(flag).collect();
        assert!(flags.contains("--from"), "{help}");
        let known = |flag: &str| {
            ["`", " "].iter().any(|after| documentation.contains(&format!("`{flag}{after}")))
        };
        let missing: Vec<&str> = flags
            .into_iter()
            .filter(|flag| !["--help", "--version"].contains(flag) && !known(flag))
            .collect();
        assert!(missing.is_empty(), "{CLI} and {LIMITS} lack {missing:?} of `tessera {command}`");
    }
}

/// The long flag that a line of a help text begins with, as a heading or within a sentence.
fn flag(line: &str) -> Option<&str> {
    let line = line.trim_start();
    if !line.starts_with('-') {
        return None;
    }
    let flag = line.split([' ', ',']).find(|word| word.starts_with("--"))?;
    Some(flag.trim_end_matches(|c: char| !c.is_ascii_alphanumeric()))
}

/// The types of the catalog and the components that receive them.
fn catalog() -> BTreeMap<String, BTreeSet<String>> {
    let documentation = text(EVENTS);
    let rows = documentation.lines().filter_map(|line| line.strip_prefix("| `com.shop."));
    rows.map(|row| {
        let mut cells = row.trim_end_matches(" |").split(" | ");
        let name = cells.next().expect("a type").trim_end_matches('`');
        let receivers = cells.nth(1).unwrap_or_default().split(", ").map(str::to_owned);
        (format!("com.shop.{name}"), receivers.collect())
    })
    .collect()
}

#[test]
fn the_catalog_has_the_event_types_of_the_code() {
    let mut types = BTreeSet::new();
    collect_types(&repository().join("functions"), &mut types);
    let catalog: BTreeSet<String> = catalog().into_keys().collect();
    assert_eq!(catalog, types);
}

/// Collects the types that code names in string literals. Tests use made-up types, so they are left
/// out.
fn collect_types(folder: &Path, types: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).expect("a folder of functions") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.contains("test") {
            continue;
        } else if path.is_dir() {
            collect_types(&path, types);
        } else if name.ends_with(".rs") {
            let code = std::fs::read_to_string(&path).expect("a source file");
            let code = code.split("#[cfg(test)]").next().unwrap_or_default();
            types.extend(code.split('"').filter(|part| is_type(part)).map(str::to_owned));
        }
    }
}

/// A full type, not a pattern or the beginning of one.
fn is_type(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c == '.';
    let name = text.strip_prefix("com.shop.").and_then(|rest| rest.strip_suffix(".v1"));
    name.is_some_and(|name| name.chars().all(plain))
}

#[test]
fn receivers_of_events_are_those_of_the_manifest() {
    let mut found = receivers("spin.toml");
    // An older shop is not part of the shop, and its events have receivers only beside it.
    for (kind, ids) in receivers("deploy/strangler/spin.toml") {
        found.entry(kind).and_modify(|known| {
            if known.is_empty() {
                *known = ids;
            }
        });
    }
    assert_eq!(catalog(), found);
}

/// The components of a manifest that receive each type of the catalog.
fn receivers(manifest: &str) -> BTreeMap<String, BTreeSet<String>> {
    let manifest: toml::Table = text(manifest).parse().expect("TOML");
    let components = manifest["component"].as_table().expect("components");
    let mut receivers: BTreeMap<String, BTreeSet<String>> =
        catalog().into_keys().map(|kind| (kind, BTreeSet::new())).collect();
    for (id, component) in components {
        for pattern in patterns(component) {
            let mut is_used = false;
            for (kind, ids) in &mut receivers {
                if matches(&pattern, kind) {
                    ids.insert(id.clone());
                    is_used = true;
                }
            }
            assert!(is_used, "{id} subscribes to {pattern}, which no type of {EVENTS} matches");
        }
    }
    receivers
}

/// The types that a component subscribes to.
fn patterns(component: &toml::Value) -> Vec<String> {
    let subscribe = component.get("tool").and_then(|tool| tool.get("tessera")?.get("subscribe"));
    let entries = subscribe.and_then(toml::Value::as_array).into_iter().flatten();
    let types = entries.filter_map(|entry| entry.get("types")?.as_array()).flatten();
    types.map(|kind| kind.as_str().expect("a type").to_owned()).collect()
}

fn matches(pattern: &str, kind: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => kind.starts_with(prefix),
        None => kind == pattern,
    }
}

/// Checks the metrics and the paths of the admin listener that a host has.
pub(crate) async fn describes(host: &Host) {
    let metrics = host.admin().get("/metrics").await.expect(200).text();
    let documentation = text(METRICS);
    let names: BTreeSet<String> = metrics.lines().filter_map(metric).collect();
    assert!(names.len() > 10, "{metrics}");
    let missing: Vec<_> =
        names.iter().filter(|name| !documentation.contains(&format!("| `{name}` |"))).collect();
    assert!(missing.is_empty(), "{METRICS} lacks {missing:?}");

    let paths = host.admin().get("/nothing-here").await.expect(404).text();
    let documentation = text(ADMIN_API);
    let paths: Vec<String> = paths.lines().filter_map(path).collect();
    assert!(paths.len() > 10, "{paths:?}");
    let missing: Vec<_> =
        paths.iter().filter(|path| !documentation.contains(&format!("| `{path}` |"))).collect();
    assert!(missing.is_empty(), "{ADMIN_API} lacks {missing:?}");
}

/// The name of the series that a line of metadata announces.
fn metric(line: &str) -> Option<String> {
    let (name, kind) = line.strip_prefix("# TYPE ")?.split_once(' ')?;
    Some(if kind == "counter" { format!("{name}_total") } else { name.to_owned() })
}

/// Method and path of a line of the list, without parameters.
fn path(line: &str) -> Option<String> {
    let (method, path) = line.split_once(' ')?;
    let is_method = ["GET", "POST", "DELETE"].contains(&method);
    is_method.then(|| format!("{method} {}", path.split('?').next().unwrap_or(path)))
}
