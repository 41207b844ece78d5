//! From a manifest to components in service.
//!
//! The order: which components run, their stores, their code (compiled in parallel), their links,
//! and only when all of that is valid, the registry. After any failure, nothing runs.

mod checking;
mod code;
mod components;
mod configuration;
mod configurator;
mod cycles;
mod effective_policies;
mod events;
mod exposure;
mod feature_flags;
mod files;
mod generated;
mod incarnation;
mod initial_data;
mod instances;
mod limits;
mod linking;
mod middleware;
mod operator_values;
mod output;
mod policies;
mod private;
mod pulled;
mod pushed;
mod redis;
mod running;
mod site;
mod slots;
mod sources;
mod startup_timings;
mod state_dir;
mod variables;

use crate::calls::Loopback;
use crate::capabilities::outbound_http::{Client, NetworkContext, OwnAddress};
use crate::capabilities::platform::Platform;
use crate::capabilities::variables::Values;
use crate::chaos::{Faults, FaultyEvents};
use crate::engine::{Engine, EngineOptions, Functions};
use crate::feature_flags::FeatureFlags;
use crate::links;
use crate::message::{Http, Messages};
use crate::readiness::Readiness;
use crate::registry::Registry;
use crate::rollouts::{self, Parts, Records, Resumed, Rollouts};
use crate::runtime_config::{OpenStores, RuntimeConfig};
use crate::telemetry::otlp::Export;
use crate::telemetry::{RecentLogs, Telemetry};
use crate::triggers::http::{Router, Service, WellKnown};
use crate::triggers::redis::RedisTriggers;
use crate::triggers::runs;
use anyhow::{Context as _, anyhow};
pub(crate) use checking::{Findings, check_contract};
use components::Startup;
pub(crate) use configurator::Reread;
use configurator::{Configurator, Inputs, Started};
pub(crate) use effective_policies::policies_table;
pub(crate) use files::FileOptions;
use http::uri::Scheme;
pub(crate) use initial_data::{InitialData, Statements};
pub(crate) use limits::OperatorLimits;
use linking::Linking;
use operator_values::OperatorValues;
pub(crate) use output::GuestOutputOptions;
use output::Outputs;
pub(crate) use private::keep_to_ourselves;
pub(crate) use pulled::{Pull, Pulled, pull, pull_component};
pub(crate) use pushed::{Push, Pushed, push};
pub(crate) use running::Running;
use rustls::pki_types::CertificateDer;
use site::Site;
use slots::{ComponentSlot, Workshop};
use startup_timings::StartupTimings;
use state_dir::StateDir;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tessera_events::Log;
use tessera_events::embedded::Embedded;
use tessera_manifest::{App, ComponentId, Handler};
pub(crate) use variables::VariableFlag;

/// What the operator chose.
pub(crate) struct Options {
    /// An empty path means a temporary directory.
    pub(crate) state_dir: Option<PathBuf>,
    /// The state directory if neither the operator nor the runtime configuration names one.
    pub(crate) default_state_dir: PathBuf,
    /// Where compiled code is kept; none means in the state directory.
    pub(crate) cache_dir: Option<PathBuf>,
    pub(crate) runtime_config_file: Option<PathBuf>,
    /// What is written to stores before components start.
    pub(crate) data: InitialData,
    pub(crate) variables: Vec<VariableFlag>,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) files: FileOptions,
    pub(crate) output: GuestOutputOptions,
    pub(crate) engine: EngineOptions,
    /// The limits of each component.
    pub(crate) limits: OperatorLimits,
    /// The memory of the answers that policies keep.
    pub(crate) answers_max_bytes: usize,
    /// Whether bars may be drawn on a terminal.
    pub(crate) bars: bool,
    /// The certificate of the application's own address, if clients come by HTTPS.
    pub(crate) own_certificate: Option<CertificateDer<'static>>,
    /// The arguments of the application's command.
    pub(crate) arguments: Vec<String>,
    /// Whether each request from outside is a line of the log.
    pub(crate) logs_access: bool,
    /// Where telemetry is exported.
    pub(crate) export: Arc<Export>,
    /// The latest log lines of this process.
    pub(crate) logs: Arc<RecentLogs>,
    /// Start with secrets that the manifest publishes, also on addresses that others can reach.
    pub(crate) insecure_defaults: bool,
    /// Whether an operator may inject faults.
    pub(crate) chaos: bool,
    /// Reads the manifest and the values of flags again.
    pub(crate) reread: Reread,
}

