//! Static composition: a component and the library components that satisfy its imports
//! become one, as stock Spin does it.
//!
//! A library runs inside its importer's instance and would have all of its permissions. So,
//! unless the manifest lets it inherit them, its imports of capabilities are first renamed
//! ([`deny`]) to ones that always refuse. Libraries are composed one level deep.

#[cfg(test)]
mod tests;

use super::deny::{self, Permission};
use std::collections::BTreeMap;
use std::fmt;
use tessera_manifest::{Dependency, Inherit, Provider};
use wac_graph::types::{Package, SubtypeChecker, WorldId, are_semver_compatible};
use wac_graph::{CompositionGraph, EncodeOptions, NodeId};

/// A dependency with the bytes of its component.
pub(crate) struct Library<'a> {
    pub(crate) dependency: &'a Dependency,
    /// Who it is, for messages: a component's id or a file.
    pub(crate) name: &'a str,
    pub(crate) bytes: &'a [u8],
}

/// Why a component could not be composed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The dependency's name fits none of the component's imports.
    #[error("the dependency `{dependency}` fits none of its imports, which are {}", List(imports))]
    NothingToSatisfy { dependency: String, imports: Vec<String> },
    /// Two dependencies fit one import.
    #[error("two dependencies fit its import `{import}`: `{one}` and `{other}`")]
    Ambiguous { import: String, one: String, other: String },
    /// The library lacks what is imported.
    #[error(
        "the dependency `{dependency}` needs `{wanted}` for the import `{import}`, but \
         `{library}` exports {}",
        List(exports)
    )]
    MissingExport {
        dependency: String,
        import: String,
        library: String,
        wanted: String,
        exports: Vec<String>,
    },
    /// The library's export has another type.
    #[error("`{library}` exports `{export}`, but not as it is imported (`{import}`): {reason}")]
    WrongType { import: String, library: String, export: String, reason: String },
    /// Bytes that are no component.
    #[error("`{name}` is not a component that can be composed: {reason}")]
    BadComponent { name: String, reason: String },
    /// The whole does not hold together.
    #[error("it cannot be composed with its dependencies: {reason}")]
    Refused { reason: String },
}

/// Composes a component with its libraries. Without libraries the bytes stay as they are.
///
/// `inherit_all` is the manifest's `dependencies_inherit_configuration`.
pub(crate) fn compose(
    component: &str,
    bytes: Vec<u8>,
    inherit_all: bool,
    libraries: &[Library<'_>],
    permission: Permission,
) -> Result<Vec<u8>, Error> {
    if libraries.is_empty() {
        return Ok(bytes);
    }
    let mut composition = Composition::new(component, bytes)?;
    for library in libraries {
        composition.satisfy(library, inherit_all, permission)?;
    }
    composition.export_all()?;
    composition.graph.encode(EncodeOptions::default()).map_err(|error| refused(&error))
}

/// What is put together.
struct Composition<'a> {
    graph: CompositionGraph,
    world: WorldId,
    instance: NodeId,
    /// The dependency that satisfies an import, by import.
    satisfied: BTreeMap<String, &'a str>,
}

impl<'a> Composition<'a> {
    fn new(component: &str, bytes: Vec<u8>) -> Result<Self, Error> {
        let mut graph = CompositionGraph::new();
        let (world, instance) = add(&mut graph, component, component, bytes)?;
        Ok(Self { graph, world, instance, satisfied: BTreeMap::new() })
    }

    /// Satisfies every import that the dependency's name fits.
    fn satisfy(
        &mut self,
        library: &Library<'a>,
        inherit_all: bool,
        permission: Permission,
    ) -> Result<(), Error> {
        let dependency = &library.dependency.import;
        let imports = self.imports_for(dependency)?;
        let inherit = if inherit_all { &Inherit::All } else { &library.dependency.inherit };
        let bytes = deny::rename_imports(library.bytes, inherit, permission)
            .map_err(|reason| bad_component(library.name, &reason))?;
        let (world, instance) = add(&mut self.graph, dependency, library.name, bytes)?;
        for import in imports {
            if let Some(other) = self.satisfied.insert(import.clone(), dependency) {
                return Err(Error::Ambiguous {
                    import,
                    one: other.into(),
                    other: dependency.clone(),
                });
            }
            self.connect(library, &import, world, instance)?;
        }
        Ok(())
    }

