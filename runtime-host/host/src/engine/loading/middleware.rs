//! Middleware of HTTP triggers: components that handle a request and may pass it on. Like stock
//! Spin, the host composes them with the component of the trigger, which becomes one component.

use super::compose::{add, refused};
use super::deny::{self, Permission};
use super::{libraries, snapshots};
use anyhow::{Context as _, anyhow, ensure};
use tessera_manifest::{App, Middleware};
use wac_graph::types::WorldId;
use wac_graph::{CompositionGraph, EncodeOptions, NodeId};

/// What middleware exports to its caller, and imports from the next component.
const HANDLER: &str = "wasi:http/handler@0.3.0";

/// A component's bytes with those of its middleware, the outermost first. Blocks: reads files.
///
/// Middleware gets no interface for which `permission` names a key of the manifest, unless it
/// inherits that key; the handler that is next is none of them.
pub(crate) fn compose_middleware(
    app: &App,
    component: &str,
    bytes: Vec<u8>,
    middleware: &[Middleware],
    permission: Permission,
) -> anyhow::Result<Vec<u8>> {
    if middleware.is_empty() {
        return Ok(bytes);
    }
    let mut chain = Chain::new(component, bytes)?;
    for (index, one) in middleware.iter().enumerate().rev() {
        let (name, bytes) = libraries::provided(app, &one.provider)
            .with_context(|| format!("the middleware `{}`", one.written_at))?;
        let bytes = current(&name, bytes)?;
        let bytes = deny::rename_imports_except(&bytes, &one.inherit, permission, HANDLER)
            .map_err(|reason| anyhow!("`{name}` is not a component: {reason}"))?;
        chain.wrap(&format!("middleware{index}"), &name, bytes)?;
    }
    chain.encode().with_context(|| format!("the middleware of `{component}`"))
}

/// Components of which each calls the next.
struct Chain {
    graph: CompositionGraph,
    /// The handler of the outermost one.
    handler: NodeId,
}

impl Chain {
    /// Only the component that handles requests at last.
    fn new(component: &str, bytes: Vec<u8>) -> anyhow::Result<Self> {
        let mut graph = CompositionGraph::new();
        let bytes = current(component, bytes)?;
        let (world, instance) = add(&mut graph, "component", component, bytes)?;
        exports_handler(&graph, world, component)?;
        let handler = graph.alias_instance_export(instance, HANDLER)?;
        Ok(Self { graph, handler })
    }

    /// Puts a component around the others.
    fn wrap(&mut self, key: &str, name: &str, bytes: Vec<u8>) -> anyhow::Result<()> {
        let (world, instance) = add(&mut self.graph, key, name, bytes)?;
        exports_handler(&self.graph, world, name)?;
        ensure!(
            self.graph.types()[world].imports.contains_key(HANDLER),
            "`{name}` is no middleware: it does not import `{HANDLER}`, so it could not pass a \
             request on"
        );
        self.graph.set_instantiation_argument(instance, HANDLER, self.handler)?;
        self.handler = self.graph.alias_instance_export(instance, HANDLER)?;
        Ok(())
    }

    fn encode(mut self) -> anyhow::Result<Vec<u8>> {
        self.graph.export(self.handler, HANDLER)?;
        let encoded = self.graph.encode(EncodeOptions::default());
        Ok(encoded.map_err(|error| refused(&error))?)
    }
}

/// The bytes with the names of the interfaces that the host implements.
fn current(name: &str, bytes: Vec<u8>) -> anyhow::Result<Vec<u8>> {
    snapshots::modernize(bytes).map_err(|reason| anyhow!("`{name}` is not a component: {reason}"))
}

fn exports_handler(graph: &CompositionGraph, world: WorldId, name: &str) -> anyhow::Result<()> {
    ensure!(
        graph.types()[world].exports.contains_key(HANDLER),
        "`{name}` does not export `{HANDLER}`, which middleware and the component behind it need: \
         build it for WASI 0.3"
    );
    Ok(())
}