/// Starts an application that will be served at `own_address`.
#[expect(
    clippy::disallowed_methods,
    reason = "expired keys are removed until the stores are closed"
)]
pub(crate) async fn start(
    mut app: App,
    options: Options,
    own_address: SocketAddr,
) -> anyhow::Result<Running> {
    let mut timings = StartupTimings::begin();
    let written = app.clone();
    let config = runtime_config(options.runtime_config_file.as_deref())?;
    let kept = StateDir::of(&options, config.state_dir.as_deref())?;
    let state_dir = kept.path().to_owned();
    private::state_folder(&state_dir)?;
    let outputs = Outputs::new(&app, &options.output, config.log_dir.as_deref())?;
    config.files().for_each(private::database);
    let telemetry = Arc::new(Telemetry::new(options.export.clone(), options.logs.clone()));
    let faults = options.chaos.then(|| Arc::new(Faults::new(telemetry.clone())));
    let cache_dir = options.cache_dir.clone().unwrap_or_else(|| state_dir.join("cache"));
    sources::fetch(&mut app, &cache_dir).await?;
    let middleware = middleware::separate(&mut app);
    let ids = components_to_run(&app);
    timings.end("configuration");
    let stores = config.open_stores(&store_labels(&app, &ids, &options), &state_dir).await?;
    let databases = config.databases(&database_labels(&app, &ids), &state_dir)?;
    options.data.write(&config, &stores, &state_dir).await?;
    let user = ids.iter().find(|id| !app.components[*id].ai_models.is_empty());
    let language_models = config.language_models(user.map(String::as_str))?;
    let stores = stores.with_faults(&faults);
    let incarnation = incarnation::next(&state_dir)?;
    timings.end("stores");
    // Only after this process has locked the state directory, which contains the generated secrets.
    let inputs = inputs(written, &options, &config, &state_dir).await?;
    let (variables, generated) =
        variables::decide(&app, &options, inputs.all(), &state_dir, own_address)?;
    instances::check(&app, &ids, &variables, options.engine.capacity.instances_max)?;
    let redis = redis::servers(&app, &ids, &variables)?;
    timings.end("variables");
    let limits = operator_limits(&options, &config);
    let events = events::open(&app, &ids, &limits, &state_dir)?;
    timings.end("events");
    let flags = feature_flags::open(&app, &state_dir)?;
    let readiness = Arc::new(readiness(&app, &ids, &stores, events.clone()));
    let engine = Engine::new(&cache_dir, options.engine, telemetry.clone())?;
    timings.end("engine");
    let records = Records::open(&state_dir)?;
    let resumed = resumed(&records, &app, &ids, &variables)?;
    let code =
        code::load(&app, &ids, &middleware, &engine, options.bars, (&records, &resumed)).await?;
    timings.end("code");
    let registry = Arc::<Registry<Http>>::default();
    let (functions, messages) = <(Arc<Registry<Functions>>, Arc<Registry<Messages>>)>::default();
    let client = Client::new(options.own_certificate.clone(), &config.outbound)?;
    let own = OwnAddress { scheme: scheme(&options), socket: own_address };
    let network = Arc::new(network(&app, registry.clone(), client, own, &readiness, &faults));
    let app = Arc::new(app);
    let linking = linking(&app, &engine, &functions, platform(&events, &flags, &faults));
    let site = Arc::new(site(&app, &options, (incarnation, limits), &network, &telemetry));
    let startup = Startup {
        site: &site,
        files: &options.files,
        outputs: &outputs,
        arguments: &options.arguments,
        state_dir: &state_dir,
        stores: &stores,
        databases: &databases,
        language_models: &language_models,
        linking: &linking,
        code: &code,
        resumed: &resumed,
        faults: &faults,
    };
    let components = startup.components(&ids)?;
    registry.install(components.http);
    functions.install(components.functions);
    messages.install(components.messages);
    let (revisions, cycles) = (components.revisions, components.cycles);
    let workshop =
        Arc::new(Workshop { site: site.clone(), linking, middleware, revisions, cycles });
    let rollouts = rollouts(&workshop, resumed, records);
    let service = service(&app, &network, &telemetry, options.logs_access)?;
    timings.end("links");
    generated.keep(&state_dir)?;
    timings.log();
    tokio::spawn(stores.engines().sweep_expired());
    let started = Started { options, state_dir, own_address, runtime_config: config.text };
    Ok(Running {
        configurator: Arc::new(Configurator::new(workshop, rollouts.clone(), started, inputs)),
        runs: runs::of(&app),
        app,
        state_dir: kept,
        registry,
        redis: RedisTriggers { registry: messages, servers: redis },
        functions,
        command: components.command,
        components: components.statuses.into(),
        rollouts,
        edges: site.edges.clone(),
        flags,
        faults,
        telemetry,
        stores,
        budget: engine.budget.clone(),
        events,
        readiness,
        service,
    })
}

