//! `tessera up`: starts the application, announces its addresses, serves it and stops gracefully.

use super::Application;
use super::stop::Stop;
use crate::application::{self, Running};
use crate::engine::Capacity;
use crate::readiness::Readiness;
use crate::telemetry::{LogFormat, init_logs};
use crate::triggers::http::{Clients, DrainOutcome, FrontLimits, Listener, Workers, tls};
use crate::{admin, commands};
use anyhow::Context as _;
use clap::Args;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tessera_events::delivery::Handle;
use tessera_manifest::App;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The default of `--instances-max`.
const INSTANCES_MAX: u32 = 4_000;

/// The default share of this machine's memory for instances, in percent.
const MEMORY_PERCENT: usize = 75;

/// Start the application and serve it until Ctrl-C or SIGTERM.
#[derive(Debug, Args)]
pub(crate) struct Up {
    #[command(flatten)]
    application: Application,
    /// Build all components first.
    #[arg(long, env = "SPIN_ALWAYS_BUILD")]
    build: bool,
    /// The address of the application; port 0 selects a free port.
    #[arg(
        long,
        env = "SPIN_HTTP_LISTEN_ADDR",
        value_name = "ADDRESS",
        default_value = "127.0.0.1:3000"
    )]
    listen: SocketAddr,
    /// The address of the admin listener; port 0 selects a free port.
    #[arg(
        long,
        env = "TESSERA_ADMIN_LISTEN",
        value_name = "ADDRESS",
        default_value = "127.0.0.1:3001"
    )]
    admin_listen: SocketAddr,
    /// An additional host name under which the admin listener serves all paths. Can be repeated;
    /// the names of the variable are separated by commas. IP addresses and `localhost` are always
    /// allowed. Health and metrics are served under every name.
    #[arg(long = "admin-allowed-host", env = "TESSERA_ADMIN_ALLOWED_HOSTS", value_name = "NAME",
          value_delimiter = ',', value_parser = admin::host_name)]
    admin_allowed_hosts: Vec<String>,
    /// The directory of stores, the event log, secrets and compiled code [default: `.tessera` next
    /// to the manifest].
    #[arg(long, env = "SPIN_STATE_DIR", value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// The directory of compiled code [default: `cache` in the state directory].
    #[arg(long, env = "TESSERA_CACHE_DIR", value_name = "DIR")]
    cache_dir: Option<PathBuf>,
    /// The configuration of stores and providers of variables, in Spin's format.
    #[arg(long, env = "RUNTIME_CONFIG_FILE", value_name = "FILE")]
    runtime_config_file: Option<PathBuf>,
    /// Set a variable of the application, as `SPIN_VARIABLE_<NAME>` does. Can be repeated. An
    /// undeclared name is refused.
    #[arg(long = "variable", value_name = "NAME=VALUE", value_parser = commands::name_and_value)]
    variables: Vec<(String, String)>,
    /// Set an environment variable of all components. Can be repeated.
    #[arg(short = 'e', long = "env", value_name = "NAME=VALUE", value_parser = commands::name_and_value)]
    environment: Vec<(String, String)>,
    /// A PEM file with the certificate chain, to serve HTTPS (TLS 1.3).
    #[arg(long, env = "SPIN_TLS_CERT", requires = "tls_key", value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// A PEM file with the private key, to serve HTTPS (TLS 1.3).
    #[arg(long, env = "SPIN_TLS_KEY", requires = "tls_cert", value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// Print no progress and no addresses, and log only warnings.
    #[arg(short, long)]
    quiet: bool,
    /// The format of the log. With `json`, every line on standard error is a JSON object, including
    /// the addresses and startup errors.
    #[arg(long, env = "TESSERA_LOG_FORMAT", value_enum, default_value_t)]
    log_format: LogFormat,
    /// The log filter, for example `info,tessera::span=debug` [default: `info`, or `warn` with
    /// `--quiet`].
    #[arg(long, env = "RUST_LOG", value_name = "FILTER")]
    log: Option<String>,
    /// Threads that serve requests [default: one per core].
    #[arg(long, env = "TESSERA_WORKERS", value_name = "COUNT")]
    workers: Option<NonZeroUsize>,
    /// Instances of all components, busy or idle. A call that needs another one replaces an idle
    /// one, or waits, and gets 503 `host-failure` after its deadline. A value that is too small for
    /// a single call is refused at startup. Address space is reserved for all instances.
    #[arg(long, env = "TESSERA_INSTANCES_MAX", value_name = "COUNT", default_value_t = INSTANCES_MAX,
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    instances_max: u32,
    /// Memory of all instances together. Beyond it, memory growth and new instances get 503
    /// `memory-short` if no idle instance can be dropped. Above 80 %, idle instances are dropped
    /// [default: three quarters of the memory of the machine or container].
    #[arg(long, env = "TESSERA_MEMORY_MAX_MIB", value_name = "MIB",
          value_parser = clap::value_parser!(u64).range(16..=1 << 24))]
    memory_max_mib: Option<u64>,
    /// Allow to start on an address that other machines can reach with secrets that are published in
    /// the manifest.
    #[arg(long)]
    insecure_defaults: bool,
    /// Seconds that requests in flight may take to finish after a stop signal.
    #[arg(long, default_value_t = 30, value_name = "SECONDS")]
    drain_timeout: u64,
    /// Seconds to keep serving after a stop signal while `/readyz` already fails: the time that a
    /// load balancer needs to notice.
    #[arg(long, default_value_t = 0, value_name = "SECONDS")]
    drain_delay: u64,
    #[command(flatten)]
    front: FrontLimits,
}

