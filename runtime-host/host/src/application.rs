//! From a manifest to components in service.
//!
//! The order: what may run, its stores, its code (compiled in parallel), its links, and
//! only when all of that is right, the registry. A fault anywhere leaves nothing running.

mod code;
mod cycles;
mod events;
mod exposure;
mod files;
mod generated;
mod incarnation;
mod instances;
mod private;
mod startup_timings;
mod variables;

use crate::admin::AdminState;
use crate::calls::{Admission, Limits, Loopback};
use crate::capabilities;
use crate::capabilities::outbound_http::{Client, NetworkContext, Outbound};
use crate::capabilities::platform::Platform;
use crate::capabilities::variables::{Values, Variables};
use crate::engine::{Capacity, ComponentContext, Engine, InstanceBudget, Revision, State};
use crate::links::{self, Link};
use crate::readiness::Readiness;
use crate::registry::{Registry, Slot, Started};
use crate::runtime_config::{OpenStores, RuntimeConfig};
use crate::telemetry::Telemetry;
use crate::triggers::events::Deliverer;
use crate::triggers::hooks::Hooks;
use crate::triggers::http::{Router, Service};
use crate::triggers::schedule::Schedules;
use anyhow::{Context as _, anyhow};
use arc_swap::ArcSwap;
use code::Loaded;
pub(crate) use private::keep_to_ourselves;
use startup_timings::StartupTimings;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Instant;
use tessera_events::Log;
use tessera_events::delivery::{self, Handle};
use tessera_events::embedded::Embedded;
use tessera_manifest::hosts::HostPattern;
use tessera_manifest::{App, Component, ComponentId, Handler, Route};
use wasmtime::component::Linker;

/// What the operator chose.
pub(crate) struct Options {
    pub(crate) state_dir: Option<PathBuf>,
    /// Where compiled code is kept; none means in the state directory.
    pub(crate) cache_dir: Option<PathBuf>,
    pub(crate) runtime_config_file: Option<PathBuf>,
    pub(crate) variables: Vec<(String, String)>,
    pub(crate) environment: Vec<(String, String)>,
    /// The limits of all instances together.
    pub(crate) capacity: Capacity,
    /// Whether bars may be drawn on a terminal.
    pub(crate) bars: bool,
    /// Whether clients come by HTTPS.
    pub(crate) tls: bool,
    /// Start with secrets that the manifest publishes, also on addresses that others can reach.
    pub(crate) insecure_defaults: bool,
}

/// An application in service.
pub(crate) struct Running {
    app: App,
    state_dir: PathBuf,
    registry: Arc<Registry>,
    telemetry: Arc<Telemetry>,
    stores: OpenStores,
    budget: Arc<InstanceBudget>,
    /// None if no component has to do with events.
    events: Option<Arc<Embedded>>,
    readiness: Arc<Readiness>,
    service: Arc<Service>,
}

/// Start an application that will be served at `front_door`.
pub(crate) async fn start(
    app: App,
    options: Options,
    front_door: SocketAddr,
) -> anyhow::Result<Running> {
    let mut timings = StartupTimings::begin();
    let config = runtime_config(options.runtime_config_file.as_deref())?;
    let state_dir = options.state_dir.clone().or_else(|| config.state_dir.clone());
    let state_dir = state_dir.unwrap_or_else(|| crate::commands::default_state_dir(&app));
    private::state_folder(&state_dir)?;
    config.files().for_each(private::database);
    let telemetry = Arc::<Telemetry>::default();
    let registry = Arc::<Registry>::default();
    let ids = components_to_run(&app);
    timings.end("configuration");
    let labels = ids.iter().flat_map(|id| app.components[id].key_value_stores.clone()).collect();
    let stores = config.open_stores(&labels, &state_dir).await?;
    let incarnation = incarnation::next(&state_dir)?;
    timings.end("stores");
    // Only after this process has locked the state directory, which contains the generated secrets.
    let (variables, generated) =
        variables::decide(&app, &options, &config, &state_dir, front_door)?;
    instances::check(&app, &ids, &variables, options.capacity.instances_max)?;
    timings.end("variables");
    let events = events::open(&app, &ids, &state_dir)?;
    timings.end("events");
    let readiness = Arc::new(readiness(&app, &ids, &stores, events.clone()));
    let cache_dir = options.cache_dir.clone().unwrap_or_else(|| state_dir.join("cache"));
    let engine = Engine::new(&cache_dir, options.capacity, telemetry.clone())?;
    timings.end("engine");
    let code = code::load(&app, &ids, &engine, options.bars).await?;
    timings.end("code");
    let network = Arc::new(NetworkContext {
        registry: registry.clone(),
        client: Client::new(),
        front_door: OnceLock::from(front_door),
        loopback: Loopback::default(),
        readiness: readiness.clone(),
    });
    let startup = Startup {
        app: &app,
        options: &options,
        incarnation,
        state_dir: &state_dir,
        stores: &stores,
        telemetry: &telemetry,
        variables: &variables,
        network: &network,
        registry: &registry,
        engine: &engine,
        code: &code,
        platform: &Arc::new(Platform::new(events.clone().map(published_to))),
    };
    registry.install(startup.slots(&ids)?);
    let budget = engine.budget.clone();
    let router = Router::new(&app).map_err(|error| anyhow!("{}", error.message))?;
    let loopback = network.loopback.clone();
    let service = Arc::new(Service { router, registry: registry.clone(), loopback });
    timings.end("links");
    generated.keep(&state_dir)?;
    timings.tell();
    tokio::spawn(stores.engines().sweep_expired());
    Ok(Running { app, state_dir, registry, telemetry, stores, budget, events, readiness, service })
}

