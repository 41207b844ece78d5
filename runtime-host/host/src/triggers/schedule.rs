//! Schedules: paths that are called at the start and then again and again.
//!
//! The pause is counted from the end of a run, so a run can never meet the one before it, and a
//! slow run makes the next one late instead of two of them due at once. A run ends with the last
//! byte of its response: a component may respond immediately and work while its body is sent. Runs
//! are background calls: after one that is refused, the next one is made after the pause.

use super::failures::Failures;
use super::post::Post;
use crate::message::Http;
use crate::registry::Registry;
use crate::telemetry::SpanKind;
use std::sync::Arc;
use std::time::Duration;
use tessera_manifest::{App, ComponentId};
use tokio::sync::watch;
use tokio::time::Instant;

/// All schedules of an application.
pub(crate) struct Schedules {
    registry: Arc<Registry<Http>>,
    entries: Vec<Entry>,
}

struct Entry {
    component: ComponentId,
    path: String,
    every: Duration,
}

impl Schedules {
    pub(crate) fn of(app: &App, registry: Arc<Registry<Http>>) -> Self {
        let entries = app.components.values().flat_map(|component| {
            component.settings.schedule.iter().map(|schedule| Entry {
                component: component.id.clone(),
                path: schedule.path.clone(),
                every: Duration::from_millis(schedule.every_ms),
            })
        });
        let entries = entries.collect();
        Self { registry, entries }
    }

    /// Run them all. Ends when the application stops and the runs that had begun are over.
    pub(crate) async fn run(self, stop: watch::Receiver<bool>) {
        let Self { registry, entries } = &self;
        let running = entries.iter().map(|entry| entry.repeat(registry, stop.clone()));
        futures::future::join_all(running).await;
    }
}

impl Entry {
    async fn repeat(&self, registry: &Registry<Http>, mut stop: watch::Receiver<bool>) {
        let mut failures = Failures::default();
        while !*stop.borrow() {
            match self.run_once(registry).await {
                Ok(()) => failures.ended(),
                Err(fault) => {
                    if let Some(unlogged) = failures.failed(Instant::now()) {
                        let (component, path) = (&self.component, &self.path);
                        tracing::error!(%component, unlogged, "schedule {path}: {fault}");
                    }
                }
            }
            tokio::select! {
                () = tokio::time::sleep(self.every) => {}
                // A closed channel means that everything is ending anyway.
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }

    async fn run_once(&self, registry: &Registry<Http>) -> Result<(), String> {
        let operation = format!("POST {}", self.path);
        let post = Post::empty(&self.component, &self.path, SpanKind::Schedule, &operation);
        match post.finish(registry).await? {
            status if status.is_success() => Ok(()),
            status => Err(format!("it returned {}", status.as_u16())),
        }
    }
}
