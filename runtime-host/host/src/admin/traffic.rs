//! What was counted of calls, for the views of components and of the topology.

use super::AdminState;
use crate::telemetry::{Counts, Series, SpanKind, Traffic};
use parking_lot::Mutex;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Figures that are younger are not read again: several consoles cost as much as one.
const AGE_MAX: Duration = Duration::from_millis(500);

/// The latest figures.
#[derive(Clone, Default)]
pub(crate) struct TrafficCache(Arc<Mutex<Option<Reading>>>);

/// Figures, and when they were read.
#[derive(Clone)]
pub(super) struct Reading {
    read: Instant,
    pub(super) at_ms: u64,
    pub(super) traffic: Arc<Traffic>,
}

/// Calls that are shown together.
#[derive(Debug, Default, Serialize)]
pub(super) struct Calls {
    count: u64,
    /// Those that failed by the host's judgment.
    failed: u64,
    /// By result.
    outcomes: BTreeMap<String, u64>,
    seconds: f64,
    buckets: Vec<u64>,
}

impl AdminState {
    /// The figures of now, or of a moment ago.
    #[expect(clippy::disallowed_methods, reason = "figures have a date")]
    pub(super) fn reading(&self) -> Reading {
        let mut latest = self.traffic.0.lock();
        if let Some(reading) = latest.as_ref().filter(|one| one.read.elapsed() < AGE_MAX) {
            return reading.clone();
        }
        let traffic = self.telemetry.metrics.traffic().unwrap_or_default();
        let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let reading = Reading {
            read: Instant::now(),
            at_ms: at.as_millis() as u64,
            traffic: Arc::new(traffic),
        };
        latest.insert(reading).clone()
    }
}

impl Calls {
    /// Adds those of a series.
    pub(super) fn add(&mut self, series: &Series) {
        let mut sum = Counts {
            calls: self.count,
            seconds: self.seconds,
            buckets: std::mem::take(&mut self.buckets),
        };
        sum.add(&series.counts);
        (self.count, self.seconds, self.buckets) = (sum.calls, sum.seconds, sum.buckets);
        *self.outcomes.entry(series.status.clone()).or_default() += series.counts.calls;
        if series.has_failed() {
            self.failed += series.counts.calls;
        }
    }
}

/// Whether a series is about calls of a component, and not about its operations.
pub(super) fn is_inbound(kind: SpanKind) -> bool {
    use SpanKind::{Chained, Delivery, Http, Link, Message, Schedule};
    matches!(kind, Chained | Delivery | Http | Link | Message | Schedule)
}
