//! What every row needs: how long to measure, where things are, which peers there are.

use crate::artifacts::Artifacts;
use crate::load::generator::Generator;
use crate::machine::Machine;
use anyhow::Context as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long and how often to measure.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Rounds per figure; the median counts.
    pub(crate) rounds: usize,
    /// How long one contender is under load in one round, in seconds.
    pub(crate) seconds: u64,
    /// How long each contender is under load before the first round, in seconds.
    pub(crate) warm_up_seconds: u64,
    /// Requests at the same time; each gives a figure of its own.
    pub(crate) concurrencies: Vec<usize>,
    /// Whether to build first.
    pub(crate) build: bool,
    /// Whether large populations (keys, functions, events) are cut to a tenth.
    pub(crate) quick: bool,
}

/// The concurrency at which contenders are compared.
pub(crate) const JUDGED_CONCURRENCY: usize = 32;

impl Settings {
    /// What the documented figures are measured with.
    pub(crate) fn full() -> Settings {
        let concurrencies = vec![1, JUDGED_CONCURRENCY, 256];
        Settings {
            rounds: 5,
            seconds: 4,
            warm_up_seconds: 2,
            concurrencies,
            build: true,
            quick: false,
        }
    }

    /// Whether everything works.
    pub(crate) fn quick() -> Settings {
        let concurrencies = vec![JUDGED_CONCURRENCY];
        Settings {
            rounds: 1,
            seconds: 1,
            warm_up_seconds: 1,
            concurrencies,
            quick: true,
            ..Settings::full()
        }
    }

    /// How long one contender is under load in one round.
    pub(crate) fn duration(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }

    /// A population of this size, or a tenth of it in a quick run.
    pub(crate) fn population(&self, full: usize) -> usize {
        if self.quick { full / 10 } else { full }
    }
}

/// A run of the benchmark.
pub(crate) struct Bench {
    /// How long and how often to measure.
    pub(crate) settings: Settings,
    /// What was built for it.
    pub(crate) artifacts: Artifacts,
    /// The machine, as it was when the run began.
    pub(crate) machine: Machine,
    /// The generator of load for single requests.
    pub(crate) generator: Generator,
    /// When the run began, UTC, as `2026-01-02T03-04-05Z`: the name of its results.
    pub(crate) started: String,
    /// `spin`, if it is on `PATH`.
    pub(crate) spin: Option<PathBuf>,
    /// `wasmtime`, if it is on `PATH`.
    pub(crate) wasmtime: Option<PathBuf>,
}

impl Bench {
    /// Builds what is missing and looks for what is optional.
    pub(crate) async fn prepare(settings: Settings) -> anyhow::Result<Bench> {
        let machine = Machine::this();
        let artifacts = Artifacts::prepare(settings.build).await?;
        let results = artifacts.results();
        std::fs::create_dir_all(&results).with_context(|| results.display().to_string())?;
        let generator = Generator { program: artifacts.program("generator") };
        let now = humantime::format_rfc3339_seconds(std::time::SystemTime::now());
        Ok(Bench {
            settings,
            artifacts,
            machine,
            generator,
            started: now.to_string().replace(':', "-"),
            spin: on_path("spin"),
            wasmtime: on_path("wasmtime"),
        })
    }

    /// Where results lie: `target/bench`.
    pub(crate) fn results(&self) -> PathBuf {
        self.artifacts.results()
    }

    /// A new, empty folder for the state of one contender. It lies on the disk that the project
    /// is on (a temporary folder is often in memory, where an fsync costs nothing) and goes with
    /// the value.
    pub(crate) fn folder(&self) -> anyhow::Result<tempfile::TempDir> {
        let parent = self.results().join("state");
        std::fs::create_dir_all(&parent)?;
        Ok(tempfile::tempdir_in(parent)?)
    }
}

/// The program with this name, if it is on `PATH`.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| is_program(file))
}

fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    file.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}
