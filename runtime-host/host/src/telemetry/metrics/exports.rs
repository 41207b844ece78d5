//! What became of exported telemetry.

use super::declarations::{Declarations, LabelSet, labels};
use crate::telemetry::otlp::{Export, Signal};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use std::sync::atomic::Ordering::Relaxed;

labels! {
    /// Labels of exported telemetry.
    SignalLabels {
        /// `traces`, `metrics` or `logs`.
        signal: &'static str,
    }
}

/// The counters of all signals.
#[derive(Debug)]
pub(super) struct Exports {
    exported: Family<SignalLabels, Counter>,
    dropped: Family<SignalLabels, Counter>,
}

impl Exports {
    pub(super) fn declare(all: &mut Declarations) -> Self {
        Self {
            exported: all.count(
                "telemetry_exported",
                "Spans, log records and exports of metrics that a collector has accepted; `signal` \
                 is `traces`, `metrics` or `logs`",
            ),
            dropped: all.count(
                "telemetry_dropped",
                "Those that were dropped because a queue was full, or because the collector did \
                 not accept them",
            ),
        }
    }

    pub(super) fn update(&self, export: &Export) {
        for signal in Signal::ALL {
            let Some(counts) = export.counts(signal) else { continue };
            let labels = SignalLabels { signal: signal.name() };
            let set = |family: &Family<SignalLabels, Counter>, value| {
                family.get_or_create(&labels).inner().store(value, Relaxed);
            };
            set(&self.exported, counts.exported.load(Relaxed));
            set(&self.dropped, counts.dropped.load(Relaxed));
        }
    }
}
