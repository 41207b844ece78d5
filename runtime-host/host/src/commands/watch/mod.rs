//! `tessera watch`: runs an application, and keeps it up to date while its files change.
//!
//! Components are replaced one by one, in the running host, in the same way as by `tessera deploy`: so
//! state is kept and no request fails. What can't be replaced in this way, such as the manifest, takes a
//! restart: the application stops gracefully, and the process starts itself again.

mod building;
mod deploying;
mod globs;
mod itself;
mod notices;
mod plan;
mod session;
mod snapshot;

pub(crate) use session::Session;

use super::stop::Stop;
use super::{Application, shown, up};
use anyhow::Context as _;
use clap::{Args, FromArgMatches as _, value_parser};
use itself::Itself;
use notices::Notices;
use plan::{Changes, Plan, Without};
use session::Fate;
use snapshot::Snapshot;
use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// The flag of `tessera up` with which components see changes of their files by themselves.
const DIRECT_MOUNTS: &str = "--direct-mounts";

/// Build and start the application, and replace its components when their files change.
///
/// A component is built when files change that its `build.watch` names, and deployed when its `source`
/// changes: state is kept, and no request fails. After a change of the manifest or of `files`, the
/// application restarts.
#[derive(Debug, Args)]
pub(crate) struct Watch {
    #[command(flatten)]
    application: Application,
    /// Clear the screen before each build.
    #[arg(short, long)]
    clear: bool,
    /// How long files must not change before something is done, in milliseconds: 1 to 60,000.
    #[arg(short, long, value_name = "MILLISECONDS", default_value_t = 100,
          value_parser = value_parser!(u64).range(1..=60_000))]
    debounce: u64,
    /// Build nothing: only deploy code that changes.
    #[arg(long)]
    skip_build: bool,
    /// Print only warnings and failures.
    #[arg(short, long)]
    quiet: bool,
    /// Arguments of `tessera up`.
    #[arg(allow_hyphen_values = true, trailing_var_arg = true, value_name = "ARGUMENTS OF UP")]
    up_arguments: Vec<OsString>,
}

impl Watch {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let itself = Itself::of_process()?;
        let mut up = self.up()?;
        let fate = Arc::<Fate>::default();
        let manifest = self.application.path()?;
        anyhow::ensure!(manifest.is_file(), "there is no manifest at {}", shown(&manifest));
        // With an invalid manifest, `up` fails and says why.
        let plan = match self.application.load() {
            Ok(app) => {
                let plan = Arc::new(Plan::of(&app, self.without()));
                up.watch(Session {
                    application: self.application.clone(),
                    app,
                    snapshot: Snapshot::take(plan.globs()),
                    plan: plan.clone(),
                    debounce: Duration::from_millis(self.debounce),
                    clears: self.clear,
                    fate: fate.clone(),
                    itself: itself.clone(),
                });
                plan
            }
            Err(_) => Arc::new(Plan::manifest(&manifest)),
        };
        let outcome = up.run();
        let was_up = fate.was_up.load(Ordering::SeqCst);
        if was_up && fate.is_over() {
            return outcome;
        }
        // The process goes on, so it is not reported at its end.
        if let Err(error) = &outcome {
            super::report(error);
        }
        if !was_up {
            self.wait(&plan)?;
        }
        // In place of this process, so that signals reach it.
        Err(itself.command().args(std::env::args_os().skip(1)).exec())
            .context("`tessera watch` could not be started again")
    }

    /// The command that starts the application.
    fn up(&self) -> anyhow::Result<up::Up> {
        let mut arguments: Vec<OsString> = vec!["tessera up".into()];
        if let Some(path) = self.application.from() {
            arguments.extend(["--from".into(), path.into()]);
        }
        if let Some(profile) = self.application.profile() {
            arguments.extend(["--profile".into(), profile.into()]);
        }
        if !self.skip_build {
            arguments.push("--build".into());
        }
        if self.quiet {
            arguments.push("--quiet".into());
        }
        arguments.extend(self.up_arguments.iter().cloned());
        let command =
            super::environment::ignore_empty(up::Up::augment_args(clap::Command::new("up")));
        let matches = command.no_binary_name(false).get_matches_from(arguments);
        Ok(up::Up::from_arg_matches(&matches)?)
    }

    fn without(&self) -> Without {
        let assets = self.up_arguments.iter().any(|argument| argument == DIRECT_MOUNTS);
        Without { builds: self.skip_build, assets }
    }

    /// Waits for a change after a start that failed. A signal ends the process.
    fn wait(&self, plan: &Arc<Plan>) -> anyhow::Result<()> {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        runtime.worker_threads(1).enable_all().build()?.block_on(async {
            // It ends the process, because no orderly end begins.
            let _stop = Stop::listen()?;
            let mut notices = Notices::new(Duration::from_millis(self.debounce))?;
            // Before the snapshot, so that there is notice of all that changes after it.
            notices.watch(&session::take(plan.clone()).await.folders);
            // What the failed build has written is no reason to try again: it would be written again.
            let before = session::take(plan.clone()).await;
            tracing::info!("the application is started again when a file changes");
            loop {
                notices.next().await;
                let mut now = session::take(plan.clone()).await;
                // Files of new folders may have changed before the folders were watched.
                if notices.watch(&now.folders) {
                    now = session::take(plan.clone()).await;
                }
                if self.is_reason(&plan.changes(&now.changed_since(&before))) {
                    return Ok(());
                }
            }
        })
    }

    /// Whether these changes are a reason to try a failed start again. Without builds, that is also
    /// new code; otherwise, code comes from a build.
    fn is_reason(&self, changes: &Changes) -> bool {
        let is_input = changes.manifest || !changes.built.is_empty() || !changes.assets.is_empty();
        is_input || (self.skip_build && !changes.code.is_empty())
    }
}
