//! Creates the components of an application: their contexts, links, and entries of the registry.

use super::code::Loaded;
use super::configuration::Configuration;
use super::cycles;
use super::files::{self, FileOptions};
use super::linking::Linking;
use super::output::Outputs;
use super::site::Site;
use super::slots::{Configured, Instances, Revisions};
use crate::admin::ComponentStatus;
use crate::calls::{Admission, Callee, ComponentEntry, Cycle, Protocol, Terms};
use crate::capabilities::llm;
use crate::capabilities::redis::Servers;
use crate::capabilities::sqlite::Database;
use crate::capabilities::variables::Variables;
use crate::capabilities::{self, DatabaseServers, Grants, Guest, State};
use crate::chaos::Faults;
use crate::engine::{ComponentContext, FunctionName, Functions, Revision, Role, Usage};
use crate::message::{Http, Messages};
use crate::rollouts::{Resumed, Versioned};
use crate::runtime_config::OpenStores;
use anyhow::{Context as _, bail};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use tessera_manifest::{App, Component, ComponentId, Executor, Handler};
use wasmtime::component::Linker;

/// What is needed to create the components of an application.
pub(super) struct Startup<'a> {
    pub(super) site: &'a Site,
    pub(super) files: &'a FileOptions,
    pub(super) outputs: &'a Outputs<'a>,
    /// The arguments of the application's command.
    pub(super) arguments: &'a [String],
    pub(super) state_dir: &'a Path,
    pub(super) stores: &'a OpenStores,
    pub(super) databases: &'a BTreeMap<String, Database>,
    /// The server of language models, if there is one.
    pub(super) language_models: &'a Option<Arc<llm::Remote>>,
    pub(super) linking: &'a Linking,
    pub(super) code: &'a BTreeMap<ComponentId, Loaded>,
    /// What the components resume with.
    pub(super) resumed: &'a BTreeMap<ComponentId, Resumed>,
    pub(super) faults: &'a Option<Arc<Faults>>,
}

/// The components of an application.
#[derive(Default)]
pub(super) struct Components {
    pub(super) http: BTreeMap<ComponentId, Arc<ComponentEntry<Http>>>,
    pub(super) functions: BTreeMap<ComponentId, Arc<ComponentEntry<Functions>>>,
    pub(super) messages: BTreeMap<ComponentId, Arc<ComponentEntry<Messages>>>,
    pub(super) revisions: BTreeMap<ComponentId, Arc<Revisions>>,
    /// Those that can call each other.
    pub(super) cycles: BTreeMap<ComponentId, Cycle>,
    pub(super) statuses: Vec<ComponentStatus>,
    /// The function that runs the application's command.
    pub(super) command: Option<FunctionName>,
}

/// What a component is created from.
pub(super) struct Blueprint {
    pub(super) context: ComponentContext,
    pub(super) grants: Grants,
    pub(super) configured: Configured,
}

