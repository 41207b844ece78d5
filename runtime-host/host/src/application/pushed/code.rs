//! The code of the components of an application, alone or composed with their dependencies.

use super::super::middleware::ByComponent;
use super::artifact::Layer;
use crate::capabilities::permission;
use crate::engine::{binary, compose, compose_middleware, into_component, refuse_denied};
use crate::links;
use anyhow::{Context as _, bail};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use tessera_manifest::{App, Component, ComponentId, Inherit, Middleware, Provider, Source};

/// The media type of code.
const MEDIA_TYPE: &str = "application/vnd.wasm.content.layer.v1+wasm";
/// How the configuration of the application calls code.
const CONTENT_TYPE: &str = "application/wasm";

/// How components and their dependencies are pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Each on its own: the host composes or links them.
    Separate,
    /// Composed. None of them is linked to another one.
    Composed,
    /// Composed, also with the bridges of links, which then are HTTP requests as on stock Spin.
    WithBridges,
}

impl Form {
    pub(super) fn of(app: &App, compose: bool) -> Self {
        let is_linked = app.components.values().any(|one| !links::of(app, one).is_empty());
        match (compose, is_linked) {
            (false, _) => Self::Separate,
            (true, false) => Self::Composed,
            (true, true) => {
                tracing::info!(
                    "components are composed with their bridges, as for stock Spin, and without \
                     the settings of `tool.tessera`: --compose=false keeps links and settings"
                );
                Self::WithBridges
            }
        }
    }

    /// Whether the settings of this host still fit.
    pub(super) fn keeps_settings(self) -> bool {
        self != Self::WithBridges
    }
}

/// The code of all components.
pub(super) struct Code {
    pub(super) layers: Vec<Layer>,
    pub(super) components: BTreeMap<ComponentId, ComponentCode>,
}

/// How the configuration names the code of one component.
#[derive(Default)]
pub(super) struct ComponentCode {
    pub(super) source: Value,
    pub(super) dependencies: Map<String, Value>,
}

/// The code of all components of an application. Blocks.
pub(super) fn of(app: &App, middleware: &ByComponent, form: Form) -> anyhow::Result<Code> {
    let mut composing = app.clone();
    // A bridge is a library like any other then.
    composing.components.values_mut().for_each(|one| one.settings.bridges = None);
    let mut code = Code { layers: Vec::new(), components: BTreeMap::new() };
    for component in app.components.values() {
        let middleware = middleware.get(&component.id).map_or(&[][..], Vec::as_slice);
        let id = &component.id;
        let own = match form {
            Form::Separate => code.separate(app, component, middleware),
            Form::Composed | Form::WithBridges => code.composed(&composing, component, middleware),
        };
        let own = own.with_context(|| format!("the component `{id}`"))?;
        code.components.insert(id.clone(), own);
    }
    Ok(code)
}

impl Code {
    fn composed(
        &mut self,
        app: &App,
        component: &Component,
        middleware: &[Middleware],
    ) -> anyhow::Result<ComponentCode> {
        if component.dependencies.is_empty() {
            return self.separate(app, component, middleware);
        }
        let path = local(&component.source)?;
        let bytes = into_component(binary(path, read(path)?)?)?;
        let bytes = compose(app, component, bytes, permission)?;
        let bytes = compose_middleware(app, &component.id, bytes, middleware, permission)?;
        let source = self.add(Layer::of_bytes(MEDIA_TYPE, refuse_denied(bytes)?))?;
        Ok(ComponentCode { source, ..ComponentCode::default() })
    }

    /// Middleware is composed also then: stock Spin starts no pulled application that has it.
    fn separate(
        &mut self,
        app: &App,
        component: &Component,
        middleware: &[Middleware],
    ) -> anyhow::Result<ComponentCode> {
        let source = match middleware {
            [] => self.file(&component.source)?,
            _ => {
                let path = local(&component.source)?;
                let bytes = into_component(binary(path, read(path)?)?)?;
                let bytes = compose_middleware(app, &component.id, bytes, middleware, permission)?;
                self.add(Layer::of_bytes(MEDIA_TYPE, refuse_denied(bytes)?))?
            }
        };
        let mut dependencies = Map::new();
        for dependency in &component.dependencies {
            let inherit = match component.dependencies_inherit_configuration {
                true => &Inherit::All,
                false => &dependency.inherit,
            };
            let locked = self.dependency(app, &dependency.provider, inherit)?;
            dependencies.insert(dependency.import.clone(), locked);
        }
        Ok(ComponentCode { source, dependencies })
    }

    fn dependency(
        &mut self,
        app: &App,
        provider: &Provider,
        inherit: &Inherit,
    ) -> anyhow::Result<Value> {
        let (source, export) = match provider {
            Provider::Source { source, export } => (source, export),
            Provider::Component { id, export } => {
                let component = app.components.get(id).context("it does not exist")?;
                (&component.source, export)
            }
        };
        let mut locked = json!({ "source": self.file(source)?, "export": export });
        match inherit {
            Inherit::Nothing => {}
            Inherit::All => locked["inherit"] = json!("All"),
            Inherit::Keys(keys) => locked["inherit"] = json!({ "Some": keys }),
        }
        Ok(locked)
    }

    /// The code of a file, which may be text.
    fn file(&mut self, source: &Source) -> anyhow::Result<Value> {
        let path = local(source)?;
        let found = read(path)?;
        let bytes = binary(path, found.clone())?;
        let layer = match bytes == found {
            true => Layer::of_file(MEDIA_TYPE, path)?,
            false => Layer::of_bytes(MEDIA_TYPE, bytes),
        };
        self.add(layer)
    }

    /// Adds a layer, if it is new. Returns how the configuration names it.
    fn add(&mut self, layer: Layer) -> anyhow::Result<Value> {
        let mut reference = layer.reference()?;
        reference.insert("content_type".to_owned(), json!(CONTENT_TYPE));
        let digest = &layer.descriptor.digest;
        if !self.layers.iter().any(|one| one.descriptor.digest == *digest) {
            self.layers.push(layer);
        }
        Ok(Value::Object(reference))
    }
}

fn local(source: &Source) -> anyhow::Result<&Path> {
    match source {
        Source::Local(path) => Ok(path),
        // It would be local by now.
        Source::Remote { .. } | Source::Registry { .. } => bail!("its source is not downloaded"),
    }
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| {
        format!(
            "{} can't be read: run `tessera build`, push with `--build`, or correct the `source`",
            path.display()
        )
    })
}