/// The key-value stores of these components, and those that the operator fills.
fn store_labels(app: &App, ids: &BTreeSet<ComponentId>, options: &Options) -> BTreeSet<String> {
    let labels = ids.iter().flat_map(|id| app.components[id].key_value_stores.clone());
    labels.chain(options.data.stores()).collect()
}

/// The SQLite databases of these components.
fn database_labels(app: &App, ids: &BTreeSet<ComponentId>) -> BTreeSet<String> {
    ids.iter().flat_map(|id| app.components[id].sqlite_databases.clone()).collect()
}

/// Where the values of variables come from.
async fn inputs(
    written: App,
    options: &Options,
    config: &RuntimeConfig,
    state_dir: &Path,
) -> anyhow::Result<Inputs> {
    let sources = variables::sources(&written, &options.variables, config).await?;
    Ok(Inputs::new(written, sources, OperatorValues::read(state_dir)?))
}

/// What configurations are applied with.
fn site(
    app: &Arc<App>,
    options: &Options,
    (incarnation, limits): (u64, OperatorLimits),
    network: &Arc<NetworkContext>,
    telemetry: &Arc<Telemetry>,
) -> Site {
    Site {
        app: app.clone(),
        environment: options.environment.clone(),
        incarnation,
        limits,
        network: network.clone(),
        edges: policies::edges(telemetry, options.answers_max_bytes),
        telemetry: telemetry.clone(),
    }
}

/// What the imports of components are defined with.
fn linking(
    app: &Arc<App>,
    engine: &Engine,
    functions: &Arc<Registry<Functions>>,
    platform: Arc<Platform>,
) -> Linking {
    Linking { app: app.clone(), engine: engine.clone(), functions: functions.clone(), platform }
}

/// What the platform keeps for its functions.
fn platform(
    events: &Option<Arc<Embedded>>,
    flags: &Arc<FeatureFlags>,
    faults: &Option<Arc<Faults>>,
) -> Arc<Platform> {
    let log = events.clone().map(|log| log_of_components(log, faults));
    Arc::new(Platform::new(log, flags.clone()))
}

/// What components resume with that were deployed before.
fn resumed(
    records: &Records,
    app: &App,
    ids: &BTreeSet<ComponentId>,
    variables: &Values,
) -> anyhow::Result<BTreeMap<ComponentId, Resumed>> {
    let mut all = BTreeMap::new();
    for (id, settings) in configuration::all(app, ids, variables)? {
        let resumed = code::of_manifest(&app.components[&id]).and_then(|code| {
            let origin = Parts { code, settings: records.stage_settings(&settings)? };
            records.resume(&id, origin, &settings)
        });
        let resumed = resumed.with_context(|| format!("`{id}` can't be started"))?;
        all.insert(id, resumed);
    }
    Ok(all)
}