/// The inputs of the components' readiness.
fn readiness(
    app: &App,
    ids: &BTreeSet<ComponentId>,
    stores: &OpenStores,
    events: Option<Arc<Embedded>>,
) -> Readiness {
    let labels = ids.iter().map(|id| (id.clone(), app.components[id].key_value_stores.clone()));
    Readiness::new(stores.engines().embedded, labels.collect(), events)
}

/// The log as functions see it.
fn published_to(log: Arc<Embedded>) -> Arc<dyn Log> {
    #[cfg(feature = "fault-points")]
    let log = Arc::new(crate::fault_points::FaultyLog(log));
    log
}

fn runtime_config(path: Option<&Path>) -> anyhow::Result<RuntimeConfig> {
    let Some(path) = path else { return Ok(RuntimeConfig::default()) };
    let config = RuntimeConfig::load(path)?;
    for warning in &config.warnings {
        tracing::warn!("{}: {warning}", path.display());
    }
    Ok(config)
}

/// Everything with a trigger, and everything that a link leads to. The rest is parts of
/// other components, or meant for hosts that lack what this one has.
fn components_to_run(app: &App) -> BTreeSet<ComponentId> {
    let triggered = app.http.iter().filter_map(|trigger| match &trigger.handler {
        Handler::Component(id) => Some(id.clone()),
        Handler::Static(_) => None,
    });
    let linked = app.components.values().flat_map(|component| links::of(app, component));
    let linked = linked.filter_map(|link| match link {
        Link::Component { callee, .. } => Some(callee),
        Link::Host { .. } => None,
    });
    triggered.chain(linked).filter(|id| !app.components[id].settings.stock_only).collect()
}

/// What is needed to start the components of an application.
struct Startup<'a> {
    app: &'a App,
    options: &'a Options,
    incarnation: u64,
    state_dir: &'a Path,
    stores: &'a OpenStores,
    telemetry: &'a Arc<Telemetry>,
    variables: &'a Values,
    network: &'a Arc<NetworkContext>,
    registry: &'a Arc<Registry>,
    engine: &'a Engine,
    code: &'a BTreeMap<ComponentId, Loaded>,
    platform: &'a Arc<Platform>,
}

impl Startup<'_> {
    fn slots(
        &self,
        ids: &BTreeSet<ComponentId>,
    ) -> anyhow::Result<BTreeMap<ComponentId, Arc<Slot>>> {
        let mut base = Linker::new(&self.engine.wasm);
        capabilities::add_to_linker(&mut base)?;
        let mut contexts = BTreeMap::new();
        for id in ids {
            let context = self.context(&self.app.components[id]);
            contexts.insert(id, context.with_context(|| format!("`{id}` can't be started"))?);
        }
        let cycles = cycles::find(&self.possible_calls(ids, &contexts));
        let mut slots = BTreeMap::new();
        for (id, mut context) in contexts {
            context.cycle = cycles.get(id).copied();
            let slot = self.slot(&self.app.components[id], context, base.clone());
            let slot = slot.with_context(|| format!("`{id}` can't be started"))?;
            slots.insert(id.clone(), Arc::new(slot));
        }
        Ok(slots)
    }

    fn slot(
        &self,
        component: &Component,
        context: ComponentContext,
        mut linker: Linker<State>,
    ) -> anyhow::Result<Slot> {
        let begun = Instant::now();
        let code = &self.code[&component.id].code;
        let maker = links::LinkBuilder {
            engine: &self.engine.wasm,
            registry: self.registry,
            platform: self.platform,
        };
        for link in links::of(self.app, component) {
            let callee = match &link {
                Link::Component { callee, .. } => self.code.get(callee).map(|callee| &callee.code),
                Link::Host { .. } => None,
            };
            maker.define(&mut linker, &link, code, callee)?;
        }
        crate::engine::deny_what_is_not_inherited(&mut linker, code)?;
        let context = Arc::new(context);
        let (id, limits) = (context.id.clone(), context.limits.clone());
        let admission = Admission::new(id, limits, context.cycle, self.telemetry.clone());
        let revision = Revision::new(self.engine, &linker, code, context)
            .map_err(|error| explain_import(error, component))?;
        self.check_handler(component, &revision)?;
        let started = Started { code: self.code[&component.id].took, links: begun.elapsed() };
        Ok(Slot { admission, revision: ArcSwap::from_pointee(revision), started })
    }

    fn context(&self, component: &Component) -> anyhow::Result<ComponentContext> {
        let variables = Variables::of(component, self.variables)?;
        let limits = Limits::resolve(&component.settings.limits, &self.app.settings.limits);
        let mut environment: Vec<_> = component.environment.clone().into_iter().collect();
        environment.extend(self.options.environment.iter().cloned());
        incarnation::announce(&mut environment, self.incarnation);
        Ok(ComponentContext {
            id: component.id.as_str().into(),
            limits,
            cycle: None,
            environment,
            files: files::mount(self.app, component, self.state_dir)?,
            stores: self.stores.select(&component.key_value_stores),
            outbound: Arc::new(self.outbound(component, &variables)?),
            variables,
            telemetry: self.telemetry.clone(),
        })
    }

    fn outbound(&self, component: &Component, variables: &Variables) -> anyhow::Result<Outbound> {
        let parse = |text: &String| {
            let rendered = variables.render(text)?;
            HostPattern::parse(&rendered).map_err(|error| {
                anyhow!("allowed_outbound_hosts: `{rendered}`: {}; {}", error.message, error.hint)
            })
        };
        let allowed =
            component.allowed_outbound_hosts.iter().map(parse).collect::<Result<_, _>>()?;
        Ok(Outbound::new(allowed, self.network.clone()))
    }

    fn check_handler(&self, component: &Component, revision: &Revision) -> anyhow::Result<()> {
        let serves = self.app.http.iter().any(
            |trigger| matches!(&trigger.handler, Handler::Component(id) if *id == component.id),
        );
        anyhow::ensure!(
            !serves || revision.serves_http(),
            "it has an HTTP trigger but exports neither wasi:http/handler@0.3 nor \
             wasi:http/incoming-handler@0.2"
        );
        Ok(())
    }
}

