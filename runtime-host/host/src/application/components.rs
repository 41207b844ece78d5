//! Creates the components of an application: their contexts, links, and entries of the registry.

use super::code::Loaded;
use super::files::{self, FileOptions};
use super::limits::{self, OperatorLimits};
use super::output::Outputs;
use super::policies::Policies;
use super::{cycles, incarnation};
use crate::admin::ComponentStatus;
use crate::calls::{Admission, Callee, ComponentEntry, Edge, Edges, Limits, Protocol};
use crate::capabilities::llm;
use crate::capabilities::outbound_http::{NetworkContext, Outbound, RequestPolicies};
use crate::capabilities::platform::{self, Platform};
use crate::capabilities::redis::Servers;
use crate::capabilities::sqlite::Database;
use crate::capabilities::variables::{Values, Variables};
use crate::capabilities::{self, DatabaseServers, Grants, Guest, State};
use crate::chaos::Faults;
use crate::engine::{
    ComponentContext, Engine, FunctionName, Functions, Occupancy, RedisExport, Revision, Role,
    Usage, deny_what_is_not_inherited, trap_unknown,
};
use crate::links::{self, Link, LinkBuilder, LinkPolicy};
use crate::message::{Http, Messages};
use crate::registry::Registry;
use crate::runtime_config::OpenStores;
use crate::telemetry::Telemetry;
use crate::triggers::cron;
use anyhow::{Context as _, anyhow, bail};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use tessera_manifest::hosts::HostPattern;
use tessera_manifest::template::Template;
use tessera_manifest::{App, CallTarget, Component, ComponentId, Executor, Handler};
use wasmtime::component::Linker;
use wasmtime::component::types::ComponentItem;

/// The namespaces of interfaces that a host offers, and components do not.
const PLATFORM_NAMESPACES: [&str; 3] = ["fermyon:", "spin:", "wasi:"];

/// What is needed to create the components of an application.
pub(super) struct Startup<'a> {
    pub(super) app: &'a App,
    /// The environment variables of all components.
    pub(super) environment: &'a [(String, String)],
    pub(super) files: &'a FileOptions,
    pub(super) outputs: &'a Outputs<'a>,
    pub(super) limits: OperatorLimits,
    /// The arguments of the application's command.
    pub(super) arguments: &'a [String],
    pub(super) incarnation: u64,
    pub(super) state_dir: &'a Path,
    pub(super) stores: &'a OpenStores,
    pub(super) databases: &'a BTreeMap<String, Database>,
    /// The server of language models, if there is one.
    pub(super) language_models: &'a Option<Arc<llm::Remote>>,
    pub(super) telemetry: &'a Arc<Telemetry>,
    pub(super) variables: &'a Values,
    pub(super) network: &'a Arc<NetworkContext>,
    pub(super) functions: &'a Arc<Registry<Functions>>,
    pub(super) engine: &'a Engine,
    pub(super) code: &'a BTreeMap<ComponentId, Loaded>,
    pub(super) platform: &'a Arc<Platform>,
    pub(super) policies: &'a Policies,
    pub(super) faults: &'a Option<Arc<Faults>>,
}

/// The components of an application.
#[derive(Default)]
pub(super) struct Components {
    pub(super) http: BTreeMap<ComponentId, Arc<ComponentEntry<Http>>>,
    pub(super) functions: BTreeMap<ComponentId, Arc<ComponentEntry<Functions>>>,
    pub(super) messages: BTreeMap<ComponentId, Arc<ComponentEntry<Messages>>>,
    pub(super) statuses: Vec<ComponentStatus>,
    /// The function that runs the application's command.
    pub(super) command: Option<FunctionName>,
}

/// What a component is created from.
pub(super) struct Blueprint {
    pub(super) context: ComponentContext,
    pub(super) grants: Grants,
}