/// How an operator changes the components.
fn rollouts(
    workshop: &Arc<Workshop>,
    resumed: BTreeMap<ComponentId, Resumed>,
    records: Records,
) -> Arc<Rollouts> {
    let mut components = BTreeMap::new();
    for (id, resumed) in resumed {
        let Some(revisions) = workshop.revisions.get(&id).cloned() else { continue };
        let slot =
            Arc::new(ComponentSlot { workshop: workshop.clone(), id: id.clone(), revisions });
        components.insert(id, rollouts::Component::new(slot, resumed.record));
    }
    Rollouts::new(components, records)
}

/// What the requests of all components need.
fn network(
    app: &App,
    registry: Arc<Registry<Http>>,
    client: Client,
    own: OwnAddress,
    readiness: &Arc<Readiness>,
    faults: &Option<Arc<Faults>>,
) -> NetworkContext {
    NetworkContext {
        registry,
        client,
        own,
        loopback: Loopback::default(),
        readiness: readiness.clone(),
        is_traced: app.settings.declared,
        faults: faults.clone(),
    }
}

/// What the listener of the application serves.
fn service(
    app: &App,
    network: &NetworkContext,
    telemetry: &Arc<Telemetry>,
    logs_access: bool,
) -> anyhow::Result<Arc<Service>> {
    let router = Router::new(app).map_err(|error| anyhow!("{}", error.message))?;
    Ok(Arc::new(Service {
        router,
        registry: network.registry.clone(),
        loopback: network.loopback.clone(),
        telemetry: telemetry.clone(),
        logs_access,
        well_known: WellKnown::new(app),
        as_stock: !app.settings.declared,
    }))
}

/// The limits of each component by flags, or else by the runtime configuration.
fn operator_limits(options: &Options, config: &RuntimeConfig) -> OperatorLimits {
    let memory_max_bytes = options.limits.memory_max_bytes.or(config.max_instance_memory);
    OperatorLimits { memory_max_bytes, ..options.limits }
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

/// The log as components use it.
fn log_of_components(log: Arc<Embedded>, faults: &Option<Arc<Faults>>) -> Arc<dyn Log> {
    #[cfg(feature = "fault-points")]
    let log = Arc::new(crate::fault_points::FaultyLog(log));
    match faults {
        Some(faults) => Arc::new(FaultyEvents { log, faults: faults.clone() }),
        None => log,
    }
}

fn runtime_config(path: Option<&Path>) -> anyhow::Result<RuntimeConfig> {
    let Some(path) = path else { return Ok(RuntimeConfig::default()) };
    let config = RuntimeConfig::load(path)?;
    for warning in &config.warnings {
        tracing::warn!("{}: {warning}", path.display());
    }
    Ok(config)
}

/// The scheme of the application's own address.
fn scheme(options: &Options) -> Scheme {
    if options.own_certificate.is_some() { Scheme::HTTPS } else { Scheme::HTTP }
}

/// The components with a trigger, and those that a link leads to. The others are parts of
/// components, or for hosts without the features of this one.
fn components_to_run(app: &App) -> BTreeSet<ComponentId> {
    let triggered = app.http.iter().filter_map(|trigger| match &trigger.handler {
        Handler::Component(id) => Some(id.clone()),
        Handler::Static(_) => None,
    });
    let subscribed = app.redis.iter().map(|trigger| trigger.component.clone());
    let cron = app.cron.iter().map(|trigger| trigger.component.clone());
    let command = app.command.iter().map(|trigger| trigger.component.clone());
    let linked = app.components.values().flat_map(|component| links::callees(app, component));
    triggered
        .chain(subscribed)
        .chain(cron)
        .chain(command)
        .chain(linked)
        .filter(|id| !app.components[id].settings.stock_only)
        .collect()
}