impl Startup<'_> {
    /// Creates these components.
    pub(super) fn components(&self, ids: &BTreeSet<ComponentId>) -> anyhow::Result<Components> {
        let mut base = Linker::new(&self.linking.engine.wasm);
        capabilities::add_to_linker(&mut base)?;
        let mut blueprints = BTreeMap::new();
        for id in ids {
            let blueprint = self.blueprint(&self.app().components[id]);
            blueprints.insert(id, blueprint.with_context(|| format!("`{id}` can't be started"))?);
        }
        let outbound = |id: &ComponentId| blueprints[id].grants.outbound.clone();
        let cycles = cycles::find(&cycles::possible_calls(self.app(), ids, &outbound));
        let mut components = Components { cycles: cycles.clone(), ..Components::default() };
        for (id, mut blueprint) in blueprints {
            blueprint.context.cycle = cycles.get(id).copied();
            self.add(&self.app().components[id], blueprint, base.clone(), &mut components)
                .with_context(|| format!("`{id}` can't be started"))?;
        }
        Ok(components)
    }

    fn add(
        &self,
        component: &Component,
        blueprint: Blueprint,
        base: Linker<State>,
        components: &mut Components,
    ) -> anyhow::Result<()> {
        let begun = Instant::now();
        let loaded = &self.code[&component.id];
        let Blueprint { context, grants, configured } = blueprint;
        let (id, limits) = (context.id.clone(), context.limits.clone());
        let telemetry = self.site.telemetry.clone();
        let admission = Arc::new(Admission::new(id.clone(), limits, context.cycle, telemetry));
        let (context, grants) = (Arc::new(context), Arc::new(grants));
        let code = |id: &str| self.code.get(id).map(|loaded| loaded.code.clone());
        let configuration = &configured.configuration;
        let revision =
            self.linking.revision(component, configuration, base, &code, context, grants)?;
        if let Role::Program { .. } = &revision.component.role {
            let run = revision.command();
            components.command = Some(run.context(
                "it has a command trigger but does not export `wasi:cli/run`: build it as a program",
            )?);
        }
        let context = revision.component.clone();
        configured.policies.set_in_use(true);
        let terms = Terms { admission, inbound: configured.policies.inbound.clone() };
        let revisions = Arc::new(Revisions::new(Versioned {
            revision: Arc::new(revision),
            terms: Arc::new(terms),
            configured: Arc::new(configured),
        }));
        let faults = self.faults;
        components.http.insert(component.id.clone(), entry(&revisions, faults));
        components.messages.insert(component.id.clone(), entry(&revisions, faults));
        components.functions.insert(component.id.clone(), entry(&revisions, faults));
        components.revisions.insert(component.id.clone(), revisions.clone());
        components.statuses.push(ComponentStatus {
            id,
            terms: revisions.clone(),
            instances: Arc::new(Instances { context, revisions }),
            source: loaded.source.clone(),
            loading: loaded.took,
            linking: begun.elapsed(),
        });
        Ok(())
    }

    fn blueprint(&self, component: &Component) -> anyhow::Result<Blueprint> {
        let configuration = Configuration::read(&self.resumed[&component.id].settings)?;
        let policies = self.site.policies(&component.id, &configuration)?;
        let requests = policies.requests.clone();
        let outbound = self.site.outbound(component, &configuration, requests)?;
        let context = ComponentContext {
            id: component.id.as_str().into(),
            limits: self.site.limits(&component.id, &configuration),
            cycle: None,
            environment: self.site.environment(&configuration),
            role: self.role(component)?,
            files: files::mounts(self.app(), component, self.files, self.state_dir)?,
            output: self.outputs.of(&component.id)?,
            telemetry: self.site.telemetry.clone(),
            usage: Usage::default(),
        };
        let grants = Grants {
            stores: self.stores.select(&component.key_value_stores),
            databases: self.databases_of(component),
            models: component.ai_models.iter().cloned().collect(),
            llm: self.language_models.clone(),
            outbound: Arc::new(outbound),
            redis: Servers::default(),
            servers: DatabaseServers::default(),
            variables: Variables::new(configuration.values()),
        };
        Ok(Blueprint { context, grants, configured: Configured { configuration, policies } })
    }

    fn role(&self, component: &Component) -> anyhow::Result<Role> {
        let script = script_arguments(self.app(), component);
        if !self.site.is_command(&component.id) {
            return Ok(script.map_or(Role::Service, |arguments| Role::Script { arguments }));
        }
        if script.is_some() {
            bail!("it has a command trigger and the executor `wagi`: use two components");
        }
        let arguments = std::iter::once(component.id.clone());
        let arguments = arguments.chain(self.arguments.iter().cloned()).collect();
        Ok(Role::Program { arguments })
    }

    fn app(&self) -> &App {
        &self.site.app
    }

    fn databases_of(&self, component: &Component) -> BTreeMap<String, Database> {
        let wanted = component.sqlite_databases.iter();
        let wanted = wanted.filter_map(|label| self.databases.get_key_value(label));
        wanted.map(|(label, database)| (label.clone(), database.clone())).collect()
    }
}

fn entry<P: Protocol>(
    revisions: &Arc<Revisions>,
    faults: &Option<Arc<Faults>>,
) -> Arc<ComponentEntry<P>>
where
    Revision<Guest>: Callee<P>,
{
    Arc::new(ComponentEntry { versions: revisions.clone(), faults: faults.clone() })
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
