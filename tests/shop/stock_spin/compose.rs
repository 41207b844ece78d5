//! Composes a component and its dependencies like Spin: with the same graph library, and each
//! dependency registered under the name of its package.

use super::{bytes, fits};
use crate::manifest::Manifest;
use std::collections::BTreeMap;
use std::error::Error;
use wac_graph::types::{Package, SubtypeChecker, WorldId};
use wac_graph::{CompositionGraph, EncodeOptions, NodeId};

/// The composed component, or why Spin would refuse it.
pub(super) fn compose(manifest: &Manifest, id: &str) -> Result<Vec<u8>, String> {
    let mut graph = CompositionGraph::new();
    let (world, instance) = register(&mut graph, id, bytes(manifest, id))?;
    let mut satisfied: BTreeMap<String, String> = BTreeMap::new();
    for (name, dependency) in manifest.dependencies(id) {
        let imports = graph.types()[world].imports.keys();
        let imports: Vec<String> = imports.filter(|import| fits(&name, import)).cloned().collect();
        if imports.is_empty() {
            return Err(format!("`{name}` fits none of its imports"));
        }
        // The name without interface and version: a second dependency on one package is refused
        // here.
        let package = name.split(['/', '@']).next().unwrap_or_default();
        let library = bytes(manifest, &dependency.component);
        let (provider, provided) = register(&mut graph, package, library)?;
        for import in imports {
            if let Some(other) = satisfied.insert(import.clone(), name.clone()) {
                return Err(format!("`{import}` is satisfied by `{other}` and `{name}`"));
            }
            connect(&mut graph, &import, (world, instance), (provider, provided))?;
        }
    }
    let exports: Vec<String> = graph.types()[world].exports.keys().cloned().collect();
    for export in exports {
        let node = graph.alias_instance_export(instance, &export).map_err(|e| chain(&e))?;
        graph.export(node, &export).map_err(|error| chain(&error))?;
    }
    graph.encode(EncodeOptions::default()).map_err(|error| chain(&error))
}

fn connect(
    graph: &mut CompositionGraph,
    import: &str,
    (world, instance): (WorldId, NodeId),
    (provider, provided): (WorldId, NodeId),
) -> Result<(), String> {
    let types = graph.types();
    let wanted = types[world].imports[import];
    let offered = types[provider].exports.get(import);
    let offered = *offered.ok_or_else(|| format!("nothing exports `{import}`"))?;
    let mut cache = std::collections::HashSet::default();
    let fitting = SubtypeChecker::new(&mut cache).is_subtype(offered, types, wanted, types);
    fitting.map_err(|error| format!("`{import}`: {error:#}"))?;
    let node = graph.alias_instance_export(provided, import).map_err(|error| chain(&error))?;
    graph.set_instantiation_argument(instance, import, node).map_err(|error| chain(&error))
}

fn register(
    graph: &mut CompositionGraph,
    name: &str,
    bytes: Vec<u8>,
) -> Result<(WorldId, NodeId), String> {
    let package = Package::from_bytes(name, None, bytes, graph.types_mut());
    let package = package.map_err(|error| format!("{name}: {error:#}"))?;
    let world = package.ty();
    let id = graph.register_package(package).map_err(|error| chain(&error))?;
    Ok((world, graph.instantiate(id)))
}

/// An error with all its causes in one line.
fn chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
