//! Schedules: paths that are called at the start and then again and again.
//!
//! The pause is counted from the end of a run, so a run can never meet the one before it, and a
//! slow run makes the next one late instead of two of them due at once. A run ends with the last
//! byte of its response: a component may respond immediately and work while its body is sent. Runs
//! are background calls. One that is refused is tried again until the next one is due.

use super::failures::Failures;
use super::post::Post;
use super::refused::{Fault, Run};
use super::runs::{Repeated, RunList, Timing, now};
use crate::message::Http;
use crate::registry::Registry;
use crate::telemetry::{SpanKind, Telemetry};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// All schedules of an application.
pub(crate) struct Schedules {
    registry: Arc<Registry<Http>>,
    telemetry: Arc<Telemetry>,
    runs: RunList,
}

struct Entry<'a> {
    repeated: &'a Repeated,
    path: &'a str,
    pause: Duration,
}

impl Schedules {
    pub(crate) fn new(
        runs: RunList,
        registry: Arc<Registry<Http>>,
        telemetry: Arc<Telemetry>,
    ) -> Self {
        Self { registry, telemetry, runs }
    }

    /// Run them all. Ends when the application stops and the runs that had begun are over.
    pub(crate) async fn run(self, stop: watch::Receiver<bool>) {
        let entries = self.runs.iter().filter_map(|repeated| match &repeated.timing {
            Timing::Every { path, pause } => Some(Entry { repeated, path, pause: *pause }),
            Timing::Cron { .. } => None,
        });
        let running = entries.map(|entry| entry.repeat(&self, stop.clone()));
        futures::future::join_all(running).await;
    }
}

impl Entry<'_> {
    async fn repeat(self, all: &Schedules, mut stop: watch::Receiver<bool>) {
        let component = &self.repeated.component;
        let name = format!("schedule {}", self.path);
        let mut failures = Failures::default();
        while !*stop.borrow() {
            let next = Instant::now() + self.pause;
            let (stop_of_run, telemetry) = (stop.clone(), &*all.telemetry);
            let mut run = Run { component, name: &name, next, stop: stop_of_run, telemetry };
            let running = self.repeated.begin();
            let Some(ended) = run.make(|| self.run_once(&all.registry)).await else { return };
            running.end(ended.is_err());
            // After a run that was not made, the next one is due when it was to be.
            let wait = match &ended {
                Err(Fault::Lost(_)) => next.saturating_duration_since(Instant::now()),
                _ => self.pause,
            };
            match ended {
                Ok(()) => failures.ended(),
                Err(fault) => {
                    if let Some(unlogged) = failures.failed(Instant::now()) {
                        tracing::error!(%component, unlogged, "{name}: {fault}");
                    }
                }
            }
            self.repeated.set_next(now().checked_add(wait));
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                // A closed channel means that everything is ending anyway.
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }

    async fn run_once(&self, registry: &Registry<Http>) -> Result<(), Fault> {
        let operation = format!("POST {}", self.path);
        let component = &self.repeated.component;
        let post = Post::empty(component, self.path, SpanKind::Schedule, &operation);
        match post.finish(registry).await? {
            status if status.is_success() => Ok(()),
            status => Err(format!("it returned {}", status.as_u16()).into()),
        }
    }
}
