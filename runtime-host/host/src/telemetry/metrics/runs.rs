//! What became of runs that were refused: those of schedules and of cron triggers.

use super::declarations::Declarations;
use super::{ComponentLabels, PerComponent};
use prometheus_client::metrics::counter::Counter;

/// The counters of all components.
#[derive(Debug)]
pub(crate) struct Runs {
    retried: PerComponent<Counter>,
    lost: PerComponent<Counter>,
}

impl Runs {
    pub(super) fn declare(all: &mut Declarations) -> Self {
        Self {
            retried: all.count(
                "schedule_retries",
                "Further attempts of runs of schedules and cron triggers that were refused",
            ),
            lost: all
                .count("schedule_runs_lost", "Runs that were refused until the next one was due"),
        }
    }

    /// A run is tried again.
    pub(crate) fn retried(&self, component: &str) {
        self.retried.get_or_create(&labels(component)).inc();
    }

    /// A run was not made.
    pub(crate) fn lost(&self, component: &str) {
        self.lost.get_or_create(&labels(component)).inc();
    }
}

fn labels(component: &str) -> ComponentLabels {
    ComponentLabels { component: component.to_owned() }
}