impl Up {
    /// Serve until a signal comes.
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let default_log = if self.quiet { "warn" } else { "info" };
        let format = self.log_format;
        init_logs(format, self.log.as_deref().unwrap_or(default_log))?;
        match self.run_logged() {
            // A program that reads the log finds the reason there, and nothing else on the stream.
            Err(error) if format == LogFormat::Json && tracing::enabled!(tracing::Level::ERROR) => {
                tracing::error!("{}", commands::plain(&error));
                Ok(ExitCode::FAILURE)
            }
            outcome => outcome,
        }
    }

    fn run_logged(self) -> anyhow::Result<ExitCode> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let cores = std::thread::available_parallelism();
        let workers = self.workers.or(cores.ok()).unwrap_or(NonZeroUsize::MIN);
        let workers = Arc::new(Workers::start(workers)?);
        let code = runtime.block_on(self.serve(&workers));
        // Guests that are still running are cut off here.
        drop(workers);
        runtime.shutdown_timeout(Duration::from_secs(1));
        code
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "these tasks are awaited or aborted when the application stops"
    )]
    async fn serve(self, workers: &Arc<Workers>) -> anyhow::Result<ExitCode> {
        let app = self.application.load()?;
        // Until the application is up, a signal ends the process at once.
        let stop = Stop::listen()?;
        if let Some(warnings) = app.origin.errors(tessera_manifest::warnings(&app)) {
            tracing::warn!("{}", format!("{warnings:#}").trim_end());
        }
        if self.build {
            let (build, bar) = (app.clone(), self.shows_bars());
            tokio::task::spawn_blocking(move || super::build::build_all(&build, bar)).await??;
        }
        // After the build, whose output has its own permissions.
        application::keep_to_ourselves();
        let started = Instant::now();
        // Ports first: when one is taken, nothing else needs to start.
        let tls = self.tls_cert.as_deref().zip(self.tls_key.as_deref());
        let tls = tls.map(|(cert, key)| tls::acceptor(cert, key)).transpose()?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let listener = Listener::bind(self.listen, tls).await?;
        let admin_listener = admin::bind(self.admin_listen).await?;
        let address = listener.address()?;
        let admin_address = admin_listener.local_addr()?;

        let options = self.options(&app);
        let running = application::start(app, options, address).await?;
        stop.begin_orderly();
        let stop = stop.asked();
        let token = admin::Token::of(running.state_dir())?;
        let hosts = admin::AllowedHosts::new(&self.admin_allowed_hosts);
        let admin = admin::serve(admin_listener, running.admin_state(), token, hosts);
        let admin = tokio::spawn(admin);
        tracing::info!(%address, admin = %admin_address, tls = scheme == "https", "listening");
        let up = Announcement {
            running: &running,
            url: format!("{scheme}://{address}"),
            admin: format!("http://{admin_address}"),
            took: started.elapsed(),
        };
        match self.log_format {
            LogFormat::Json => up.log(),
            LogFormat::Human if !self.quiet => up.print(),
            LogFormat::Human => {}
        }
        let delay = Duration::from_secs(self.drain_delay);
        let stop = not_ready_first(stop, running.readiness(), delay);
        let service = running.service();
        let clients =
            Clients::new(self.front.clone().within_files(files_max()), running.telemetry());
        let patience = Duration::from_secs(self.drain_timeout);
        let serving = listener.serve(service, clients, workers.clone(), stop.clone(), patience);
        let serving = tokio::spawn(serving);
        let deliveries = running.deliver();
        let schedules = tokio::spawn(running.schedules().run(stop.clone()));
        let hooks = running.hooks();
        tokio::select! {
            () = hooks.run() => {}
            () = wait(stop.clone()) => {}
        }
        let tasks = BackgroundTasks { serving, schedules, deliveries };
        let drained = tasks.drain(stop, patience).await?;
        running.close().await?;
        admin.abort();
        Ok(match drained {
            DrainOutcome::Complete => ExitCode::SUCCESS,
            DrainOutcome::Cut => {
                tracing::error!("some requests were cut off after {} s", self.drain_timeout);
                ExitCode::FAILURE
            }
        })
    }

    /// Whether bars may be drawn; lines of the log say the same where they are not.
    fn shows_bars(&self) -> bool {
        !self.quiet && self.log_format == LogFormat::Human
    }

    fn options(&self, app: &App) -> application::Options {
        application::Options {
            state_dir: self.state_dir.clone(),
            default_state_dir: super::default_state_dir(app),
            cache_dir: self.cache_dir.clone(),
            runtime_config_file: self.runtime_config_file.clone(),
            variables: self.variables.clone(),
            environment: self.environment.clone(),
            capacity: self.capacity(),
            bars: self.shows_bars(),
            tls: self.tls_cert.is_some(),
            insecure_defaults: self.insecure_defaults,
        }
    }

    fn capacity(&self) -> Capacity {
        let memory_max_bytes = match self.memory_max_mib {
            Some(mib) => usize::try_from(mib << 20).unwrap_or(usize::MAX),
            None => super::machine::memory_bytes() / 100 * MEMORY_PERCENT,
        };
        Capacity { instances_max: self.instances_max, memory_max_bytes }
    }
}

