//! `tessera chaos run`.

use super::experiment::{Abort, Experiment};
use super::load::{Load, Samples};
use super::print;
use super::report::{self, Part, lowest_availability};
use crate::capabilities::outbound_http::{Client, OutboundPolicy};
use crate::commands::admin_client::{Connection, RunningHost};
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// How often it is checked whether to abort.
const CHECK_INTERVAL: Duration = Duration::from_millis(250);
/// The exit code if no fault was injected, because what must hold did not hold without faults.
const NOT_STEADY: u8 = 2;

/// Run an experiment.
///
/// The exit code is 0 if all that must hold did, 1 if not, and 2 if it did not hold without faults:
/// then none were injected.
#[derive(Debug, Args)]
pub(super) struct Run {
    /// A file with an experiment.
    file: PathBuf,
    /// The URL of the application.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:3000")]
    url: String,
    /// Shorten all times of the experiment but `settle_ms` to this share, for a quick look.
    #[arg(long, value_name = "PERCENT", default_value_t = 100,
          value_parser = clap::value_parser!(u64).range(1..=100))]
    time_percent: u64,
    #[command(flatten)]
    host: RunningHost,
}

/// How an experiment ended.
#[derive(PartialEq, Eq)]
enum End {
    Complete,
    /// What must hold does not hold without faults.
    NotSteady,
    /// The condition of `abort` was met.
    Aborted,
    /// A signal came.
    Stopped,
}

impl Run {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let experiment = Experiment::read(&self.file)?.scaled(self.time_percent);
        let host = self.host.connect()?;
        // An error now, instead of after the first part.
        host.faults().await?;
        print(&experiment.title);
        let client = Arc::new(Client::new(None, &OutboundPolicy::default())?);
        let load = Load::begin(&experiment, self.url.trim_end_matches('/'), &client);
        let mut ids = Vec::new();
        let end = tokio::select! {
            end = parts(&experiment, &host, &load, &mut ids) => end,
            () = signal_to_stop() => Ok(End::Stopped),
        };
        for id in ids {
            // Most have ended by themselves.
            let _ = host.remove(Some(id)).await;
        }
        let end = end?;
        let (text, holds) = report::report(&experiment, end.parts(), &load.samples.all());
        print(text.trim_end());
        print(end.verdict(holds));
        Ok(end.code(holds))
    }
}

impl End {
    /// The parts that took place.
    fn parts(&self) -> &'static [Part] {
        match self {
            Self::Complete => &[Part::Steady, Part::Faults, Part::Recovery],
            Self::NotSteady => &[Part::Steady],
            Self::Aborted | Self::Stopped => &[Part::Steady, Part::Faults],
        }
    }

    fn verdict(&self, holds: bool) -> &'static str {
        match self {
            Self::NotSteady => "no fault was injected: what must hold does not hold without faults",
            Self::Aborted => {
                "aborted: the condition of `abort` was met, and the faults were removed"
            }
            Self::Stopped => "stopped by a signal: the faults were removed",
            Self::Complete if holds => "all that must hold did",
            Self::Complete => "something that must hold did not",
        }
    }

    fn code(&self, holds: bool) -> ExitCode {
        match self {
            Self::Complete if holds => ExitCode::SUCCESS,
            Self::NotSteady => ExitCode::from(NOT_STEADY),
            _ => ExitCode::FAILURE,
        }
    }
}

/// Ends when the process is asked to stop.
async fn signal_to_stop() {
    let (interrupt, terminate) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    let (Ok(mut interrupt), Ok(mut terminate)) = (interrupt, terminate) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

/// All parts of an experiment, one after the other.
async fn parts(
    experiment: &Experiment,
    host: &Connection,
    load: &Load,
    ids: &mut Vec<u64>,
) -> anyhow::Result<End> {
    tokio::time::sleep(Duration::from_millis(experiment.steady_ms)).await;
    load.enter(Part::Settling);
    load.ended(Part::Steady).await;
    if !report::holds(experiment, Part::Steady, &load.samples.all()) {
        return Ok(End::NotSteady);
    }
    load.enter(Part::Faults);
    let end = with_faults(experiment, host, &load.samples, ids).await?;
    if end != End::Complete {
        return Ok(end);
    }
    load.enter(Part::Settling);
    load.ended(Part::Faults).await;
    tokio::time::sleep(Duration::from_millis(experiment.settle_ms)).await;
    load.enter(Part::Recovery);
    tokio::time::sleep(Duration::from_millis(experiment.recovery_ms)).await;
    load.enter(Part::Over);
    load.ended(Part::Recovery).await;
    Ok(End::Complete)
}

/// Injects the faults at their times, and waits for the end of the last one.
async fn with_faults(
    experiment: &Experiment,
    host: &Connection,
    samples: &Samples,
    ids: &mut Vec<u64>,
) -> anyhow::Result<End> {
    let injected = async {
        let mut faults: Vec<_> = experiment.faults.iter().collect();
        faults.sort_by_key(|planned| planned.after_ms);
        let begun = tokio::time::Instant::now();
        for planned in faults {
            tokio::time::sleep_until(begun + Duration::from_millis(planned.after_ms)).await;
            ids.push(host.add(&planned.fault()).await?);
        }
        tokio::time::sleep_until(begun + experiment.faults_time()).await;
        anyhow::Ok(End::Complete)
    };
    tokio::select! {
        end = injected => end,
        () = aborted(experiment.abort, experiment.requests.len(), samples) => Ok(End::Aborted),
    }
}

/// Ends when the condition is met.
async fn aborted(abort: Option<Abort>, kinds: usize, samples: &Samples) {
    let Some(abort) = abort else { return std::future::pending().await };
    loop {
        tokio::time::sleep(CHECK_INTERVAL).await;
        let last = samples.last(Duration::from_millis(abort.window_ms));
        if lowest_availability(kinds, &last) < abort.availability_percent {
            return;
        }
    }
}
