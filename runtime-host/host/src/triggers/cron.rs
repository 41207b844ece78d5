//! `[[trigger.cron]]`: an exported function of a component that is called at times of the calendar.
//!
//! As in Spin's plugin, a run does not wait for the one before it. A run that is refused is tried again
//! until the next one is due, which may be a moment later, so runs are no background calls.

use super::refused::{Fault, Run};
use crate::calls::Call;
use crate::engine::{Ended, FunctionCall, FunctionName, Functions};
use crate::registry::Registry;
use crate::telemetry::{SpanKind, Telemetry, TraceContext};
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tessera_manifest::{App, CronTrigger};
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
    triggers: Vec<CronTrigger>,
}

impl CronTriggers {
    pub(crate) fn of(
        app: &App,
        registry: Arc<Registry<Functions>>,
        telemetry: Arc<Telemetry>,
    ) -> Self {
        let runs_here = |trigger: &&CronTrigger| app.components[&trigger.component].runs_here();
        let triggers = app.cron.iter().filter(runs_here).cloned().collect();
        Self { registry, telemetry, triggers }
    }

    /// Run them all. Ends when the application stops and the runs that had begun are over.
    pub(crate) async fn run(self, stop: watch::Receiver<bool>) {
        let running = self.triggers.iter().map(|one| repeat(one, &self, stop.clone()));
        futures::future::join_all(running).await;
    }
}

async fn repeat(trigger: &CronTrigger, all: &CronTriggers, mut stop: watch::Receiver<bool>) {
    let component = &trigger.component;
    let mut runs = FuturesUnordered::new();
    let mut last = now();
    while let Some(next) = trigger.schedule.next_after(last) {
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
            runs.push(run(trigger, all, last, stop.clone()));
        } else {
            tracing::error!(%component, "a run of the cron trigger is left out: {RUNS_MAX} others are running");
        }
    }
    tracing::info!(%component, "the cron trigger `{}` has no further runs", trigger.id);
    runs.collect().await
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // A closed channel means that everything is ending anyway.
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn run(
    trigger: &CronTrigger,
    all: &CronTriggers,
    time: SystemTime,
    stop: watch::Receiver<bool>,
) {
    let component = &trigger.component;
    let next = trigger.schedule.next_after(time);
    let until_next = next.and_then(|next| next.duration_since(now()).ok());
    let mut run = Run {
        component,
        name: "a run of the cron trigger",
        next: Instant::now() + until_next.unwrap_or(RETRIED_FOR).min(RETRIED_FOR),
        stop,
        telemetry: &all.telemetry,
    };
    let ended = run.make(|| call(&all.registry, component, time)).await;
    if let Some(Err(fault)) = ended {
        tracing::error!(%component, "the run of the cron trigger failed: {fault}");
    }
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

#[expect(clippy::disallowed_methods, reason = "cron triggers have dates")]
fn now() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_no_background_calls() {
        assert_eq!(call_of_run().chain.priority(), Priority::Interactive);
    }
}