/// That the application is ready, and its addresses.
struct Announcement<'a> {
    running: &'a Running,
    url: String,
    admin: String,
    took: Duration,
}

impl Announcement<'_> {
    /// Prints it.
    fn print(&self) {
        let Self { running, url, admin, took } = self;
        eprintln!("\n  {} is ready after {} ms\n", running.name(), took.as_millis());
        for (route, component) in running.routes() {
            eprintln!("    {:<36} {component}", format!("{url}{route}"));
        }
        eprintln!("    {:<36} metrics", format!("{admin}/metrics"));
        eprintln!("    {:<36} recent traces", format!("{admin}/traces"));
        if running.has_events() {
            eprintln!("    {:<36} subscriptions", format!("{admin}/subscriptions"));
            eprintln!("    {:<36} dead letters", format!("{admin}/dead-letters"));
        }
        eprintln!("\n  State is kept in {}. Ctrl-C stops.\n", super::shown(running.state_dir()));
    }

    /// Logs it, for programs.
    fn log(&self) {
        for (route, component) in self.running.routes() {
            tracing::info!(url = format!("{}{route}", self.url), component, "route");
        }
        tracing::info!(
            application = self.running.name(),
            url = self.url,
            admin = self.admin,
            state_dir = %self.running.state_dir().display(),
            duration_ms = self.took.as_millis() as u64,
            "ready",
        );
    }
}

/// Raises the limit of open files and sockets to the maximum that the system allows, and returns
/// it.
fn files_max() -> Option<u64> {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limits = getrlimit(Resource::Nofile);
    limits.current = limits.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limits) {
        tracing::warn!("the limit of open files could not be raised: {error}");
    }
    getrlimit(Resource::Nofile).current
}

/// A stop signal that is delayed by this time after the application was asked to stop. In between,
/// the application is not ready.
#[expect(clippy::disallowed_methods, reason = "it ends with the stop signal")]
fn not_ready_first(
    stop: watch::Receiver<bool>,
    readiness: Arc<Readiness>,
    delay: Duration,
) -> watch::Receiver<bool> {
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        wait(stop).await;
        readiness.stop();
        tokio::time::sleep(delay).await;
        // If no receiver is left, everything has already stopped.
        let _ = sender.send(true);
    });
    receiver
}

/// Work that continues until the application stops.
struct BackgroundTasks {
    serving: JoinHandle<DrainOutcome>,
    schedules: JoinHandle<()>,
    deliveries: Option<Handle>,
}

impl BackgroundTasks {
    /// Wait until the application is asked to stop, and then, for at most `patience`, until
    /// requests, schedules and deliveries in progress are done.
    async fn drain(
        self,
        stop: watch::Receiver<bool>,
        patience: Duration,
    ) -> anyhow::Result<DrainOutcome> {
        let schedules = async {
            wait(stop.clone()).await;
            tracing::info!("stopping: requests in flight may finish");
            let abort = self.schedules.abort_handle();
            let ended = tokio::time::timeout(patience, self.schedules).await.is_ok();
            abort.abort();
            Ok(ended)
        };
        let deliveries = async {
            wait(stop.clone()).await;
            match self.deliveries {
                Some(deliveries) => Ok(deliveries.drain(patience).await),
                None => Ok(true),
            }
        };
        let serving = async { self.serving.await.context("the listener ended") };
        Ok(match tokio::try_join!(serving, schedules, deliveries)? {
            (DrainOutcome::Complete, true, true) => DrainOutcome::Complete,
            _ => DrainOutcome::Cut,
        })
    }
}

async fn wait(mut stop: watch::Receiver<bool>) {
    // A closed channel means that everything is ending anyway.
    let _ = stop.wait_for(|stop| *stop).await;
}
