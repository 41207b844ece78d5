//! `tessera build`: run the build command of each component.
//!
//! Components with the same command and folder (a workspace that builds everything at once)
//! are built once. Different commands run in parallel.

use super::Application;
use super::stop::{Group, Stop};
use crate::progress::Progress;
use crate::telemetry::{LogFormat, init_logs};
use anyhow::{Context as _, bail};
use clap::Args;
use parking_lot::Mutex;
use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, ExitCode, Stdio};
use std::sync::Arc;
use tessera_manifest::{App, Build as Recipe};

/// The target that components are built for.
const TARGET: &str = "wasm32-wasip2";
/// Lines of a build's output that are kept to be shown when it fails.
const OUTPUT_LINES_MAX: usize = 400;

/// Run the build command of each component.
#[derive(Debug, Args)]
pub(crate) struct Build {
    #[command(flatten)]
    application: Application,
    /// Build only this component. Can be repeated [default: all components].
    #[arg(short, long = "component-id", value_name = "ID")]
    component_ids: Vec<String>,
    /// Print only failures.
    #[arg(short, long)]
    quiet: bool,
    /// Do not check components against the `targets` of the manifest. This host never does.
    #[arg(long, alias = "skip-target-check")]
    skip_target_checks: bool,
    /// Do not generate WIT files for dependencies. This host never does.
    #[arg(long, alias = "skip-generate-wit")]
    skip_generate_wits: bool,
    /// Start the application afterwards. What follows are arguments of `tessera up`.
    #[arg(short, long)]
    up: bool,
    /// Arguments of `tessera up`.
    #[arg(requires = "up", allow_hyphen_values = true, trailing_var_arg = true, hide = true)]
    up_arguments: Vec<OsString>,
}

impl Build {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let filter = if self.quiet { "warn" } else { "info" };
        init_logs(LogFormat::default(), filter, Arc::default(), Arc::default())?;
        let mut app = self.application.load()?;
        let manifest = app.origin.path().to_owned();
        for id in &self.component_ids {
            let known = app.components.keys().cloned().collect::<Vec<_>>().join(", ");
            anyhow::ensure!(
                app.components.contains_key(id),
                "no component `{id}`; there are {known}"
            );
        }
        if !self.component_ids.is_empty() {
            app.components.retain(|id, _| self.component_ids.contains(id));
        }
        let mut signals = tokio::runtime::Builder::new_multi_thread();
        let signals = signals.worker_threads(1).enable_all().build()?;
        // A signal ends this process, and the commands with it.
        let _stop = signals.block_on(async { Stop::listen() })?;
        build_all(&app, !self.quiet)?;
        if self.up {
            // In place of this process, so that signals reach it.
            let mut up = std::process::Command::new(std::env::current_exe()?);
            up.arg("up").arg("--from").arg(manifest).args(self.up_arguments);
            return Err(up.exec()).context("`tessera up` could not be started");
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Build all components of an application that say how. `bar` as for [`Progress::new`].
pub(crate) fn build_all(app: &App, bar: bool) -> anyhow::Result<()> {
    let jobs = jobs(app);
    if jobs.iter().any(|job| job.command.contains(TARGET)) {
        add_target()?;
    }
    let parallel = std::thread::available_parallelism().map_or(1, usize::from);
    let progress = Progress::new(jobs.len(), "building", bar);
    let queue = Mutex::new(jobs.into_iter().collect::<VecDeque<_>>());
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..parallel {
            scope.spawn(|| {
                loop {
                    // Not in a `while let`, which would hold the lock until the job is done.
                    let Some(job) = queue.lock().pop_front() else { break };
                    if let Err(error) = job.run(&progress) {
                        failures.lock().push(error);
                        queue.lock().clear();
                    }
                    progress.end();
                }
            });
        }
    });
    progress.finish();
    super::stop::stay_if_ending();
    match failures.into_inner().into_iter().next() {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

/// One command and the components that it is for.
#[derive(Debug)]
struct Job {
    components: Vec<String>,
    command: String,
    folder: PathBuf,
}

fn jobs(app: &App) -> Vec<Job> {
    let mut jobs: BTreeMap<(PathBuf, String), Vec<String>> = BTreeMap::new();
    for component in app.components.values() {
        let Some(Recipe { commands, workdir, .. }) = &component.build else { continue };
        let key = (workdir.clone(), commands.join(" && "));
        jobs.entry(key).or_default().push(component.id.clone());
    }
    jobs.into_iter()
        .map(|((folder, command), components)| Job { components, command, folder })
        .collect()
}

impl Job {
    fn run(&self, progress: &Progress) -> anyhow::Result<()> {
        super::stop::stay_if_ending();
        let names = match self.components.as_slice() {
            [only] => only.clone(),
            [first, rest @ ..] => format!("{first} and {} more", rest.len()),
            [] => String::new(),
        };
        progress.announce(progress.begin(), &format!("{names}: `{}`", self.command));
        let mut child = self.spawn()?;
        let _group = Group::of(&child);
        let output = watch(&mut child, &names, progress)?;
        let status = child.wait()?;
        if !status.success() {
            let output: Vec<String> = output.into();
            bail!(
                "{}\n\nthe build of {names} failed ({status}): `{}` in {}",
                output.join("\n"),
                self.command,
                super::shown(&self.folder)
            );
        }
        Ok(())
    }

    fn spawn(&self) -> anyhow::Result<Child> {
        // One stream for both, so that lines keep their order.
        std::process::Command::new("sh")
            .arg("-c")
            .arg(format!("exec 2>&1; {}", self.command))
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            // What it starts is in its group, and ends with it.
            .process_group(0)
            .spawn()
            .with_context(|| format!("`{}` could not be started", self.command))
    }
}

/// Show the last line of a build's output while it runs, and keep the end of it.
fn watch(child: &mut Child, names: &str, progress: &Progress) -> anyhow::Result<VecDeque<String>> {
    /// A longer line is cut.
    const LINE_LENGTH_MAX_BYTES: u64 = 64 * 1024;
    let mut kept = VecDeque::new();
    let Some(stdout) = child.stdout.take() else { return Ok(kept) };
    let mut reader = BufReader::new(stdout);
    loop {
        let mut line = Vec::new();
        if reader.by_ref().take(LINE_LENGTH_MAX_BYTES).read_until(b'\n', &mut line)? == 0 {
            return Ok(kept);
        }
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        progress.detail(format!("{names}: {}", line.trim()));
        if kept.len() == OUTPUT_LINES_MAX {
            kept.pop_front();
        }
        kept.push_back(line);
    }
}

/// Add the WebAssembly target to the toolchain when it is missing.
fn add_target() -> anyhow::Result<()> {
    if target_installed() {
        return Ok(());
    }
    tracing::info!("adding the Rust target {TARGET}");
    let status = std::process::Command::new("rustup").args(["target", "add", TARGET]).status();
    let added = status.is_ok_and(|status| status.success());
    anyhow::ensure!(added, "the Rust target {TARGET} is missing: run `rustup target add {TARGET}`");
    Ok(())
}

/// Whether the toolchain that `cargo` uses here has the target's standard library.
pub(super) fn target_installed() -> bool {
    let output = std::process::Command::new("rustc")
        .args(["--print", "target-libdir", "--target", TARGET])
        .output();
    let Ok(output) = output else { return false };
    PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()).is_dir()
}
