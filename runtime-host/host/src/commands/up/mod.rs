//! `tessera up`: starts the application, announces its addresses, serves it and stops gracefully.

mod addresses;
mod announcement;
mod draining;
mod files;
mod foreign;
mod from_registry;
mod hangup;
mod initial_data;
mod instances;
mod launch_metadata;
mod manifest;
mod output;
mod selection;
mod state;
mod supervisor;
mod variables;
mod watching;

use super::Application;
use super::stop::Stop;
use super::watch::Session;
use crate::admin::AdminState;
use crate::application::Pulled;
use crate::exporter::{Exporter, ReadMetrics, Settings};
use crate::telemetry::{LogFormat, RecentLogs, init_logs};
use crate::triggers::http::{Clients, DrainOutcome, FrontLimits, Workers};
use crate::{admin, application, commands};
use addresses::Addresses;
use announcement::Announcement;
use clap::Args;
use clap::builder::BoolishValueParser;
use draining::{BackgroundTasks, Drain, wait};
use files::Files;
use foreign::Foreign;
use from_registry::FromRegistry;
pub(super) use from_registry::state_dir as working_state_dir;
use hangup::Hangups;
use initial_data::Data;
use instances::Instances;
use manifest::Manifest;
use output::Output;
use state::State;
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};
use supervisor::Supervisor;
use tessera_manifest::App;
use variables::Variables;
pub(crate) use variables::{read_json_values, read_toml_values, read_value};

/// Start the application and serve it until Ctrl-C or SIGTERM.
#[derive(Debug, Args)]
pub(crate) struct Up {
    #[command(flatten)]
    application: Application,
    #[command(flatten)]
    from_registry: FromRegistry,
    /// Start only this component, and those that it needs: its dependencies, and the components
    /// that it may send requests to. Can be repeated [default: all components].
    #[arg(short, long = "component-id", value_name = "ID")]
    component_ids: Vec<String>,
    /// Build all components first.
    #[arg(long, env = "SPIN_ALWAYS_BUILD", value_parser = BoolishValueParser::new())]
    build: bool,
    #[command(flatten)]
    addresses: Addresses,
    #[command(flatten)]
    state: State,
    #[command(flatten)]
    data: Data,
    #[command(flatten)]
    variables: Variables,
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    instances: Instances,
    /// Allow to start on an address that other machines can reach with secrets that are published in
    /// the manifest.
    #[arg(long)]
    insecure_defaults: bool,
    /// Let operators inject faults, through the admin listener and `tessera chaos`: latency, errors,
    /// traps and more, for calls, requests to other hosts, stores and events.
    #[arg(long)]
    chaos: bool,
    #[command(flatten)]
    drain: Drain,
    /// Print the names of all flags as JSON on standard error, and end.
    #[arg(long, hide = true)]
    launch_metadata_only: bool,
    #[command(flatten)]
    foreign: Foreign,
    #[command(flatten)]
    front: FrontLimits,
    /// The arguments of the command of a `[[trigger.command]]`, after `--`.
    #[arg(last = true, value_name = "ARGUMENT")]
    arguments: Vec<String>,
    /// What `tessera watch` does while the application is up.
    #[arg(skip)]
    session: Option<Session>,
}

