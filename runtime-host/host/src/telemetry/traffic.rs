//! What the metrics say about calls, components and the process, for the admin listener.
//!
//! It is read from the text of the metrics, so that calls are counted once, for all readers.

use super::SpanKind;
use super::open_metrics::{Family, Sample, families, series};
use std::collections::BTreeMap;

/// The figures at one moment. Those of calls count from the start of the process.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    /// The upper bounds of all buckets but the last, in seconds.
    pub(crate) bounds_s: Vec<f64>,
    pub(crate) series: Vec<Series>,
    /// By component.
    pub(crate) instances: BTreeMap<String, InstanceFigures>,
    pub(crate) process: ProcessFigures,
}

/// Calls with the same labels.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) kind: SpanKind,
    /// The called component, or the one that makes the operation.
    pub(crate) component: String,
    /// The calling component; only known of links.
    pub(crate) caller: Option<String>,
    pub(crate) route: String,
    pub(crate) status: String,
    pub(crate) counts: Counts,
}

/// How many calls there were, and how long they took.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Counts {
    pub(crate) calls: u64,
    pub(crate) seconds: f64,
    /// Calls in each bucket; the last one has no bound.
    pub(crate) buckets: Vec<u64>,
}

/// The instances of a component.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct InstanceFigures {
    pub(crate) existing: u64,
    pub(crate) made: u64,
}

/// Figures of the whole process.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ProcessFigures {
    pub(crate) started_at_s: f64,
    pub(crate) cpu_seconds: f64,
    pub(crate) resident_bytes: u64,
    pub(crate) threads: u64,
    pub(crate) open_files: u64,
    pub(crate) connections: u64,
}

impl Series {
    /// Whether these calls failed: by the host's judgment, and not by that of the caller or of the
    /// contract.
    pub(crate) fn has_failed(&self) -> bool {
        match self.status.parse::<u16>() {
            Ok(status) => status >= 500,
            Err(_) => !is_answer(&self.status),
        }
    }
}

/// Whether a result that is no HTTP status is no failure: also what a client did wrong.
pub(super) fn is_answer(result: &str) -> bool {
    const ANSWERS: [&str; 7] = [
        "ok",
        "refused",
        "cancelled",
        "not-found",
        "body-too-large",
        "body-incomplete",
        "body-malformed",
    ];
    ANSWERS.contains(&result)
}

impl Counts {
    /// Adds the calls of another series.
    pub(crate) fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.seconds += other.seconds;
        self.buckets.resize(self.buckets.len().max(other.buckets.len()), 0);
        for (sum, count) in self.buckets.iter_mut().zip(&other.buckets) {
            *sum += count;
        }
    }
}

impl Traffic {
    /// Reads the text of the metrics.
    pub(super) fn read(text: &str) -> Self {
        let mut traffic = Self::default();
        for family in families(text) {
            match kind(family.name) {
                Some(kind) => traffic.add_calls(kind, &family),
                None => traffic.add_figures(&family),
            }
        }
        traffic
    }

    fn add_calls(&mut self, kind: SpanKind, family: &Family<'_>) {
        for (labels, histogram) in series(&family.samples) {
            let label = |wanted: &str| {
                let found = labels.iter().find(|(name, _)| *name == wanted);
                found.map(|(_, value)| value.clone())
            };
            let (bounds_s, buckets) = histogram.buckets(None);
            let (calls, seconds) = (histogram.count as u64, histogram.sum);
            self.bounds_s = bounds_s;
            self.series.push(Series {
                kind,
                component: label("component").unwrap_or_default(),
                caller: label("caller"),
                route: label("route").unwrap_or_default(),
                status: label("status").unwrap_or_default(),
                counts: Counts { calls, seconds, buckets },
            });
        }
    }

    fn add_figures(&mut self, family: &Family<'_>) {
        for sample in &family.samples {
            let count = sample.value.max(0.0) as u64;
            match family.name {
                "tessera_instances" => self.of_component(sample).existing = count,
                "tessera_instantiations" => self.of_component(sample).made = count,
                "tessera_http_connections" => self.process.connections = count,
                "process_start_time_seconds" => self.process.started_at_s = sample.value,
                "process_cpu_seconds" => self.process.cpu_seconds = sample.value,
                "process_resident_memory_bytes" => self.process.resident_bytes = count,
                "process_threads" => self.process.threads = count,
                "process_open_fds" => self.process.open_files = count,
                _ => {}
            }
        }
    }

    fn of_component(&mut self, sample: &Sample<'_>) -> &mut InstanceFigures {
        let component = sample.labels.iter().find(|(name, _)| *name == "component");
        let component = component.map(|(_, value)| value.clone()).unwrap_or_default();
        self.instances.entry(component).or_default()
    }
}

/// What a histogram measures.
fn kind(family: &str) -> Option<SpanKind> {
    Some(match family {
        "tessera_http_request_duration_seconds" => SpanKind::Http,
        "tessera_link_call_duration_seconds" => SpanKind::Link,
        "tessera_chained_request_duration_seconds" => SpanKind::Chained,
        "tessera_outbound_request_duration_seconds" => SpanKind::Outbound,
        "tessera_store_operation_duration_seconds" => SpanKind::Store,
        "tessera_schedule_run_duration_seconds" => SpanKind::Schedule,
        "tessera_event_publish_duration_seconds" => SpanKind::Publish,
        "tessera_event_delivery_duration_seconds" => SpanKind::Delivery,
        "tessera_redis_message_duration_seconds" => SpanKind::Message,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::{Metrics, Operation, Outcome, Telemetry, TraceContext};
    use std::sync::Arc;

    #[test]
    fn every_histogram_of_the_host_is_read() {
        let metrics = Metrics::default();
        let histograms = metrics.declarations.iter().filter(|one| one.kind == "histogram");
        for histogram in histograms {
            assert!(kind(&histogram.name).is_some(), "{}", histogram.name);
        }
    }

    #[test]
    fn calls_are_read_with_their_caller_and_their_result() {
        let telemetry = Arc::new(Telemetry::default());
        for outcome in [Outcome::Ok, Outcome::Ok, Outcome::Failed("trap")] {
            let (callee, operation) = ("callee".into(), Operation::from("values.get"));
            let parent = TraceContext::root();
            let mut span = telemetry.span(SpanKind::Link, &callee, operation, &parent);
            span.caller = Some("caller".into());
            span.end(outcome);
        }
        let traffic = telemetry.metrics.traffic().unwrap();
        let of = |status: &str| traffic.series.iter().find(|one| one.status == status).unwrap();
        assert_eq!((of("ok").counts.calls, of("trap").counts.calls), (2, 1));
        assert_eq!((of("ok").has_failed(), of("trap").has_failed()), (false, true));
        assert_eq!(of("ok").caller.as_deref(), Some("caller"));
        assert_eq!(of("ok").counts.buckets.len(), traffic.bounds_s.len() + 1);
        assert_eq!(of("ok").counts.buckets.iter().sum::<u64>(), 2);
        assert!(traffic.process.started_at_s > 0.0);
    }

    #[test]
    fn counts_add_up() {
        let mut sum = Counts::default();
        sum.add(&Counts { calls: 2, seconds: 0.5, buckets: vec![1, 1] });
        sum.add(&Counts { calls: 1, seconds: 1.0, buckets: vec![0, 1] });
        assert_eq!(sum, Counts { calls: 3, seconds: 1.5, buckets: vec![1, 2] });
    }
}