impl Startup<'_> {
    /// Creates these components.
    pub(super) fn components(&self, ids: &BTreeSet<ComponentId>) -> anyhow::Result<Components> {
        let mut base = Linker::new(&self.engine.wasm);
        capabilities::add_to_linker(&mut base)?;
        let mut blueprints = BTreeMap::new();
        for id in ids {
            let blueprint = self.blueprint(&self.app.components[id]);
            blueprints.insert(id, blueprint.with_context(|| format!("`{id}` can't be started"))?);
        }
        let cycles = cycles::find(&cycles::possible_calls(self.app, ids, &blueprints));
        let mut components = Components::default();
        for (id, mut blueprint) in blueprints {
            blueprint.context.cycle = cycles.get(id).copied();
            self.add(&self.app.components[id], blueprint, base.clone(), &mut components)
                .with_context(|| format!("`{id}` can't be started"))?;
        }
        Ok(components)
    }

    fn add(
        &self,
        component: &Component,
        blueprint: Blueprint,
        mut linker: Linker<State>,
        components: &mut Components,
    ) -> anyhow::Result<()> {
        let begun = Instant::now();
        let loaded = &self.code[&component.id];
        self.link(component, blueprint.grants.outbound.edges(), &mut linker)?;
        deny_what_is_not_inherited(&mut linker, &loaded.code)?;
        trap_unknown(&mut linker, &loaded.code, capabilities::offers)?;
        let Blueprint { context, grants } = blueprint;
        let (id, limits) = (context.id.clone(), context.limits.clone());
        let admission = Admission::new(id, limits, context.cycle, self.telemetry.clone());
        let (context, grants) = (Arc::new(context), Arc::new(grants));
        let wasm = &self.engine.wasm;
        let revision = Revision::new(self.engine, &linker, &loaded.code, context, grants)
            .map_err(|error| explain_import(error, wasm, &loaded.code, &component.id))?;
        self.check_handler(component, &revision)?;
        self.check_functions(component)?;
        if let Role::Program { .. } = &revision.component.role {
            let run = revision.command();
            components.command = Some(run.context(
                "it has a command trigger but does not export `wasi:cli/run`: build it as a program",
            )?);
        }
        let (admission, callee) = (Arc::new(admission), Arc::new(revision));
        let inbound = self.policies.inbound(component);
        let (id, faults) = (&component.id, self.faults);
        components.http.insert(id.clone(), entry(&admission, &callee, &inbound, faults));
        components.messages.insert(id.clone(), entry(&admission, &callee, &inbound, faults));
        components.functions.insert(id.clone(), entry(&admission, &callee, &inbound, faults));
        let instances: Arc<dyn Occupancy> = callee;
        components.statuses.push(ComponentStatus {
            admission,
            instances,
            source: loaded.source.clone(),
            revision: loaded.digest.clone(),
            loading: loaded.took,
            linking: begun.elapsed(),
        });
        Ok(())
    }

    /// Defines the imports that other components or the platform provide.
    fn link(
        &self,
        component: &Component,
        edges: &Edges,
        linker: &mut Linker<State>,
    ) -> anyhow::Result<()> {
        let wasm = &self.engine.wasm;
        let code = &self.code[&component.id].code;
        let policy = |callee: &ComponentId, function: &str| LinkPolicy {
            edge: edges.to(callee, Some(function)),
            is_idempotent: self.is_idempotent(callee, function),
        };
        let builder = LinkBuilder { engine: wasm, registry: self.functions, policy: &policy };
        for link in links::of(self.app, component) {
            let imports = links::covered_imports(wasm, code, link.dependency())?;
            match &link {
                Link::Component { callee, .. } => {
                    let code = self.code.get(callee).map(|callee| &callee.code);
                    imports
                        .iter()
                        .try_for_each(|import| builder.define(linker, import, callee, code))?;
                }
                Link::Host { .. } => imports
                    .iter()
                    .try_for_each(|(name, _)| platform::define(linker, name, self.platform))?,
            }
        }
        Ok(())
    }

    fn blueprint(&self, component: &Component) -> anyhow::Result<Blueprint> {
        let variables = Variables::of(component, self.variables)?;
        let mut environment: Vec<_> = component.environment.clone().into_iter().collect();
        environment.extend(self.environment.iter().cloned());
        if self.app.settings.declared {
            incarnation::announce(&mut environment, self.incarnation);
        }
        let context = ComponentContext {
            id: component.id.as_str().into(),
            limits: self.limits(component),
            cycle: None,
            environment,
            role: self.role(component)?,
            files: files::mounts(self.app, component, self.files, self.state_dir)?,
            output: self.outputs.of(&component.id)?,
            telemetry: self.telemetry.clone(),
            usage: Usage::default(),
        };
        let grants = Grants {
            stores: self.stores.select(&component.key_value_stores),
            databases: self.databases_of(component),
            models: component.ai_models.iter().cloned().collect(),
            llm: self.language_models.clone(),
            outbound: Arc::new(self.outbound(component, &variables)?),
            redis: Servers::default(),
            servers: DatabaseServers::default(),
            variables,
        };
        Ok(Blueprint { context, grants })
    }

    fn role(&self, component: &Component) -> anyhow::Result<Role> {
        let script = script_arguments(self.app, component);
        if !self.is_command(component) {
            return Ok(script.map_or(Role::Service, |arguments| Role::Script { arguments }));
        }
        if script.is_some() {
            bail!("it has a command trigger and the executor `wagi`: use two components");
        }
        let arguments = std::iter::once(component.id.clone());
        let arguments = arguments.chain(self.arguments.iter().cloned()).collect();
        Ok(Role::Program { arguments })
    }

    fn is_command(&self, component: &Component) -> bool {
        self.app.command.as_ref().is_some_and(|one| one.component == component.id)
    }

    fn limits(&self, component: &Component) -> Limits {
        let (own, app) = (&component.settings.limits, &self.app.settings);
        limits::resolve(own, app, &self.limits, self.is_command(component))
    }

    fn databases_of(&self, component: &Component) -> BTreeMap<String, Database> {
        let wanted = component.sqlite_databases.iter();
        let wanted = wanted.filter_map(|label| self.databases.get_key_value(label));
        wanted.map(|(label, database)| (label.clone(), database.clone())).collect()
    }

    fn outbound(&self, component: &Component, variables: &Variables) -> anyhow::Result<Outbound> {
        let mut allowed = Vec::new();
        for text in &component.allowed_outbound_hosts {
            let declared = |name: &str| self.app.variables.contains_key(name);
            // Reported with the manifest: like stock Spin, the host starts and denies the requests.
            if Template::parse(text).is_ok_and(|text| !text.variables().all(declared)) {
                continue;
            }
            let rendered = variables.render(text)?;
            match HostPattern::parse_rendered(&rendered) {
                Ok(pattern) => allowed.extend(pattern),
                // As in stock Spin: the rest of an application may not need what its variables name.
                Err(error) if !self.app.settings.declared => tracing::warn!(
                    component = %component.id,
                    "allowed_outbound_hosts: `{rendered}` allows nothing: {}; {}",
                    error.message,
                    error.hint
                ),
                Err(error) => {
                    bail!("allowed_outbound_hosts: `{rendered}`: {}; {}", error.message, error.hint)
                }
            }
        }
        let policies = RequestPolicies {
            components: self.policies.of_calls(self.app, component, variables)?,
            hosts: self.policies.of_hosts(component, variables)?,
        };
        Ok(Outbound::new(allowed, policies, self.network.clone()))
    }

    fn is_idempotent(&self, callee: &ComponentId, function: &str) -> bool {
        let callee = self.app.components.get(callee);
        callee.is_some_and(|callee| callee.settings.idempotent.iter().any(|one| one == function))
    }

    /// The functions that policies name exist: a misspelled one would have no effect.
    fn check_functions(&self, component: &Component) -> anyhow::Result<()> {
        let own = component.settings.idempotent.iter().map(|name| (&component.id, name));
        let called = component.settings.calls.iter().flat_map(|call| match &call.to {
            CallTarget::Component(callee) => {
                call.functions.iter().map(|name| (callee, name)).collect()
            }
            CallTarget::Host(_) => Vec::new(),
        });
        for (callee, name) in own.chain(called) {
            let code = self.code.get(callee).map(|callee| &callee.code);
            anyhow::ensure!(
                code.is_none_or(|code| exports(&self.engine.wasm, code, name)),
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

fn entry<P: Protocol>(
    admission: &Arc<Admission>,
    callee: &Arc<Revision<Guest>>,
    inbound: &Option<Arc<Edge>>,
    faults: &Option<Arc<Faults>>,
) -> Arc<ComponentEntry<P>>
where
    Revision<Guest>: Callee<P>,
{
    let (admission, callee) = (admission.clone(), callee.clone());
    Arc::new(ComponentEntry { admission, callee, inbound: inbound.clone(), faults: faults.clone() })
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

/// The arguments of a component that is called by the rules of CGI. Of several triggers, the last one
/// decides.
fn script_arguments(app: &App, component: &Component) -> Option<Arc<str>> {
    let handler = Handler::Component(component.id.clone());
    let trigger = app.http.iter().rfind(|trigger| trigger.handler == handler)?;
    match &trigger.executor {
        Executor::Wagi { argv } => Some(argv.as_str().into()),
        Executor::Http => None,
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
