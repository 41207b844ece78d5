//! Schedules: paths that are called at the start and then again and again.
//!
//! The pause is counted from the end of a run, so a run can never meet the one before it, and a
//! slow run makes the next one late instead of two of them due at once. A run ends with the last
//! byte of its response: a component may respond immediately and work while its body is sent. Runs
//! are background calls. One that is refused is tried again until the next one is due.

use super::failures::Failures;
use super::post::Post;
use super::refused::{Fault, Run};
use crate::message::Http;
use crate::registry::Registry;
use crate::telemetry::{SpanKind, Telemetry};
use std::sync::Arc;
use std::time::Duration;
use tessera_manifest::{App, ComponentId};
use tokio::sync::watch;
use tokio::time::Instant;

/// All schedules of an application.
pub(crate) struct Schedules {
    registry: Arc<Registry<Http>>,
    telemetry: Arc<Telemetry>,
    entries: Vec<Entry>,
}

struct Entry {
    component: ComponentId,
    path: String,
    every: Duration,
}

impl Schedules {
    pub(crate) fn of(app: &App, registry: Arc<Registry<Http>>, telemetry: Arc<Telemetry>) -> Self {
        let entries = app.components.values().flat_map(|component| {
            component.settings.schedule.iter().map(|schedule| Entry {
                component: component.id.clone(),
                path: schedule.path.clone(),
                every: Duration::from_millis(schedule.every_ms),
            })
        });
        let entries = entries.collect();
        Self { registry, telemetry, entries }
    }

    /// Run them all. Ends when the application stops and the runs that had begun are over.
    pub(crate) async fn run(self, stop: watch::Receiver<bool>) {
        let running = self.entries.iter().map(|entry| entry.repeat(&self, stop.clone()));
        futures::future::join_all(running).await;
    }
}

impl Entry {
    async fn repeat(&self, all: &Schedules, mut stop: watch::Receiver<bool>) {
        let (component, path) = (&self.component, &self.path);
        let name = format!("schedule {path}");
        let mut failures = Failures::default();
        while !*stop.borrow() {
            let next = Instant::now() + self.every;
            let (stop_of_run, telemetry) = (stop.clone(), &*all.telemetry);
            let mut run = Run { component, name: &name, next, stop: stop_of_run, telemetry };
            let Some(ended) = run.make(|| self.run_once(&all.registry)).await else { return };
            // After a run that was not made, the next one is due when it was to be.
            let wait = match &ended {
                Err(Fault::Lost(_)) => next.saturating_duration_since(Instant::now()),
                _ => self.every,
            };
            match ended {
                Ok(()) => failures.ended(),
                Err(fault) => {
                    if let Some(unlogged) = failures.failed(Instant::now()) {
                        tracing::error!(%component, unlogged, "{name}: {fault}");
                    }
                }
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                // A closed channel means that everything is ending anyway.
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }

    async fn run_once(&self, registry: &Registry<Http>) -> Result<(), Fault> {
        let operation = format!("POST {}", self.path);
        let post = Post::empty(&self.component, &self.path, SpanKind::Schedule, &operation);
        match post.finish(registry).await? {
            status if status.is_success() => Ok(()),
            status => Err(format!("it returned {}", status.as_u16()).into()),
        }
    }
}
