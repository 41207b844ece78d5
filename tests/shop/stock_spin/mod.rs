//! The rules of stock Spin 4.1, without Spin: what it would refuse in the manifest and the built
//! components, and which component it would call for a path.
//!
//! Each rule is a function from a manifest to its faults, and is tested with the real manifest and
//! with one that has a planted fault.

mod compose;
pub(crate) mod platform;
mod routing;

use crate::manifest::{Dependency, Manifest, manifest};
use harness::built_component;
use std::collections::BTreeSet;
use toml::Value;
use wit_parser::decoding::{DecodedWasm, decode};
use wit_parser::{Resolve, TypeDefKind, WorldItem};

/// The bytes of a component's source in the manifest.
pub(crate) fn bytes(manifest: &Manifest, id: &str) -> Vec<u8> {
    std::fs::read(built_component(&manifest.source(id))).unwrap()
}

/// The names of a component's imports, without interfaces that only contain types, which need no
/// provider.
fn imports(bytes: &[u8]) -> BTreeSet<String> {
    let DecodedWasm::Component(resolve, world) = decode(bytes).unwrap() else {
        panic!("no component")
    };
    let imports = resolve.worlds[world].imports.iter();
    let imports = imports.filter(|(_, item)| !is_of_types(&resolve, item));
    imports.map(|(key, _)| resolve.name_world_key(key)).collect()
}

/// Whether an import consists of types alone, none of which is a resource.
fn is_of_types(resolve: &Resolve, item: &WorldItem) -> bool {
    match item {
        WorldItem::Interface { id, .. } => {
            let interface = &resolve.interfaces[*id];
            let is_resource = |id| matches!(resolve.types[id].kind, TypeDefKind::Resource);
            interface.functions.is_empty() && !interface.types.values().any(|id| is_resource(*id))
        }
        WorldItem::Type { .. } => true,
        WorldItem::Function(_) => false,
    }
}

/// Whether a dependency matches an import: the same plain name, or the same package and, if they
/// are named, the same interface and version.
pub(crate) fn fits(dependency: &str, import: &str) -> bool {
    let parts = |name: &str| {
        let (name, version) = name.split_once('@').map_or((name, None), |(n, v)| (n, Some(v)));
        let (package, interface) = name.split_once('/').map_or((name, None), |(p, i)| (p, Some(i)));
        (package.to_owned(), interface.map(str::to_owned), version.map(str::to_owned))
    };
    let ((package, interface, version), wanted) = (parts(dependency), parts(import));
    let is_package = package.contains(':');
    package == wanted.0
        && (interface == wanted.1 || (interface.is_none() && is_package))
        && (version.is_none() || version == wanted.2)
}

/// What Spin's composer and linker refuse.
pub(crate) fn composition(manifest: &Manifest) -> Vec<String> {
    let mut faults = Vec::new();
    for id in manifest.functions() {
        match compose::compose(manifest, id) {
            Ok(whole) => {
                let missing = imports(&whole).into_iter().filter(|name| !platform::offers(name));
                faults.extend(missing.map(|name| format!("{id}: nothing offers {name}")));
            }
            Err(reason) => faults.push(format!("{id}: {reason}")),
        }
    }
    faults
}

/// Capabilities that a dependency uses but does not inherit: in Spin, calls of them fail.
pub(crate) fn inheritance(manifest: &Manifest) -> Vec<String> {
    let mut faults = Vec::new();
    for (id, name, dependency) in dependencies(manifest) {
        let inherited = inherited(&dependency);
        let unknown = inherited.iter().filter(|one| !platform::is_capability(one));
        faults.extend(unknown.map(|one| format!("{id}: {name}: no capability `{one}`")));
        let used = imports(&bytes(manifest, &dependency.component));
        let used: BTreeSet<_> = used.iter().filter_map(|name| platform::capability(name)).collect();
        let denied = used.iter().filter(|one| !inherited.contains(**one));
        faults.extend(denied.map(|one| format!("{id}: {name} does not inherit `{one}`")));
    }
    faults
}

