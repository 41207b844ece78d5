//! The command line: one file per command.

mod admin_client;
pub(crate) mod build;
pub(crate) mod chaos;
pub(crate) mod check;
pub(crate) mod configuration;
pub(crate) mod doctor;
mod environment;
pub(crate) mod flags;
pub(crate) mod health;
mod listen;
mod machine;
mod program;
pub(crate) mod projects;
pub(crate) mod registry;
pub(crate) mod rollouts;
mod source;
mod stop;
pub(crate) mod up;
mod verify;
pub(crate) mod watch;

pub(crate) use source::Application;

use crate::runtime_config;
use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use miette::Diagnostic;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tessera_manifest::App;

/// Run a Spin application as a mesh of components in one process.
#[derive(Debug, Parser)]
#[command(name = "tessera", version, propagate_version = true)]
pub(crate) struct Command {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Start the application and serve it until Ctrl-C or SIGTERM.
    Up(Box<up::Up>),
    /// Run the build command of each component.
    Build(build::Build),
    /// Build and start the application, and replace its components when their files change.
    Watch(watch::Watch),
    /// Make an application from a template.
    New(projects::New),
    /// Add a component from a template to an application.
    Add(projects::Add),
    /// Report problems with the application and this machine, and how to fix them.
    Doctor(doctor::Doctor),
    /// Push applications to a registry, and pull them.
    Registry(registry::Registry),
    /// Compare the contract of new code with that of other code, before it is deployed.
    Check(check::Check),
    /// Ask a running host whether it is ready.
    Health(health::Health),
    /// Inject faults into a running host, and run experiments.
    Chaos(chaos::Chaos),
    /// Show, change and evaluate the feature flags of a running host.
    Flags(flags::Flags),
    /// Deploy new code of a component to a running host.
    Deploy(Box<rollouts::Deploy>),
    /// Show the revisions of components that serve calls, and the rollouts in progress.
    Status(rollouts::Status),
    /// Give the candidate of a rollout all calls.
    Promote(rollouts::Promote),
    /// End a rollout, or take the revision back that was stable before.
    Rollback(rollouts::Rollback),
    /// Show what happened to the revisions of a component.
    History(rollouts::History),
    /// Show what differs between two revisions of a component.
    Diff(rollouts::Diff),
    /// Show and change the values of an application's variables while it runs.
    Config(configuration::Config),
    /// Read the manifest, the runtime configuration and the files of variables of a running host again.
    Reload(configuration::Reload),
}

/// An invalid manifest, with all problems and their locations.
#[derive(Debug, thiserror::Error)]
#[error("the manifest is invalid")]
pub(crate) struct ManifestError(pub(crate) tessera_manifest::Errors);

/// Prints an error: those of manifests with excerpts, others as a chain of causes.
pub(crate) fn report(error: &anyhow::Error) {
    let of_manifest = error.downcast_ref().map(|ManifestError(errors)| errors as &dyn Diagnostic);
    let of_config =
        || error.downcast_ref().map(|errors: &runtime_config::Errors| errors as &dyn Diagnostic);
    if let Some(diagnostic) = of_manifest.or_else(of_config) {
        show(diagnostic);
        return;
    }
    eprintln!("error: {error}");
    for cause in error.chain().skip(1) {
        eprintln!("  because: {cause}");
    }
}

/// An error as plain lines, without excerpts: for logs.
pub(crate) fn plain(error: &anyhow::Error) -> String {
    if let Some(ManifestError(errors)) = error.downcast_ref() {
        return format!("{errors:#}").trim_end().to_owned();
    }
    if let Some(errors) = error.downcast_ref::<runtime_config::Errors>() {
        return format!("{errors:#}").trim_end().to_owned();
    }
    error.chain().map(ToString::to_string).collect::<Vec<_>>().join("\n  because: ")
}

/// Print a diagnostic with excerpts of its source text.
fn show(diagnostic: &dyn Diagnostic) {
    let mut text = String::new();
    let handler = miette::GraphicalReportHandler::new();
    let rendered = handler.render_report(&mut text, diagnostic);
    eprintln!("{}", if rendered.is_ok() { text } else { diagnostic.to_string() });
}

impl Command {
    /// Reads the command line and the environment of this process. Ends it if they are invalid, or
    /// after the help that they ask for.
    pub(crate) fn of_process() -> Self {
        let matches = environment::ignore_empty(Self::command()).get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }

    /// Do what was asked for.
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self.verb {
            Verb::Up(up) => up.run(),
            Verb::Build(build) => build.run(),
            Verb::Watch(watch) => watch.run(),
            Verb::New(new) => new.run(),
            Verb::Add(add) => add.run(),
            Verb::Doctor(doctor) => doctor.run(),
            Verb::Registry(registry) => registry.run(),
            Verb::Check(check) => check.run(),
            Verb::Health(health) => health.run(),
            Verb::Chaos(chaos) => chaos.run(),
            Verb::Flags(flags) => flags.run(),
            Verb::Deploy(deploy) => deploy.run(),
            Verb::Status(status) => status.run(),
            Verb::Promote(promote) => promote.run(),
            Verb::Rollback(rollback) => rollback.run(),
            Verb::History(history) => history.run(),
            Verb::Diff(diff) => diff.run(),
            Verb::Config(config) => config.run(),
            Verb::Reload(reload) => reload.run(),
        }
    }
}

/// The default state directory, next to the manifest.
pub(crate) fn default_state_dir(app: &App) -> PathBuf {
    app.folder.join(".tessera")
}

/// A path that may be empty, which means none. The parser of clap for paths refuses that.
fn path_or_empty() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

/// `NAME=VALUE`, as in `--variable` and `--env`.
pub(crate) fn name_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE".to_owned()),
    }
}

/// A path, relative to the working directory if it is below.
pub(crate) fn shown(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    match path.strip_prefix(here) {
        Ok(below) if below.as_os_str().is_empty() => ".".to_owned(),
        Ok(below) => below.display().to_string(),
        Err(_) => path.display().to_string(),
    }
}