impl Up {
    /// Serve until a signal comes.
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        if self.launch_metadata_only {
            return launch_metadata::print();
        }
        let format = self.output.log_format;
        let exporter = Settings::of_process().map(Exporter::new);
        let export = exporter.as_ref().map(Exporter::export).unwrap_or_default();
        let logs = Arc::<RecentLogs>::default();
        init_logs(format, self.output.filter(), export, logs.clone())?;
        match exporter.and_then(|exporter| self.run_logged(exporter, logs)) {
            // A program that reads the log finds the reason there, and nothing else on the stream.
            Err(error) if format == LogFormat::Json && tracing::enabled!(tracing::Level::ERROR) => {
                tracing::error!("{}", commands::plain(&error));
                Ok(ExitCode::FAILURE)
            }
            outcome => outcome,
        }
    }

    /// Watches the files of the application while it is up.
    pub(super) fn watch(&mut self, session: Session) {
        self.session = Some(session);
    }

    fn run_logged(self, mut exporter: Exporter, logs: Arc<RecentLogs>) -> anyhow::Result<ExitCode> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let cores = std::thread::available_parallelism();
        let workers = self.instances.workers.or(cores.ok()).unwrap_or(NonZeroUsize::MIN);
        let workers = Arc::new(Workers::start(workers)?);
        let code = runtime.block_on(self.serve(&workers, &mut exporter, logs));
        // Guests that are still running are cut off here.
        drop(workers);
        runtime.block_on(exporter.shut_down());
        runtime.shutdown_timeout(Duration::from_secs(1));
        code
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "these tasks are awaited or aborted when the application stops"
    )]
    async fn serve(
        mut self,
        workers: &Arc<Workers>,
        exporter: &mut Exporter,
        logs: Arc<RecentLogs>,
    ) -> anyhow::Result<ExitCode> {
        self.foreign.warn();
        let hangups = Hangups::of_process()?;
        let pulled = self.from_registry.pull(&self.application, &self.state).await?;
        let manifest = self.manifest(pulled.as_ref());
        let app = manifest.load()?;
        exporter.start(&app.name, app.version.as_deref().unwrap_or_default())?;
        // Until the application is up, a signal ends the process at once.
        let stop = Stop::listen()?;
        self.warn(&app);
        exporter.warn();
        self.build_first(&app).await?;
        // After the build, whose output has its own permissions.
        application::keep_to_ourselves();
        let started = Instant::now();
        // Ports first: when one is taken, nothing else needs to start.
        let listeners = self.addresses.bind().await?;
        let (listener, admin_listener) = (listeners.application, listeners.admin);
        let own_certificate = listeners.certificate;
        let address = listener.address()?;
        let admin_address = admin_listener.local_addr()?;

        let options = self.options(&app, pulled.is_some(), manifest)?;
        let export = exporter.export();
        let options = application::Options { own_certificate, export, logs, ..options };
        let running = application::start(app, options, address).await?;
        exporter.start_metrics(read_metrics(running.admin_state()))?;
        stop.begin_orderly();
        let stop = stop.asked();
        let generated = || admin::Token::of(running.state_dir());
        let token = listeners.token.map_or_else(generated, Ok)?;
        let hosts = self.addresses.allowed_hosts();
        let admin = admin::serve(admin_listener, running.admin_state(), token, hosts);
        let admin = tokio::spawn(admin);
        tracing::info!(%address, admin = %admin_address, tls = self.addresses.tls(), "listening");
        let up = Announcement {
            running: &running,
            url: format!("{}://{address}", self.addresses.scheme()),
            admin: format!("http://{admin_address}"),
            took: started.elapsed(),
        };
        up.announce(&self.output)?;
        let supervisor = Supervisor::of_process();
        supervisor.ready(&up.url);
        let (stop, watching) = watching::begin(self.session.take(), &running, stop);
        let stop = self.drain.not_ready_first(stop, running.readiness(), supervisor);
        let (stop, command) = super::program::begin(&running, stop);
        let service = running.service();
        let clients = Clients::new(self.front_limits(), running.telemetry());
        let patience = self.drain.patience();
        let serving = listener.serve(service, clients, workers.clone(), stop.clone(), patience);
        let serving = tokio::spawn(serving);
        let deliveries = running.deliver();
        let schedules = tokio::spawn(running.schedules(stop.clone()));
        let messages = tokio::spawn(running.redis().run(stop.clone()));
        let rollouts = tokio::spawn(running.rollouts().run());
        let hangups = hangups.listen(running.configurator());
        let hooks = running.hooks();
        tokio::select! {
            () = hooks.run() => {}
            () = wait(stop.clone()) => {}
        }
        let tasks = BackgroundTasks { serving, schedules, messages, deliveries };
        let drained = tasks.drain(stop, patience).await?;
        rollouts.abort();
        hangups.abort();
        watching::end(watching).await;
        // While the event log is open.
        exporter.finish_metrics().await;
        running.close().await?;
        admin.abort();
        let code = match command {
            Some(command) => command.await.unwrap_or(1),
            None => 0,
        };
        Ok(match drained {
            DrainOutcome::Complete => ExitCode::from(code),
            DrainOutcome::Cut => {
                tracing::error!("some requests were cut off after {} s", patience.as_secs());
                ExitCode::FAILURE
            }
        })
    }

    /// Builds all components, if that is asked for.
    async fn build_first(&mut self, app: &App) -> anyhow::Result<()> {
        if !self.build {
            return Ok(());
        }
        let (build, bar) = (app.clone(), self.output.shows_bars());
        tokio::task::spawn_blocking(move || super::build::build_all(&build, bar)).await??;
        if let Some(session) = &mut self.session {
            session.note_built().await;
        }
        Ok(())
    }

    /// What the application is read from.
    fn manifest(&self, pulled: Option<&Pulled>) -> Manifest {
        Manifest {
            application: self.application.clone(),
            pulled: pulled.map(|pulled| pulled.path.clone()),
            component_ids: self.component_ids.clone(),
        }
    }

    /// Reads the manifest and the values of flags again.
    fn reread(&self, manifest: Manifest) -> application::Reread {
        let variables = self.variables.clone();
        Arc::new(move || {
            let read = || anyhow::Ok((manifest.load()?, variables.values()?));
            read().map_err(|error| anyhow::anyhow!("{}", commands::plain(&error)))
        })
    }

    fn warn(&self, app: &App) {
        if let Some(warnings) = app.origin.errors(tessera_manifest::warnings(app)) {
            tracing::warn!("{}", format!("{warnings:#}").trim_end());
        }
        self.instances.warn();
        super::environment::warn_of_variables_without_effect();
    }

    /// The limits of the HTTP front on this machine.
    fn front_limits(&self) -> FrontLimits {
        let chosen = self.front.clone().with_http1_buffer(self.foreign.http1_max_buf_size);
        chosen.within_files(super::machine::files_max())
    }

    fn options(
        &self,
        app: &App,
        is_pulled: bool,
        manifest: Manifest,
    ) -> anyhow::Result<application::Options> {
        let default_state_dir = match is_pulled {
            true => from_registry::state_dir()?,
            false => super::default_state_dir(app),
        };
        Ok(application::Options {
            state_dir: self.state.state_dir.clone(),
            default_state_dir,
            cache_dir: self.state.cache_dir.clone(),
            runtime_config_file: self.state.runtime_config_file.clone(),
            data: self.data.read()?,
            variables: self.variables.values()?,
            environment: self.variables.environment.clone(),
            arguments: self.arguments.clone(),
            files: self.files.options(),
            output: self.output.of_guests(),
            engine: self.instances.engine(!self.state.disable_cache)?,
            limits: self.instances.limits(),
            answers_max_bytes: self.instances.answers_max_bytes(),
            bars: self.output.shows_bars(),
            own_certificate: None,
            export: Arc::default(),
            logs: Arc::default(),
            logs_access: self.output.access_log,
            insecure_defaults: self.insecure_defaults,
            chaos: self.chaos,
            reread: self.reread(manifest),
        })
    }
}

/// Reads the metrics that the admin listener shows.
fn read_metrics(state: AdminState) -> ReadMetrics {
    Box::new(move || {
        let state = state.clone();
        Box::pin(async move { state.read_metrics().await.ok() })
    })
}
