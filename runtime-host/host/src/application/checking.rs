//! Whether the new code of a component keeps its contract: for those who use what it exported, for the
//! components of the manifest that are linked to it, and for the host, which has to offer what it
//! imports.

use super::sources;
use crate::capabilities::offers;
use crate::engine::{Contracts, binary, fits, into_component, is_of_platform};
use crate::links::{self, Link};
use anyhow::{Context as _, bail};
use std::fs;
use std::path::Path;
use tessera_compatibility::Break;
use tessera_manifest::{App, Component, Source};

/// What a comparison has found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) breaks: Vec<Break>,
    /// What could not be compared.
    pub(crate) warnings: Vec<String>,
}

/// Compares the code that the manifest names for a component with other code of it. Downloads what the
/// manifest names by a URL or in a registry.
pub(crate) async fn check_contract(
    app: &App,
    id: &str,
    other: Vec<u8>,
    cache_dir: &Path,
) -> anyhow::Result<Findings> {
    let mut app = app.clone();
    sources::fetch(&mut app, cache_dir).await?;
    let id = id.to_owned();
    tokio::task::spawn_blocking(move || compare(&app, &id, other)).await?
}

fn compare(app: &App, id: &str, other: Vec<u8>) -> anyhow::Result<Findings> {
    let component = app.components.get(id).with_context(|| {
        let known = app.components.keys().cloned().collect::<Vec<_>>().join(", ");
        format!("the manifest has no component `{id}`; there are {known}")
    })?;
    let now = code(component)?;
    let other = into_component(binary(Path::new("the other code"), other)?)?;
    let mut findings = Findings::default();
    let contracts = Contracts::read(("the other code", other), (id, now.clone()))?;
    for (name, reason) in contracts.lost_exports() {
        findings.add(format!("{id}: export `{name}`"), reason);
    }
    for import in contracts.new_imports() {
        findings.check_import(component, &import);
    }
    findings.check_callers(app, id, &now)?;
    findings.check_callees(app, component, &now)?;
    Ok(findings)
}

impl Findings {
    fn add(&mut self, at: impl Into<String>, reason: impl Into<String>) {
        self.breaks.push(Break { at: at.into(), reason: reason.into() });
    }

    /// Something must offer an import that the other code did not have.
    fn check_import(&mut self, component: &Component, import: &str) {
        let mut dependencies = component.dependencies.iter();
        if dependencies.any(|dependency| fits(&dependency.import, import)) {
            return;
        }
        let reason = match is_of_platform(import) {
            true if offers(import) => return,
            true => "it is new, and this host does not offer it",
            false => "it is new, and no dependency of the component in the manifest offers it",
        };
        self.add(format!("{}: import `{import}`", component.id), reason);
    }

    /// The components that are linked to this one import what it exports now.
    fn check_callers(&mut self, app: &App, id: &str, now: &[u8]) -> anyhow::Result<()> {
        for caller in app.components.values().filter(|caller| caller.id != id) {
            for link in links::of(app, caller) {
                let Link::Component { dependency, callee } = &link else { continue };
                if callee == id {
                    self.check_link((caller, dependency), (id, now.to_vec()), &caller.id)?;
                }
            }
        }
        Ok(())
    }

    /// The components that this one is linked to export what it imports now.
    fn check_callees(
        &mut self,
        app: &App,
        component: &Component,
        now: &[u8],
    ) -> anyhow::Result<()> {
        for link in links::of(app, component) {
            let Link::Component { dependency, callee } = &link else { continue };
            let Some(callee) = app.components.get(callee) else { continue };
            let Some(code) = self.code_of(callee) else { continue };
            let contracts = Contracts::read((&component.id, now.to_vec()), (&callee.id, code))?;
            for (name, reason) in contracts.unserved_imports(dependency) {
                let at = format!("{}: import `{name}` of `{}`", component.id, callee.id);
                self.add(at, reason);
            }
        }
        Ok(())
    }

    fn check_link(
        &mut self,
        (caller, dependency): (&Component, &str),
        callee: (&str, Vec<u8>),
        at: &str,
    ) -> anyhow::Result<()> {
        let Some(code) = self.code_of(caller) else { return Ok(()) };
        let callee_id = callee.0.to_owned();
        let contracts = Contracts::read((&caller.id, code), callee)?;
        for (name, reason) in contracts.unserved_imports(dependency) {
            let text =
                format!("it would break, because it imports this of `{callee_id}`: {reason}");
            self.add(format!("{at}: import `{name}`"), text);
        }
        Ok(())
    }

    /// The code of a component; none if it is not built, which is a warning.
    fn code_of(&mut self, component: &Component) -> Option<Vec<u8>> {
        match code(component) {
            Ok(code) => Some(code),
            Err(error) => {
                self.warnings.push(format!("`{}` is not compared: {error:#}", component.id));
                None
            }
        }
    }
}

fn code(component: &Component) -> anyhow::Result<Vec<u8>> {
    let Source::Local(path) = &component.source else { bail!("its source is not downloaded") };
    let bytes = fs::read(path)
        .with_context(|| format!("{} can't be read: build it first", path.display()))?;
    into_component(binary(path, bytes)?).with_context(|| path.display().to_string())
}
