//! Creates the components of an application: their contexts, links, and entries of the registry.

use super::code::Loaded;
use super::files::{self, FileOptions};
use super::limits::{self, OperatorLimits};
use super::linking::Linking;
use super::output::Outputs;
use super::policies::Policies;
use super::slots::{Instances, Revisions};
use super::{cycles, incarnation};
use crate::admin::ComponentStatus;
use crate::calls::{Admission, Callee, ComponentEntry, Edge, Limits, Protocol};
use crate::capabilities::llm;
use crate::capabilities::outbound_http::{NetworkContext, Outbound, RequestPolicies};
use crate::capabilities::redis::Servers;
use crate::capabilities::sqlite::Database;
use crate::capabilities::variables::{Values, Variables};
use crate::capabilities::{self, DatabaseServers, Grants, Guest, State};
use crate::chaos::Faults;
use crate::engine::{ComponentContext, FunctionName, Functions, Revision, Role, Usage};
use crate::message::{Http, Messages};
use crate::runtime_config::OpenStores;
use crate::telemetry::Telemetry;
use anyhow::{Context as _, bail};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use tessera_manifest::hosts::HostPattern;
use tessera_manifest::template::Template;
use tessera_manifest::{App, Component, ComponentId, Executor, Handler};
use wasmtime::component::Linker;

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
    pub(super) linking: &'a Linking,
    pub(super) code: &'a BTreeMap<ComponentId, Loaded>,
    pub(super) policies: &'a Policies,
    pub(super) faults: &'a Option<Arc<Faults>>,
}

/// The components of an application.
#[derive(Default)]
pub(super) struct Components {
    pub(super) http: BTreeMap<ComponentId, Arc<ComponentEntry<Http>>>,
    pub(super) functions: BTreeMap<ComponentId, Arc<ComponentEntry<Functions>>>,
    pub(super) messages: BTreeMap<ComponentId, Arc<ComponentEntry<Messages>>>,
    pub(super) revisions: BTreeMap<ComponentId, Arc<Revisions>>,
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
        let mut base = Linker::new(&self.linking.engine.wasm);
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
        base: Linker<State>,
        components: &mut Components,
    ) -> anyhow::Result<()> {
        let begun = Instant::now();
        let loaded = &self.code[&component.id];
        let Blueprint { context, grants } = blueprint;
        let (id, limits) = (context.id.clone(), context.limits.clone());
        let admission = Admission::new(id, limits, context.cycle, self.telemetry.clone());
        let (context, grants) = (Arc::new(context), Arc::new(grants));
        let code = |id: &str| self.code.get(id).map(|loaded| loaded.code.clone());
        let revision = self.linking.revision(component, base, &code, context, grants)?;
        if let Role::Program { .. } = &revision.component.role {
            let run = revision.command();
            components.command = Some(run.context(
                "it has a command trigger but does not export `wasi:cli/run`: build it as a program",
            )?);
        }
        let context = revision.component.clone();
        let revisions = Arc::new(Revisions::new(Arc::new(revision)));
        let admission = Arc::new(admission);
        let inbound = self.policies.inbound(component);
        let (id, faults) = (&component.id, self.faults);
        components.http.insert(id.clone(), entry(&admission, &revisions, &inbound, faults));
        components.messages.insert(id.clone(), entry(&admission, &revisions, &inbound, faults));
        components.functions.insert(id.clone(), entry(&admission, &revisions, &inbound, faults));
        components.revisions.insert(id.clone(), revisions.clone());
        components.statuses.push(ComponentStatus {
            admission,
            instances: Arc::new(Instances { context, revisions }),
            source: loaded.source.clone(),
            loading: loaded.took,
            linking: begun.elapsed(),
        });
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
}

fn entry<P: Protocol>(
    admission: &Arc<Admission>,
    revisions: &Arc<Revisions>,
    inbound: &Option<Arc<Edge>>,
    faults: &Option<Arc<Faults>>,
) -> Arc<ComponentEntry<P>>
where
    Revision<Guest>: Callee<P>,
{
    let (admission, versions) = (admission.clone(), revisions.clone());
    let (inbound, faults) = (inbound.clone(), faults.clone());
    Arc::new(ComponentEntry { admission, versions, inbound, faults })
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
