//! `[[trigger.cron]]`: an exported function of a component that is called at times of the calendar.
//!
//! As in Spin's plugin, a run does not wait for the one before it. A run that is refused is tried again
//! until the next one is due, which may be a moment later, so runs are no background calls.

use super::refused::{Fault, Run};
use super::runs::{Repeated, RunList, Timing, now};
use crate::calls::Call;
use crate::engine::{Ended, FunctionCall, FunctionName, Functions};
use crate::registry::Registry;
use crate::telemetry::{SpanKind, Telemetry, TraceContext};
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tessera_manifest::CronSchedule;
use tessera_resilience::Priority;
use tokio::sync::watch;
use tokio::time::Instant;

/// The function that a component exports.
pub(crate) const HANDLER: &str = "handle-cron-event";
/// Runs of one trigger at once. While there are more, further ones are left out.
const RUNS_MAX: usize = 64;
/// A run that is refused is tried again for at most this long: later, its time has passed.
const RETRIED_FOR: Duration = Duration::from_secs(3_600);

/// All cron triggers of an application.
pub(crate) struct CronTriggers {
    registry: Arc<Registry<Functions>>,
    telemetry: Arc<Telemetry>,
    runs: RunList,
}

impl CronTriggers {
    pub(crate) fn new(
        runs: RunList,
        registry: Arc<Registry<Functions>>,
        telemetry: Arc<Telemetry>,
    ) -> Self {
        Self { registry, telemetry, runs }
    }

    /// Run them all. Ends when the application stops and the runs that had begun are over.
    pub(crate) async fn run(self, stop: watch::Receiver<bool>) {
        let triggers = self.runs.iter().filter_map(|repeated| match &repeated.timing {
            Timing::Cron { id, schedule } => Some(Trigger { repeated, id, schedule }),
            Timing::Every { .. } => None,
        });
        let running = triggers.map(|trigger| trigger.repeat(&self, stop.clone()));
        futures::future::join_all(running).await;
    }
}

struct Trigger<'a> {
    repeated: &'a Repeated,
    id: &'a str,
    schedule: &'a CronSchedule,
}

impl Trigger<'_> {
    async fn repeat(self, all: &CronTriggers, mut stop: watch::Receiver<bool>) {
        let component = &self.repeated.component;
        let mut runs = FuturesUnordered::new();
        let mut last = now();
        while let Some(next) = self.schedule.next_after(last) {
            self.repeated.set_next(Some(next));
            let wait = next.duration_since(now()).unwrap_or_default();
            let mut wait = Box::pin(tokio::time::sleep(wait));
            loop {
                tokio::select! {
                    () = &mut wait => break,
                    Some(()) = runs.next() => {}
                    () = stopped(&mut stop) => return runs.collect().await,
                }
            }
            // After a pause of the machine, times that have passed are left out.
            last = now().max(next);
            if runs.len() < RUNS_MAX {
                runs.push(self.run(all, last, stop.clone()));
            } else {
                tracing::error!(%component, "a run of the cron trigger is left out: {RUNS_MAX} others are running");
            }
        }
        self.repeated.set_next(None);
        tracing::info!(%component, "the cron trigger `{}` has no further runs", self.id);
        runs.collect().await
    }

    async fn run(&self, all: &CronTriggers, time: SystemTime, stop: watch::Receiver<bool>) {
        let component = &self.repeated.component;
        let next = self.schedule.next_after(time);
        let until_next = next.and_then(|next| next.duration_since(now()).ok());
        let mut run = Run {
            component,
            name: "a run of the cron trigger",
            next: Instant::now() + until_next.unwrap_or(RETRIED_FOR).min(RETRIED_FOR),
            stop,
            telemetry: &all.telemetry,
        };
        let running = self.repeated.begin();
        let Some(ended) = run.make(|| call(&all.registry, component, time)).await else { return };
        running.end(ended.is_err());
        if let Err(fault) = ended {
            tracing::error!(%component, "the run of the cron trigger failed: {fault}");
        }
    }
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // A closed channel means that everything is ending anyway.
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn call(
    registry: &Registry<Functions>,
    component: &str,
    time: SystemTime,
) -> Result<(), Fault> {
    let entry = registry.resolve(component)?;
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let request = FunctionCall::with_field(FunctionName::of_world(HANDLER), "timestamp", seconds);
    let results = entry.call(call_of_run(), request).await?;
    match Ended::of(&results) {
        Ended::Failed(text) => Err(text.into()),
        Ended::Ok | Ended::Exited(_) => Ok(()),
    }
}

/// It does not give way as the run of a schedule does: it has a time of the calendar.
fn call_of_run() -> Call {
    let call = Call::from_outside(SpanKind::Schedule, "cron".into(), TraceContext::root());
    let chain = call.chain.with(Priority::Interactive);
    Call { chain, ..call }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_no_background_calls() {
        assert_eq!(call_of_run().chain.priority(), Priority::Interactive);
    }
}