fn inherited(dependency: &Dependency) -> BTreeSet<String> {
    match &dependency.inherit {
        Some(Value::Boolean(true)) => platform::capabilities().map(str::to_owned).collect(),
        Some(Value::Array(names)) => {
            names.iter().map(|name| name.as_str().unwrap().to_owned()).collect()
        }
        _ => BTreeSet::new(),
    }
}

/// Bridges whose importer may not call the bridge's target: a bridge has no permissions itself.
pub(crate) fn reach(manifest: &Manifest) -> Vec<String> {
    let mut faults = Vec::new();
    for (id, _, dependency) in dependencies(manifest) {
        let bridge = &dependency.component;
        let code = bytes(manifest, bridge);
        let capabilities = imports(&code);
        let mut capabilities = capabilities.iter().filter_map(|name| platform::capability(name));
        if !capabilities.any(|capability| capability == "allowed_outbound_hosts") {
            continue;
        }
        let Some(callee) = bridge.strip_suffix("-bridge") else {
            faults.push(format!("{bridge}: which component does it call?"));
            continue;
        };
        let host = format!("{callee}.spin.internal");
        if !code.windows(host.len()).any(|part| part == host.as_bytes()) {
            faults.push(format!("{bridge} does not call {host}"));
        }
        if !manifest.hosts(id).contains(&format!("http://{host}")) {
            faults.push(format!("{id} may not reach {host}, which {bridge} calls for it"));
        }
    }
    faults
}

/// Every dependency on a component: its importer, its name, and the dependency itself.
fn dependencies(manifest: &Manifest) -> Vec<(&str, String, Dependency)> {
    let of = |id| manifest.dependencies(id).into_iter().map(move |(name, it)| (id, name, it));
    manifest.functions().into_iter().flat_map(of).collect()
}

#[test]
fn every_component_composes_with_all_its_imports() {
    assert_eq!(composition(&manifest()), Vec::<String>::new());
}

#[test]
fn two_dependencies_on_one_package_are_detected() {
    let manifest = manifest().changed(|table| {
        let dependencies = dependencies_of(table, "notifications");
        let whole = dependencies.remove("shop:identity@1.0.0").unwrap();
        dependencies.insert("shop:identity/users@1.0.0".to_owned(), whole.clone());
        dependencies.insert("shop:identity/keys@1.0.0".to_owned(), whole);
    });
    let faults = composition(&manifest);
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(faults[0].contains("shop:identity") && faults[0].contains("already"), "{faults:?}");
}

#[test]
fn missing_providers_and_unused_dependencies_are_detected() {
    let manifest = manifest().changed(|table| {
        let dependencies = dependencies_of(table, "cart");
        let bridge = dependencies.remove("shop:catalog@1.0.0").unwrap();
        dependencies_of(table, "inventory").insert("shop:catalog@1.0.0".to_owned(), bridge);
    });
    let faults = composition(&manifest);
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert!(faults[0].contains("nothing offers shop:catalog/products"), "{faults:?}");
    assert!(faults[1].starts_with("inventory: ") && faults[1].contains("none"), "{faults:?}");
}

#[test]
fn every_bridge_inherits_what_it_uses() {
    assert_eq!(inheritance(&manifest()), Vec::<String>::new());
    let manifest = manifest().changed(|table| {
        for (name, inherit) in [
            ("shop:catalog@1.0.0", Value::Array(vec!["variables".into()])),
            ("shop:identity@1.0.0", Value::Array(vec!["hosts".into()])),
        ] {
            dependencies_of(table, "cart")[name]
                .as_table_mut()
                .unwrap()
                .insert("inherit_configuration".to_owned(), inherit);
        }
    });
    let faults = inheritance(&manifest);
    assert_eq!(faults.len(), 3, "{faults:?}");
}

#[test]
fn every_importer_may_reach_what_its_bridges_call() {
    assert_eq!(reach(&manifest()), Vec::<String>::new());
    let manifest = manifest().changed(|table| {
        table["component"]["cart"]["allowed_outbound_hosts"] =
            Value::Array(vec!["http://catalog.spin.internal".into()]);
    });
    assert_eq!(reach(&manifest).len(), 1, "identity is out of reach");
}

fn dependencies_of<'a>(table: &'a mut toml::Table, id: &str) -> &'a mut toml::Table {
    table["component"][id]["dependencies"].as_table_mut().unwrap()
}