    fn imports_for(&self, dependency: &str) -> Result<Vec<String>, Error> {
        let imports = || self.graph.types()[self.world].imports.keys();
        let fitting: Vec<_> =
            imports().filter(|import| fits(dependency, import)).cloned().collect();
        if fitting.is_empty() {
            return Err(Error::NothingToSatisfy {
                dependency: dependency.into(),
                imports: imports().filter(|name| !is_platform(name)).cloned().collect(),
            });
        }
        Ok(fitting)
    }

    fn connect(
        &mut self,
        library: &Library<'_>,
        import: &str,
        world: WorldId,
        instance: NodeId,
    ) -> Result<(), Error> {
        let export = self.export_for(library, import, world)?;
        let types = self.graph.types();
        let wanted = types[self.world].imports[import];
        let offered = types[world].exports[&export];
        let mut cache = std::collections::HashSet::default();
        let comparison = SubtypeChecker::new(&mut cache).is_subtype(offered, types, wanted, types);
        comparison.map_err(|error| Error::WrongType {
            import: import.into(),
            library: library.name.into(),
            export: export.clone(),
            reason: format!("{error:#}"),
        })?;
        let node = self.graph.alias_instance_export(instance, &export);
        let node = node.map_err(|error| refused(&error))?;
        let connected = self.graph.set_instantiation_argument(self.instance, import, node);
        connected.map_err(|error| refused(&error))
    }

    /// The export that the manifest names, or the one of the import's name, or of a
    /// compatible version.
    fn export_for(
        &self,
        library: &Library<'_>,
        import: &str,
        world: WorldId,
    ) -> Result<String, Error> {
        let named = match &library.dependency.provider {
            Provider::Component { export, .. } | Provider::Source { export, .. } => {
                export.as_deref()
            }
        };
        let wanted = named.unwrap_or(import);
        let exports = &self.graph.types()[world].exports;
        if exports.contains_key(wanted) {
            return Ok(wanted.to_owned());
        }
        let compatible = || exports.keys().find(|export| are_semver_compatible(export, wanted));
        if let (None, Some(export)) = (named, compatible()) {
            return Ok(export.clone());
        }
        Err(Error::MissingExport {
            dependency: library.dependency.import.clone(),
            import: import.into(),
            library: library.name.into(),
            wanted: wanted.into(),
            exports: exports.keys().cloned().collect(),
        })
    }

    /// The whole exports what the component exports.
    fn export_all(&mut self) -> Result<(), Error> {
        let exports: Vec<_> = self.graph.types()[self.world].exports.keys().cloned().collect();
        for export in exports {
            let node = self.graph.alias_instance_export(self.instance, &export);
            let node = node.map_err(|error| refused(&error))?;
            let exported = self.graph.export(node, &export);
            exported.map_err(|error| refused(&error))?;
        }
        Ok(())
    }
}

/// Adds a component to the graph under a separate name.
pub(super) fn add(
    graph: &mut CompositionGraph,
    key: &str,
    name: &str,
    bytes: Vec<u8>,
) -> Result<(WorldId, NodeId), Error> {
    let package = Package::from_bytes(key, None, bytes, graph.types_mut());
    let package = package.map_err(|error| bad_component(name, &format!("{error:#}")))?;
    let world = package.ty();
    let id = graph.register_package(package);
    let id = id.map_err(|error| bad_component(name, &chain(&error)))?;
    Ok((world, graph.instantiate(id)))
}

pub(super) fn refused(error: &dyn std::error::Error) -> Error {
    Error::Refused { reason: chain(error) }
}

fn bad_component(name: &str, reason: &str) -> Error {
    Error::BadComponent { name: name.into(), reason: reason.into() }
}

/// Whether a dependency's name fits an import: the same plain name, or the same package and,
/// where the dependency names them, the same interface and version.
pub(crate) fn fits(dependency: &str, import: &str) -> bool {
    let (wanted, wanted_version) = version(dependency);
    let (name, found_version) = version(import);
    if wanted_version.is_some() && wanted_version != found_version {
        return false;
    }
    let package_alone = wanted.contains(':') && !wanted.contains('/');
    name == wanted
        || (package_alone && name.strip_prefix(wanted).is_some_and(|rest| rest.starts_with('/')))
}

/// `shop:inventory/stock` and `1.0.0`.
fn version(name: &str) -> (&str, Option<&str>) {
    name.split_once('@').map_or((name, None), |(name, version)| (name, Some(version)))
}

/// Interfaces that a host offers, so that no dependency names them.
fn is_platform(import: &str) -> bool {
    import.starts_with("wasi:")
}

/// An error with all its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Names for a sentence.
struct List<'a>(&'a [String]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            f.write_str("nothing")
        } else {
            write!(f, "`{}`", self.0.join("`, `"))
        }
    }
}
