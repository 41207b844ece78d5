//! From compiled code to a revision that can serve calls: its imports are defined, and it is checked
//! that it has what its callers and the manifest expect.

use super::configuration::{Configuration, Target};
use crate::calls::Edges;
use crate::capabilities::platform::{self, Platform};
use crate::capabilities::{self, Grants, Guest, State};
use crate::engine::{
    ComponentContext, Engine, FunctionName, Functions, RedisExport, Revision,
    deny_what_is_not_inherited, trap_unknown,
};
use crate::links::{self, Link, LinkBuilder, LinkPolicy};
use crate::registry::Registry;
use crate::triggers::cron;
use anyhow::{Context as _, anyhow};
use std::sync::Arc;
use tessera_manifest::{App, Component, ComponentId, Handler};
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component as Code, Linker};

/// The namespaces of interfaces that a host offers, and components do not.
const PLATFORM_NAMESPACES: [&str; 3] = ["fermyon:", "spin:", "wasi:"];

/// The code of the components that run, by id.
pub(super) type CodeOf<'a> = &'a dyn Fn(&str) -> Option<Code>;

/// What imports are defined with.
pub(super) struct Linking {
    pub(super) app: Arc<App>,
    pub(super) engine: Engine,
    pub(super) functions: Arc<Registry<Functions>>,
    pub(super) platform: Arc<Platform>,
}

impl Linking {
    /// Defines the imports of a component, in a linker with what every component may import.
    pub(super) fn revision(
        &self,
        component: &Component,
        configuration: &Configuration,
        mut linker: Linker<State>,
        code_of: CodeOf<'_>,
        context: Arc<ComponentContext>,
        grants: Arc<Grants>,
    ) -> anyhow::Result<Revision<Guest>> {
        let code = code_of(&component.id).context("its code is not loaded")?;
        self.link(component, &code, code_of, grants.outbound.edges(), &mut linker)?;
        deny_what_is_not_inherited(&mut linker, &code)?;
        trap_unknown(&mut linker, &code, capabilities::offers)?;
        let wasm = &self.engine.wasm;
        let revision = Revision::new(&self.engine, &linker, &code, context, grants)
            .map_err(|error| explain_import(error, wasm, &code, &component.id))?;
        self.check_handler(component, &revision)?;
        self.check_functions(component, configuration, code_of)?;
        Ok(revision)
    }

    /// Defines the imports that other components or the platform provide.
    fn link(
        &self,
        component: &Component,
        code: &Code,
        code_of: CodeOf<'_>,
        edges: &Edges,
        linker: &mut Linker<State>,
    ) -> anyhow::Result<()> {
        let wasm = &self.engine.wasm;
        let policy = |callee: &ComponentId, function: &str| LinkPolicy {
            edge: edges.to(callee, Some(function)),
            is_idempotent: self.is_idempotent(callee, function),
        };
        let builder = LinkBuilder { engine: wasm, registry: &self.functions, policy: &policy };
        for link in links::of(&self.app, component) {
            let imports = links::covered_imports(wasm, code, link.dependency())?;
            match &link {
                Link::Component { callee, .. } => {
                    let code = code_of(callee);
                    imports.iter().try_for_each(|import| {
                        builder.define(linker, import, callee, code.as_ref())
                    })?;
                }
                Link::Host { .. } => imports
                    .iter()
                    .try_for_each(|(name, _)| platform::define(linker, name, &self.platform))?,
            }
        }
        Ok(())
    }

    /// Checks that the components that are linked to a component can use this code of it.
    pub(super) fn check_callers(&self, callee: &str, code_of: CodeOf<'_>) -> anyhow::Result<()> {
        let callers = self.app.components.values().filter(|caller| caller.id != callee);
        let broken: Vec<_> = callers
            .filter_map(|caller| {
                let error = self.check_links(caller, Some(callee), code_of).err()?;
                Some(format!("`{}` would break: {error:#}", caller.id))
            })
            .collect();
        anyhow::ensure!(broken.is_empty(), "its contract has changed. {}", broken.join("; "));
        Ok(())
    }

    /// Checks that a component can use the components that it is linked to.
    pub(super) fn check_callees(&self, caller: &str, code_of: CodeOf<'_>) -> anyhow::Result<()> {
        let caller = self.app.components.get(caller).context("it is not part of the manifest")?;
        self.check_links(caller, None, code_of)
    }

    /// Checks the links of a component: those to one callee, or all.
    fn check_links(
        &self,
        caller: &Component,
        callee: Option<&str>,
        code_of: CodeOf<'_>,
    ) -> anyhow::Result<()> {
        // A component that does not run calls nothing.
        let Some(importer) = code_of(&caller.id) else { return Ok(()) };
        for link in links::of(&self.app, caller) {
            let Link::Component { dependency, callee: to } = &link else { continue };
            if callee.is_some_and(|callee| callee != to) {
                continue;
            }
            let (wasm, code) = (&self.engine.wasm, code_of(to));
            for (import, wanted) in links::covered_imports(wasm, &importer, dependency)? {
                links::check(wasm, (&import, &wanted), to, code.as_ref())?;
            }
        }
        Ok(())
    }