/// For an import without a provider, adds the line that would name one.
fn explain_import(error: anyhow::Error, component: &Component) -> anyhow::Error {
    // wasmtime says which one it is in its message and nowhere else.
    let text = format!("{error:#}");
    let import = text.split_once('`').and_then(|(_, rest)| rest.split_once('`'));
    let import = import.map_or("<the import>", |(import, _)| import);
    error.context(format!(
        "the host does not offer `{import}`. Name the component that exports it, in \
         [component.{}.dependencies]: \"{import}\" = {{ component = \"<its id>\" }}",
        component.id
    ))
}

impl Running {
    pub(crate) fn name(&self) -> &str {
        &self.app.name
    }

    /// How many components are in service.
    pub(crate) fn components(&self) -> usize {
        self.registry.all().len()
    }

    /// Whether there is an event log.
    pub(crate) fn has_events(&self) -> bool {
        self.events.is_some()
    }

    pub(crate) fn state_dir(&self) -> &Path {
        &self.state_dir
    }

    pub(crate) fn service(&self) -> Arc<Service> {
        self.service.clone()
    }

    pub(crate) fn telemetry(&self) -> Arc<Telemetry> {
        self.telemetry.clone()
    }

    /// What the admin listener shows.
    pub(crate) fn admin_state(&self) -> AdminState {
        AdminState {
            telemetry: self.telemetry.clone(),
            registry: self.registry.clone(),
            budget: self.budget.clone(),
            events: self.events.clone().map(|log| log as Arc<dyn Log>),
            readiness: self.readiness.clone(),
        }
    }

    /// Whether the host is ready for new requests.
    pub(crate) fn readiness(&self) -> Arc<Readiness> {
        self.readiness.clone()
    }

    /// Public routes and who answers them.
    pub(crate) fn routes(&self) -> Vec<(String, String)> {
        let shown = |trigger: &tessera_manifest::HttpTrigger| {
            let Route::Path(route) = &trigger.route else { return None };
            let handler = match &trigger.handler {
                Handler::Component(id) => id.clone(),
                Handler::Static(_) => "(static response)".to_owned(),
            };
            Some((route.clone(), handler))
        };
        self.app.http.iter().filter_map(shown).collect()
    }

    /// Who is called by the host itself.
    pub(crate) fn hooks(&self) -> Hooks {
        Hooks::of(&self.app, self.registry.clone())
    }

    /// What runs again and again.
    pub(crate) fn schedules(&self) -> Schedules {
        Schedules::of(&self.app, self.registry.clone())
    }

    /// Begin to deliver events.
    pub(crate) fn deliver(&self) -> Option<Handle> {
        let deliverer =
            Deliverer { registry: self.registry.clone(), telemetry: self.telemetry.clone() };
        let queue = self.events.clone()?;
        #[cfg(feature = "fault-points")]
        let (queue, deliverer) = (
            Arc::new(crate::fault_points::FaultyQueue(queue)),
            crate::fault_points::DuplicateDeliveries::new(deliverer),
        );
        Some(delivery::Service::new(queue, Arc::new(deliverer)).start())
    }

    /// Finish all writes and let go of the stores, and then of the event log.
    pub(crate) async fn close(self) -> anyhow::Result<()> {
        self.stores.close().await?;
        if let Some(log) = self.events {
            log.close().await?;
        }
        Ok(())
    }
}
