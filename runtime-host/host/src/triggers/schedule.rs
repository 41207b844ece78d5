//! Schedules: paths that are called at the start and then again and again.
//!
//! The pause is counted from the end of a run, so a run can never meet the one before it, and a
//! slow run makes the next one late instead of two of them due at once. A run ends with its answer's
//! last byte: a component may answer at once and work while its body goes out.

use super::post::Post;
use crate::message::Http;
use crate::registry::Registry;
use crate::telemetry::SpanKind;
use std::sync::Arc;
use std::time::Duration;
use tessera_manifest::{App, ComponentId};
use tokio::sync::watch;
use tokio::time::Instant;

/// While a path keeps failing, it is logged once in this time.
const LOG_PAUSE: Duration = Duration::from_secs(60);

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
            status => Err(format!("it answered {}", status.as_u16())),
        }
    }
}

/// Which failures are worth a line in the log.
#[derive(Debug, Default)]
struct Failures {
    last_logged: Option<Instant>,
    unlogged: u64,
}

impl Failures {
    /// A run failed: how many failures were kept back since the last line, if this one is to be
    /// logged.
    fn failed(&mut self, now: Instant) -> Option<u64> {
        if self.last_logged.is_some_and(|last| now.duration_since(last) < LOG_PAUSE) {
            self.unlogged += 1;
            return None;
        }
        self.last_logged = Some(now);
        Some(std::mem::take(&mut self.unlogged))
    }

    /// A run went well: the next failure is news.
    fn ended(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_logged_once_in_a_while_with_the_number_kept_back() {
        let mut failures = Failures::default();
        let start = Instant::now();
        assert_eq!(failures.failed(start), Some(0));
        assert_eq!(failures.failed(start + LOG_PAUSE / 2), None);
        assert_eq!(failures.failed(start + LOG_PAUSE * 2 / 3), None);
        assert_eq!(failures.failed(start + LOG_PAUSE), Some(2));
        failures.ended();
        assert_eq!(failures.failed(start + LOG_PAUSE * 3 / 2), Some(0));
    }
}
