//! Live links: an import of one component, served by another one, in this process.
//!
//! The importer calls a typed function; the host looks the callee up in the registry and calls it
//! as any other caller would, so it runs in its own instance and store. Neither side can tell this
//! from static composition, except by its limits, deadlines and spans.

mod kept;
mod linked_function;
mod plain;
mod type_check;

use crate::engine::{FunctionName, Functions, GuestState, State, fits};
use crate::registry::Registry;
use anyhow::Context as _;
pub(crate) use linked_function::LinkPolicy;
use linked_function::LinkedFunction;
use std::sync::Arc;
use tessera_manifest::{App, Bridged, Component, ComponentId, Provider};
use wasmtime::component::types::{ComponentExtern, ComponentInstance, ComponentItem};
use wasmtime::component::{self, Linker};

/// A linked dependency: its name in the manifest (an interface, or a package for all of its
/// imported interfaces), and its provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Link {
    /// Another component.
    Component { dependency: String, callee: ComponentId },
    /// The host itself.
    Host { dependency: String },
}

impl Link {
    /// The name of the dependency.
    pub(crate) fn dependency(&self) -> &str {
        match self {
            Self::Component { dependency, .. } | Self::Host { dependency } => dependency,
        }
    }
}

/// The links of a component: its dependencies whose provider is a bridge.
pub(crate) fn of(app: &App, component: &Component) -> Vec<Link> {
    let bridged = |dependency: &tessera_manifest::Dependency| {
        let Provider::Component { id, .. } = &dependency.provider else { return None };
        let dependency = dependency.import.clone();
        match app.components.get(id)?.settings.bridges.as_ref()? {
            Bridged::Component(callee) => {
                Some(Link::Component { dependency, callee: callee.clone() })
            }
            Bridged::Host => Some(Link::Host { dependency }),
        }
    };
    component.dependencies.iter().filter_map(bridged).collect()
}

/// The components that a component is linked to.
pub(crate) fn callees(app: &App, component: &Component) -> impl Iterator<Item = ComponentId> {
    of(app, component).into_iter().filter_map(|link| match link {
        Link::Component { callee, .. } => Some(callee),
        Link::Host { .. } => None,
    })
}

/// The imported interfaces of a component that a dependency covers, at least one.
pub(crate) fn covered_imports(
    engine: &wasmtime::Engine,
    importer: &component::Component,
    dependency: &str,
) -> anyhow::Result<Vec<(String, ComponentInstance)>> {
    let covered = |(name, item): (&str, ComponentExtern<'_>)| match item.ty {
        ComponentItem::ComponentInstance(instance) if fits(dependency, name) => {
            Some((name.to_owned(), instance))
        }
        _ => None,
    };
    let imports: Vec<_> = importer.component_type().imports(engine).filter_map(covered).collect();
    anyhow::ensure!(
        !imports.is_empty(),
        "the dependency `{dependency}` matches none of its imports: remove it, or correct its name"
    );
    Ok(imports)
}

/// Defines links.
pub(crate) struct LinkBuilder<'a> {
    pub(crate) engine: &'a wasmtime::Engine,
    pub(crate) registry: &'a Arc<Registry<Functions>>,
    /// The policy of the calls of a function (`interface.function`) of a component.
    pub(crate) policy: &'a dyn Fn(&ComponentId, &str) -> LinkPolicy,
}

impl LinkBuilder<'_> {
    /// Defines one import in the importer's linker: calls of its functions go to `callee`.
    ///
    /// `code` is that of the callee, to compare the types of both sides before any call.
    pub(crate) fn define<G: GuestState>(
        &self,
        linker: &mut Linker<State<G>>,
        (import, wanted): &(String, ComponentInstance),
        callee: &ComponentId,
        code: Option<&component::Component>,
    ) -> anyhow::Result<()> {
        check(self.engine, (import, wanted), callee, code)?;
        let mut instance = linker.instance(import).map_err(anyhow::Error::from)?;
        for (name, item) in wanted.exports(self.engine) {
            let ComponentItem::ComponentFunc(function) = item.ty else { continue };
            let name = FunctionName::new(import, name);
            let policy = (self.policy)(callee, &name.short());
            let (registry, callee) = (self.registry.clone(), callee.clone());
            let link = LinkedFunction::new(registry, callee, name, &function, policy);
            link.define(&mut instance, function.async_()).map_err(anyhow::Error::from)?;
        }
        Ok(())
    }
}

/// Fails unless the code of a callee exports what an importer wants, with the same types.
pub(crate) fn check(
    engine: &wasmtime::Engine,
    (import, wanted): (&str, &ComponentInstance),
    callee: &str,
    code: Option<&component::Component>,
) -> anyhow::Result<()> {
    let offered = code.and_then(|code| export(engine, code, import));
    let offered = offered
        .with_context(|| format!("it needs `{import}` of `{callee}`, which does not export it"))?;
    type_check::compare(engine, import, wanted, &offered)
        .with_context(|| format!("`{callee}` exports another `{import}` than it imports"))
}

fn export(
    engine: &wasmtime::Engine,
    code: &component::Component,
    name: &str,
) -> Option<ComponentInstance> {
    match code.component_type().get_export(engine, name)?.ty {
        ComponentItem::ComponentInstance(instance) => Some(instance),
        _ => None,
    }
}