    fn is_idempotent(&self, callee: &ComponentId, function: &str) -> bool {
        let callee = self.app.components.get(callee);
        callee.is_some_and(|callee| callee.settings.idempotent.iter().any(|one| one == function))
    }

    /// The functions that policies name exist: a misspelled one would have no effect.
    fn check_functions(
        &self,
        component: &Component,
        configuration: &Configuration,
        code_of: CodeOf<'_>,
    ) -> anyhow::Result<()> {
        let own = component.settings.idempotent.iter().map(|name| (&component.id, name));
        let called = configuration.policies.calls.iter().flat_map(|call| match &call.to {
            Target::Component(callee) => call.functions.iter().map(|name| (callee, name)).collect(),
            Target::Host(_) => Vec::new(),
        });
        for (callee, name) in own.chain(called) {
            anyhow::ensure!(
                code_of(callee).is_none_or(|code| exports(&self.engine.wasm, &code, name)),
                "its `tool.tessera` table names the function `{name}`, which `{callee}` does not \
                 export: correct the name, as `interface.function`"
            );
        }
        Ok(())
    }

    fn check_handler(
        &self,
        component: &Component,
        revision: &Revision<Guest>,
    ) -> anyhow::Result<()> {
        let serves = self.app.http.iter().any(
            |trigger| matches!(&trigger.handler, Handler::Component(id) if *id == component.id),
        );
        anyhow::ensure!(
            !serves || revision.serves_http(),
            "it has an HTTP trigger but exports none of wasi:http/handler@0.3, \
             wasi:http/incoming-handler@0.2 and fermyon:spin/inbound-http"
        );
        if self.app.redis.iter().any(|trigger| trigger.component == component.id) {
            check_redis(revision.redis())?;
        }
        let has_cron = self.app.cron.iter().any(|trigger| trigger.component == component.id);
        anyhow::ensure!(
            !has_cron || revision.exports(&FunctionName::of_world(cron::HANDLER)),
            "it has a cron trigger but does not export `{}`",
            cron::HANDLER
        );
        Ok(())
    }
}

/// Whether a component exports a function, named as `interface.function`.
fn exports(engine: &wasmtime::Engine, code: &wasmtime::component::Component, name: &str) -> bool {
    code.component_type().exports(engine).any(|(interface, item)| match item.ty {
        ComponentItem::ComponentInstance(instance) => instance
            .exports(engine)
            .any(|(function, _)| FunctionName::new(interface, function).short() == name),
        _ => false,
    })
}

fn check_redis(export: Option<&RedisExport>) -> anyhow::Result<()> {
    match export {
        Some(RedisExport::Unversioned(_) | RedisExport::Version3(_)) => Ok(()),
        Some(RedisExport::Several) => Err(anyhow!(
            "it has a Redis trigger and exports both spin:redis/inbound-redis@3.0.0 and \
             fermyon:spin/inbound-redis: export one of them"
        )),
        None => Err(anyhow!(
            "it has a Redis trigger but exports none of spin:redis/inbound-redis@3.0.0 and \
             fermyon:spin/inbound-redis"
        )),
    }
}

/// If the error is about an import that has no definition, says what to do about it.
fn explain_import(
    error: anyhow::Error,
    engine: &wasmtime::Engine,
    code: &wasmtime::component::Component,
    component: &str,
) -> anyhow::Error {
    // wasmtime names the import only in its message.
    let text = format!("{error:#}");
    let ty = code.component_type();
    let import = ty.imports(engine).map(|(name, _)| name).find(|name| text.contains(name));
    let Some(import) = import else { return error };
    let advice = if PLATFORM_NAMESPACES.iter().any(|namespace| import.starts_with(namespace)) {
        "This interface is not supported: build the component without it".to_owned()
    } else {
        format!(
            "Name the component that exports it, in [component.{component}.dependencies]: \
             \"{import}\" = {{ component = \"<its id>\" }}"
        )
    };
    error.context(format!("the host does not offer `{import}`. {advice}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_interface_of_the_platform_is_not_searched_in_components() {
        let engine = wasmtime::Engine::default();
        let wat =
            r#"(component (import "spin:sqlite/sqlite@3.0.0" (instance (export "f" (func)))))"#;
        let code = wasmtime::component::Component::new(&engine, wat).unwrap();
        let missing = Linker::<()>::new(&engine).instantiate_pre(&code).map(drop).unwrap_err();
        let explained = explain_import(missing.into(), &engine, &code, "cart").to_string();
        assert_eq!(
            explained,
            "the host does not offer `spin:sqlite/sqlite@3.0.0`. This interface is not supported: \
             build the component without it"
        );
    }
}
