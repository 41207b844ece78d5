//! What is known of repeated runs: when they began, how they ended, and when the next one begins.

use parking_lot::Mutex;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tessera_manifest::{App, CronSchedule};
use tokio::time::Instant;

/// A schedule or a cron trigger, with what is known of its runs.
#[derive(Debug)]
pub(crate) struct Repeated {
    /// The component that is called.
    pub(crate) component: String,
    pub(crate) timing: Timing,
    runs: Mutex<Runs>,
}

/// When runs begin.
#[derive(Debug)]
pub(crate) enum Timing {
    /// Again and again, with a pause after the end of each run.
    Every { path: String, pause: Duration },
    /// At times of the calendar.
    Cron { id: String, schedule: CronSchedule },
}

/// The runs since the start of the process.
#[derive(Debug, Clone, Default)]
pub(crate) struct Runs {
    /// Those that have not ended.
    pub(crate) running: u64,
    pub(crate) succeeded: u64,
    pub(crate) failed: u64,
    /// The last one that has ended.
    pub(crate) last: Option<Run>,
    /// When the next one begins; `None` if that is not known yet, or if there are no more.
    pub(crate) next: Option<SystemTime>,
}

/// A run that has ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    pub(crate) started: SystemTime,
    pub(crate) duration: Duration,
    pub(crate) has_failed: bool,
}

/// All schedules and cron triggers of an application.
pub(crate) type RunList = Arc<[Arc<Repeated>]>;

/// A run in progress. If it is dropped before it has ended, it is no longer counted.
pub(super) struct Running<'a> {
    repeated: &'a Repeated,
    started: SystemTime,
    begun: Instant,
}

/// Those of an application, in the order of the manifest.
pub(crate) fn of(app: &App) -> RunList {
    let schedules = app.components.values().flat_map(|component| {
        component.settings.schedule.iter().map(|schedule| {
            let pause = Duration::from_millis(schedule.every_ms);
            Repeated::new(&component.id, Timing::Every { path: schedule.path.clone(), pause })
        })
    });
    let runs_here = |component: &String| app.components[component].runs_here();
    let cron = app.cron.iter().filter(|trigger| runs_here(&trigger.component)).map(|trigger| {
        let (id, schedule) = (trigger.id.clone(), trigger.schedule.clone());
        Repeated::new(&trigger.component, Timing::Cron { id, schedule })
    });
    schedules.chain(cron).map(Arc::new).collect()
}

impl Repeated {
    fn new(component: &str, timing: Timing) -> Self {
        Self { component: component.to_owned(), timing, runs: Mutex::default() }
    }

    /// What is known now.
    pub(crate) fn runs(&self) -> Runs {
        self.runs.lock().clone()
    }

    /// When the next run begins.
    pub(super) fn set_next(&self, next: Option<SystemTime>) {
        self.runs.lock().next = next;
    }

    /// A run begins.
    pub(super) fn begin(&self) -> Running<'_> {
        self.runs.lock().running += 1;
        Running { repeated: self, started: now(), begun: Instant::now() }
    }
}

impl Running<'_> {
    /// It has ended.
    pub(super) fn end(self, has_failed: bool) {
        let run = Run { started: self.started, duration: self.begun.elapsed(), has_failed };
        let mut runs = self.repeated.runs.lock();
        let count = if has_failed { &mut runs.failed } else { &mut runs.succeeded };
        *count += 1;
        runs.last = Some(run);
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.repeated.runs.lock().running -= 1;
    }
}

/// The date of now.
#[expect(clippy::disallowed_methods, reason = "runs have dates")]
pub(super) fn now() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn runs_are_counted_by_their_result() {
        let timing = Timing::Every { path: "/sweep".to_owned(), pause: Duration::from_secs(1) };
        let repeated = Repeated::new("orders", timing);
        repeated.begin().end(false);
        repeated.begin().end(true);
        let running = repeated.begin();
        let runs = repeated.runs();
        assert_eq!((runs.running, runs.succeeded, runs.failed), (1, 1, 1));
        assert!(runs.last.unwrap().has_failed);
        drop(running);
        assert_eq!(repeated.runs().running, 0);
    }
}
