//! Schedules: paths that are called at the start and then again and again.
//!
//! The pause is counted from the end of a run, so a run can never meet the one before it, and a
//! slow run makes the next one late instead of two of them due at once. A run ends with the last
//! byte of its response: a component may respond immediately and work while its body is sent. Runs
//! are background calls: after one that is refused, the next one is made after the pause.

use super::failures::Failures;
use super::post::Post;
use super::runs::{Repeated, RunList, Timing, now};
use crate::message::Http;
use crate::registry::Registry;
use crate::telemetry::SpanKind;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// All schedules of an application.
pub(crate) struct Schedules {
    registry: Arc<Registry<Http>>,
    runs: RunList,
}

struct Entry<'a> {
    repeated: &'a Repeated,
    path: &'a str,
    pause: Duration,
}

impl Schedules {
    pub(crate) fn new(runs: RunList, registry: Arc<Registry<Http>>) -> Self {
        Self { registry, runs }
    }

    /// Run them all. Ends when the application stops and the runs that had begun are over.
    pub(crate) async fn run(self, stop: watch::Receiver<bool>) {
        let entries = self.runs.iter().filter_map(|repeated| match &repeated.timing {
            Timing::Every { path, pause } => Some(Entry { repeated, path, pause: *pause }),
            Timing::Cron { .. } => None,
        });
        let running = entries.map(|entry| entry.repeat(&self.registry, stop.clone()));
        futures::future::join_all(running).await;
    }
}

impl Entry<'_> {
    async fn repeat(self, registry: &Registry<Http>, mut stop: watch::Receiver<bool>) {
        let mut failures = Failures::default();
        while !*stop.borrow() {
            let run = self.repeated.begin();
            let result = self.run_once(registry).await;
            run.end(result.is_err());
            match result {
                Ok(()) => failures.ended(),
                Err(fault) => {
                    if let Some(unlogged) = failures.failed(Instant::now()) {
                        let (component, path) = (&self.repeated.component, self.path);
                        tracing::error!(%component, unlogged, "schedule {path}: {fault}");
                    }
                }
            }
            self.repeated.set_next(now().checked_add(self.pause));
            tokio::select! {
                () = tokio::time::sleep(self.pause) => {}
                // A closed channel means that everything is ending anyway.
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }

    async fn run_once(&self, registry: &Registry<Http>) -> Result<(), String> {
        let operation = format!("POST {}", self.path);
        let component = &self.repeated.component;
        let post = Post::empty(component, self.path, SpanKind::Schedule, &operation);
        match post.finish(registry).await? {
            status if status.is_success() => Ok(()),
            status => Err(format!("it returned {}", status.as_u16())),
        }
    }
}
