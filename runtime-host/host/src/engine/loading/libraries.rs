//! The libraries of a component: dependencies that are composed into it and not linked.

use super::compose::{self, Library};
use super::deny::Permission;
use anyhow::Context as _;
use std::path::Path;
use tessera_manifest::{App, Component, Dependency, Provider, Source};

/// A component's bytes with those of its libraries. Blocks: reads files.
///
/// A library gets no interface for which `permission` names a key of the manifest, unless it
/// inherits that key.
pub(crate) fn compose(
    app: &App,
    component: &Component,
    bytes: Vec<u8>,
    permission: Permission,
) -> anyhow::Result<Vec<u8>> {
    let mut found = Vec::new();
    for dependency in &component.dependencies {
        if let Some((name, source)) = library(app, dependency) {
            let bytes = read(source).with_context(|| {
                format!("the dependency `{}` of `{}`", dependency.import, component.id)
            })?;
            found.push((dependency, name, bytes));
        }
    }
    let libraries: Vec<_> =
        found.iter().map(|(dependency, name, bytes)| Library { dependency, name, bytes }).collect();
    let inherit_all = component.dependencies_inherit_configuration;
    compose::compose(&component.id, bytes, inherit_all, &libraries, permission)
        .with_context(|| format!("the component `{}`", component.id))
}

/// Name and source of a dependency that is composed; none for a bridge, which is linked.
fn library<'a>(app: &'a App, dependency: &'a Dependency) -> Option<(String, &'a Source)> {
    match &dependency.provider {
        Provider::Source { source, .. } => Some((shown(source), source)),
        Provider::Component { id, .. } => {
            let library = app.components.get(id)?;
            library.settings.bridges.is_none().then(|| (id.clone(), &library.source))
        }
    }
}

/// Name and bytes of what a manifest names.
pub(super) fn provided(app: &App, provider: &Provider) -> anyhow::Result<(String, Vec<u8>)> {
    let (name, source) = match provider {
        Provider::Source { source, .. } => (shown(source), source),
        Provider::Component { id, .. } => {
            let component =
                app.components.get(id).with_context(|| format!("no component `{id}`"))?;
            (id.clone(), &component.source)
        }
    };
    Ok((name, read(source)?))
}

fn read(source: &Source) -> anyhow::Result<Vec<u8>> {
    let local = |path: &Path| {
        let bytes = std::fs::read(path).with_context(|| {
            format!("{} can't be read: build it, or correct the path", path.display())
        })?;
        super::into_component(super::binary(path, bytes)?)
            .with_context(|| path.display().to_string())
    };
    match source {
        Source::Local(path) => local(path),
        Source::Remote { .. } | Source::Registry { .. } => {
            // It would be local by now.
            anyhow::bail!("its source, {}, is not downloaded", shown(source))
        }
    }
}

fn shown(source: &Source) -> String {
    match source {
        Source::Local(path) => path.display().to_string(),
        Source::Remote { url, .. } => url.clone(),
        Source::Registry { package, version, .. } => format!("{package}@{version}"),
    }
}
