//! `tessera chaos run`.

use super::experiment::{Abort, Experiment};
use super::host::{Connection, Host};
use super::load::{Load, Samples};
use super::report::{self, Part, lowest_availability};
use crate::capabilities::outbound_http::{Client, OutboundPolicy};
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

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
    /// Shorten all times of the experiment to this share of them, for a quick look.
    #[arg(long, value_name = "PERCENT", default_value_t = 100,
          value_parser = clap::value_parser!(u64).range(1..=100))]
    time_percent: u64,
    #[command(flatten)]
    host: Host,
}

/// How an experiment ended.
#[derive(PartialEq, Eq)]
enum End {
    Complete,
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
        println!("{}", experiment.title);
        let client = Arc::new(Client::new(None, &OutboundPolicy::default())?);
        let load = Load::begin(&experiment, self.url.trim_end_matches('/'), &client);
        tokio::time::sleep(Duration::from_millis(experiment.steady_ms)).await;
        if !report::holds(&experiment, Part::Steady, &load.samples.all()) {
            print!("{}", report::report(&experiment, &load.samples.all()).0);
            println!("no fault was injected: what must hold does not hold without faults");
            return Ok(ExitCode::from(NOT_STEADY));
        }
        load.enter(Part::Faults);
        let mut ids = Vec::new();
        let end = with_faults(&experiment, &host, &load.samples, &mut ids).await;
        for id in ids {
            // Most have ended by themselves.
            let _ = host.remove(Some(id)).await;
        }
        let end = end?;
        if end == End::Complete {
            load.enter(Part::Settling);
            tokio::time::sleep(Duration::from_millis(experiment.settle_ms)).await;
            load.enter(Part::Recovery);
            tokio::time::sleep(Duration::from_millis(experiment.recovery_ms)).await;
        }
        let (text, holds) = report::report(&experiment, &load.samples.all());
        print!("{text}");
        println!("{}", verdict(&end, holds));
        Ok(if end == End::Complete && holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn verdict(end: &End, holds: bool) -> &'static str {
    match (end, holds) {
        (End::Aborted, _) => {
            "aborted: the condition of `abort` was met, and the faults were removed"
        }
        (End::Stopped, _) => "stopped by a signal: the faults were removed",
        (End::Complete, true) => "all that must hold did",
        (End::Complete, false) => "something that must hold did not",
    }
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
        _ = tokio::signal::ctrl_c() => Ok(End::Stopped),
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
