//! Each built component against its contract: it exports what its world says and nothing
//! else, imports no more than that, and asks of the platform only what stock Spin offers.

mod shape;

use crate::manifest::{Manifest, manifest, strangler};
use crate::stock_spin::{bytes, fits, platform};
use harness::repository;
use shape::Interfaces;
use std::collections::{BTreeMap, BTreeSet};
use wit_parser::decoding::{DecodedWasm, decode};
use wit_parser::{Resolve, UnresolvedPackageGroup, World};

/// How components are asked for HTTP answers.
const HTTP_HANDLER: &str = "wasi:http/handler@0.3.0";
/// A built component's imports and exports by name, and the shapes of their functions.
struct Built {
    imports: Interfaces,
    exports: Interfaces,
}

impl Built {
    /// The built component of this id in the manifest.
    fn read(manifest: &Manifest, id: &str) -> Self {
        let decoded =
            decode(&bytes(manifest, id)).unwrap_or_else(|error| panic!("{id}: {error:#}"));
        let DecodedWasm::Component(resolve, world) = decoded else {
            panic!("{id} is not a component")
        };
        Self::of(&resolve, &resolve.worlds[world])
    }

    fn of(resolve: &Resolve, world: &World) -> Self {
        Self {
            imports: shape::interfaces(resolve, world.imports.iter()),
            exports: shape::interfaces(resolve, world.exports.iter()),
        }
    }

    /// Imports that other functions, not the platform, must provide. Interfaces that only
    /// name types have nothing to provide.
    fn of_others(&self) -> BTreeSet<&String> {
        let named = self
            .imports
            .iter()
            .filter(|(name, functions)| !platform::offers(name) && !functions.is_empty());
        named.map(|(name, _)| name).collect()
    }
}

/// All contracts: the world `function` of each package below `wit/`, by folder.
fn contracts() -> BTreeMap<String, Built> {
    let folders = std::fs::read_dir(repository().join("wit")).unwrap();
    let folders: Vec<_> = folders.map(|entry| entry.unwrap().path()).collect();
    let group = |folder| UnresolvedPackageGroup::parse_dir(folder).unwrap();
    let mut contracts = BTreeMap::new();
    for folder in &folders {
        let mut resolve = Resolve::default();
        let others = folders.iter().filter(|other| *other != folder).map(group).collect();
        let package = resolve.push_groups(group(folder), others).unwrap();
        if let Some(world) = resolve.packages[package].worlds.get("function") {
            let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
            contracts.insert(name, Built::of(&resolve, &resolve.worlds[*world]));
        }
    }
    contracts
}

#[test]
fn every_function_exports_its_world_and_nothing_else() {
    let (manifest, contracts) = (manifest(), contracts());
    assert!(contracts.len() >= 10);
    for id in manifest.functions() {
        let built = Built::read(&manifest, id);
        // A function without a contract is reached through HTTP only.
        let mut expected = contracts.get(id).map(|it| it.exports.clone()).unwrap_or_default();
        let handler = built.exports.get(HTTP_HANDLER).cloned();
        expected.insert(HTTP_HANDLER.to_owned(), handler.expect(id));
        assert_eq!(built.exports, expected, "{id}");
    }
}

#[test]
fn every_function_imports_no_more_than_its_world_and_the_platform() {
    let (manifest, contracts) = (manifest(), contracts());
    for id in manifest.functions() {
        let built = Built::read(&manifest, id);
        let nothing = Interfaces::new();
        let declared = contracts.get(id).map_or(&nothing, |contract| &contract.imports);
        for name in built.of_others() {
            let world = declared.get(name);
            let world =
                world.unwrap_or_else(|| panic!("{id} imports {name} that its world does not have"));
            // A component may leave out functions that it never calls.
            for (function, shape) in &built.imports[name] {
                assert_eq!(world.get(function), Some(shape), "{id}: {name} {function}");
            }
        }
    }
}

#[test]
fn every_contract_has_its_function() {
    let (manifest, strangler) = (manifest(), strangler());
    let mut functions: BTreeSet<_> = manifest.functions().into_iter().collect();
    functions.extend(strangler.functions());
    for name in contracts().keys() {
        // For features of the platform there is a bridge, but no function.
        let stood_for = manifest.bridges().contains(format!("{name}-bridge").as_str());
        assert!(functions.contains(name.as_str()) || stood_for, "wit/{name} has no implementation");
    }
}

#[test]
fn every_import_of_another_function_is_bound_to_a_bridge_that_exports_it() {
    let (manifest, contracts) = (manifest(), contracts());
    let mut bound = 0;
    for id in manifest.functions() {
        let dependencies = manifest.dependencies(id);
        for import in Built::read(&manifest, id).of_others() {
            let bridge = dependencies.iter().find(|(name, _)| fits(name, import));
            let (_, bridge) = bridge.unwrap_or_else(|| panic!("{id} lacks {import}"));
            let exported = Built::read(&manifest, &bridge.component).exports;
            let contract = contracts.values().find_map(|it| it.exports.get(import)).unwrap();
            let of = &bridge.component;
            assert_eq!(exported.get(import), Some(contract), "{id}: {import} of {of}");
            bound += 1;
        }
    }
    assert!(bound > 15, "{bound} imports");
}

#[test]
fn a_bridge_exports_its_functions_contract_and_needs_only_http() {
    let (manifest, contracts) = (manifest(), contracts());
    for id in manifest.bridges() {
        let callee = id.strip_suffix("-bridge").expect(id);
        let built = Built::read(&manifest, id);
        assert_eq!(built.exports, contracts[callee].exports, "{id}");
        assert_eq!(built.of_others(), BTreeSet::new(), "{id}");
        for import in built.imports.keys() {
            assert!(
                !import.contains("key-value") && !import.contains("keyvalue"),
                "{id}: {import}"
            );
        }
    }
}
