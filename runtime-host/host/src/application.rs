//! From a manifest to components in service.
//!
//! The order: which components run, their stores, their code (compiled in parallel), their links,
//! and only when all of that is valid, the registry. After any failure, nothing runs.

mod code;
mod components;
mod cycles;
mod events;
mod exposure;
mod files;
mod generated;
mod incarnation;
mod instances;
mod limits;
mod private;
mod running;
mod startup_timings;
mod variables;

use crate::calls::Loopback;
use crate::capabilities::outbound_http::{Client, NetworkContext};
use crate::capabilities::platform::Platform;
use crate::engine::{Capacity, Engine, Functions};
use crate::links;
use crate::message::Http;
use crate::readiness::Readiness;
use crate::registry::Registry;
use crate::runtime_config::{OpenStores, RuntimeConfig};
use crate::telemetry::Telemetry;
use crate::triggers::http::{Router, Service};
use anyhow::anyhow;
use components::Startup;
pub(crate) use private::keep_to_ourselves;
pub(crate) use running::Running;
use startup_timings::StartupTimings;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tessera_events::Log;
use tessera_events::embedded::Embedded;
use tessera_manifest::{App, ComponentId, Handler};

/// What the operator chose.
pub(crate) struct Options {
    pub(crate) state_dir: Option<PathBuf>,
    /// The state directory if neither the operator nor the runtime configuration names one.
    pub(crate) default_state_dir: PathBuf,
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

/// Starts an application that will be served at `own_address`.
#[expect(
    clippy::disallowed_methods,
    reason = "expired keys are removed until the stores are closed"
)]
pub(crate) async fn start(
    app: App,
    options: Options,
    own_address: SocketAddr,
) -> anyhow::Result<Running> {
    let mut timings = StartupTimings::begin();
    let config = runtime_config(options.runtime_config_file.as_deref())?;
    let state_dir = options.state_dir.clone().or_else(|| config.state_dir.clone());
    let state_dir = state_dir.unwrap_or_else(|| options.default_state_dir.clone());
    private::state_folder(&state_dir)?;
    config.files().for_each(private::database);
    let telemetry = Arc::<Telemetry>::default();
    let ids = components_to_run(&app);
    timings.end("configuration");
    let labels = ids.iter().flat_map(|id| app.components[id].key_value_stores.clone()).collect();
    let stores = config.open_stores(&labels, &state_dir).await?;
    let labels = ids.iter().flat_map(|id| app.components[id].sqlite_databases.clone()).collect();
    let databases = config.databases(&labels, &state_dir)?;
    let incarnation = incarnation::next(&state_dir)?;
    timings.end("stores");
    // Only after this process has locked the state directory, which contains the generated secrets.
    let (variables, generated) =
        variables::decide(&app, &options, &config, &state_dir, own_address)?;
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
    let (registry, functions) = <(Arc<Registry<Http>>, Arc<Registry<Functions>>)>::default();
    let network = Arc::new(NetworkContext {
        registry: registry.clone(),
        client: Client::new(),
        own_address,
        loopback: Loopback::default(),
        readiness: readiness.clone(),
    });
    let startup = Startup {
        app: &app,
        environment: &options.environment,
        incarnation,
        state_dir: &state_dir,
        stores: &stores,
        databases: &databases,
        telemetry: &telemetry,
        variables: &variables,
        network: &network,
        functions: &functions,
        engine: &engine,
        code: &code,
        platform: &Arc::new(Platform::new(events.clone().map(with_fault_points))),
    };
    let components = startup.components(&ids)?;
    registry.install(components.http);
    functions.install(components.functions);
    let components = components.statuses.into();
    let budget = engine.budget.clone();
    let router = Router::new(&app).map_err(|error| anyhow!("{}", error.message))?;
    let loopback = network.loopback.clone();
    let service = Arc::new(Service { router, registry: registry.clone(), loopback });
    timings.end("links");
    generated.keep(&state_dir)?;
    timings.log();
    tokio::spawn(stores.engines().sweep_expired());
    Ok(Running {
        app,
        state_dir,
        registry,
        components,
        telemetry,
        stores,
        budget,
        events,
        readiness,
        service,
    })
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

/// The log as functions use it.
fn with_fault_points(log: Arc<Embedded>) -> Arc<dyn Log> {
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

/// The components with a trigger, and those that a link leads to. The others are parts of
/// components, or for hosts without the features of this one.
fn components_to_run(app: &App) -> BTreeSet<ComponentId> {
    let triggered = app.http.iter().filter_map(|trigger| match &trigger.handler {
        Handler::Component(id) => Some(id.clone()),
        Handler::Static(_) => None,
    });
    let linked = app.components.values().flat_map(|component| links::callees(app, component));
    triggered.chain(linked).filter(|id| !app.components[id].settings.stock_only).collect()
}
