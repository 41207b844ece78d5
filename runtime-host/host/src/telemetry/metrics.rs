//! Every metric that the host keeps, declared once. Served in the OpenMetrics text format.

mod calls;
mod declarations;
mod edges;
mod exports;
mod flags;
mod front_limit;
mod label_sets;
mod plain_text;
mod process;
mod readiness;
mod runs;

#[cfg(test)]
pub(crate) use declarations::Declaration;
pub(crate) use edges::EdgeCounts;
pub(crate) use front_limit::FrontLimit;
pub(crate) use label_sets::ComponentLabels;
pub(crate) use plain_text::plain_text;

use super::Traffic;
use super::otlp::Export;
use super::span::EndedSpan;
use calls::CallFamilies;
use declarations::{Declarations, OWN};
use edges::EdgeFamilies;
use exports::Exports;
use flags::FlagEvaluations;
use label_sets::{
    BuildLabels, CopyLabels, DeliveryLabels, FaultLabels, LimitLabels, PublishLabels,
    SubscriptionLabels,
};
use process::Process;
use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use readiness::Readiness;
use runs::Runs;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tessera_events::{Progress, Statistics};

/// Upper bounds in seconds: the buckets that OpenTelemetry recommends for requests, and
/// finer ones below, where in-process calls live.
pub(super) const BUCKETS_S: [f64; 19] = [
    0.000_01, 0.000_05, 0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5,
    0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// Copies of calls for candidates of a component.
#[derive(Debug)]
pub(crate) struct CopyCounts {
    pub(crate) same: Counter,
    pub(crate) different: Counter,
    pub(crate) dropped: Counter,
    pub(crate) not_compared: Counter,
}

type PerComponent<M> = Family<ComponentLabels, M>;
type PerSubscription<M> = Family<SubscriptionLabels, M>;

/// All metrics. Cheap to record, made to live as long as the process.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    /// What any process has.
    process_registry: Registry,
    #[cfg(test)]
    pub(crate) declarations: Vec<Declaration>,
    calls: CallFamilies,
    pub(crate) runs: Runs,
    pub(crate) flags: FlagEvaluations,
    pub(crate) instances: PerComponent<Gauge>,
    pub(crate) instantiations: PerComponent<Counter>,
    pub(crate) moved_to_background: PerComponent<Counter>,
    pub(crate) log_bytes_dropped: PerComponent<Counter>,
    pub(crate) connections: Gauge,
    limits_reached: Family<LimitLabels, Counter>,
    edges: EdgeFamilies,
    rollout_copies: Family<CopyLabels, Counter>,
    faults_injected: Family<FaultLabels, Counter>,
    events_published: Family<PublishLabels, Counter>,
    event_deliveries: Family<DeliveryLabels, Counter>,
    // The rest is set when metrics are read.
    readiness: Readiness,
    memory: Gauge,
    memory_max: Gauge,
    streams: PerComponent<Gauge>,
    running: PerComponent<Gauge>,
    queued: PerComponent<Gauge>,
    concurrency_limit: PerComponent<Gauge>,
    lag_events: PerSubscription<Gauge>,
    lag: PerSubscription<Gauge<f64, AtomicU64>>,
    held: PerSubscription<Gauge>,
    retrying: PerSubscription<Gauge>,
    dead_letters: PerSubscription<Gauge>,
    log_events: Gauge,
    log_bytes: Gauge,
    removed: Counter,
    lost_deliveries: Counter,
    lost_dead_letters: Counter,
    exports: Exports,
    process: Process,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut all = Declarations::new(OWN);
        let mut of_process = Declarations::new("process");
        let process = Process::declare(&mut of_process);
        let build: Family<BuildLabels, Gauge> =
            all.count("build_info", "1, with the version of the host");
        build.get_or_create(&BuildLabels { version: env!("CARGO_PKG_VERSION") }).set(1);
        Self {
            calls: CallFamilies::declare(&mut all),
            runs: Runs::declare(&mut all),
            flags: FlagEvaluations::declare(&mut all),
            instances: all.count("instances", "Instances that exist"),
            instantiations: all.count("instantiations", "Instances that were made"),
            moved_to_background: all.count(
                "calls_moved_to_background",
                "Calls that continued at low priority because they computed for too long",
            ),
            readiness: Readiness::declare(&mut all),
            memory: all.bytes("instance_memory", "Memory of all instances"),
            memory_max: all.bytes("instance_memory_max", "The limit of this memory"),
            streams: all.count("streams", "Open streams"),
            running: all.count("calls_running", "Calls with a permit"),
            queued: all.count("calls_queued", "Calls that wait for a permit"),
            concurrency_limit: all.count(
                "concurrency_limit",
                "The limit of running calls now: `concurrency_max`, or less if it follows latency",
            ),
            log_bytes_dropped: all.count("log_bytes_dropped", "Output over `log_max_kib`"),
            connections: all.count("http_connections", "Open connections"),
            limits_reached: all.count(
                "http_limits_reached",
                "Requests and connections that were refused or closed at a limit of the HTTP \
                 front; `limit` is the name of the flag, for example `connections_max`",
            ),
            edges: EdgeFamilies::declare(&mut all),
            rollout_copies: all.count(
                "rollout_copies",
                "Copies of calls for candidates, by what became of their answers; see \
                 `tessera deploy --shadow`",
            ),
            faults_injected: all.count(
                "faults_injected",
                "Operations that an operator's faults were applied to; see `--chaos`",
            ),
            events_published: all.count(
                "events_published",
                "Events that were new (`fresh`), or in the log already (`duplicate`)",
            ),
            event_deliveries: all.count(
                "event_deliveries",
                "Deliveries: `done`, `rejected`, `failed`, or `deferred` because the subscriber \
                     had too many calls",
            ),
            lag_events: all.count("event_lag_events", "Events that are not processed yet"),
            lag: all.seconds("event_lag", "Age of the oldest event that is not processed yet"),
            held: all
                .count("event_held_events", "Events that wait behind a dead letter of their key"),
            retrying: all.count(
                "event_retrying_events",
                "Events whose delivery has failed and will be retried",
            ),
            dead_letters: all.count("event_dead_letters", "Dead letters"),
            log_events: all.count("event_log_events", "Events in the log"),
            log_bytes: all.bytes("event_log", "Size of the events in the log"),
            removed: all.count("events_removed", "Events that retention removed"),
            lost_deliveries: all.count(
                "event_deliveries_lost",
                "Deliveries that were not made before their event was removed",
            ),
            lost_dead_letters: all.count(
                "event_dead_letters_lost",
                "Dead letters that were removed with their event",
            ),
            exports: Exports::declare(&mut all),
            process,
            #[cfg(test)]
            declarations: all.list.into_iter().chain(of_process.list).collect(),
            registry: all.registry,
            process_registry: of_process.registry,
        }
    }
}

fn gauge(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

impl Metrics {
    /// A call or an operation has ended. If its trace is exported, it becomes the example of its
    /// bucket.
    pub(super) fn observe(&self, span: &EndedSpan, caller: Option<&Arc<str>>, is_exported: bool) {
        self.calls.observe(span, caller, is_exported);
    }

    /// A component has published events.
    pub(crate) fn published(&self, component: &str, fresh: u32, duplicates: u32) {
        for (outcome, count) in [("fresh", fresh), ("duplicate", duplicates)] {
            let labels = PublishLabels { component: component.to_owned(), outcome };
            self.events_published.get_or_create(&labels).inc_by(u64::from(count));
        }
    }

    /// An event was delivered to a subscription.
    pub(crate) fn delivered(&self, subscription: &str, outcome: &'static str) {
        let labels = DeliveryLabels { subscription: subscription.to_owned(), outcome };
        self.event_deliveries.get_or_create(&labels).inc();
    }

    /// The counts of copies for candidates of a component.
    pub(crate) fn copies(&self, component: &str) -> CopyCounts {
        let count = |outcome| {
            let labels = CopyLabels { component: component.to_owned(), outcome };
            self.rollout_copies.get_or_create_owned(&labels)
        };
        CopyCounts {
            same: count("same"),
            different: count("different"),
            dropped: count("dropped"),
            not_compared: count("not-compared"),
        }
    }

    /// A fault was applied to an operation.
    pub(crate) fn fault_injected(&self, target: &'static str, effect: &'static str) {
        self.faults_injected.get_or_create(&FaultLabels { target, effect }).inc();
    }

    /// A connection or a request was refused or closed at a limit of the HTTP front.
    pub(crate) fn limit_reached(&self, limit: FrontLimit) {
        self.limits_reached.get_or_create(&LimitLabels { limit: limit.name() }).inc();
    }

    /// What is counted of the calls of one component to another.
    pub(crate) fn edge(&self, caller: &Arc<str>, callee: &Arc<str>) -> EdgeCounts {
        self.edges.of(caller, callee)
    }

    /// Sets the states of circuit breakers.
    pub(crate) fn breaker(&self, caller: &Arc<str>, callee: &Arc<str>, state: &str) {
        self.edges.breaker(caller, callee, state);
    }

    /// Sets whether the host, its stores and its event log can be used.
    pub(crate) fn ready<'a>(
        &self,
        is_ready: bool,
        stores: impl Iterator<Item = (&'a str, bool)>,
        log_is_usable: bool,
    ) {
        self.readiness.set(is_ready, stores, log_is_usable);
    }

    /// Sets the memory of all instances and its limit.
    pub(crate) fn memory(&self, used_bytes: usize, max_bytes: usize) {
        self.memory.set(gauge(used_bytes as u64));
        self.memory_max.set(gauge(max_bytes as u64));
    }

    /// Sets the number of open streams of a component.
    pub(crate) fn streaming(&self, component: &str, count: usize) {
        let labels = ComponentLabels { component: component.to_owned() };
        self.streams.get_or_create(&labels).set(gauge(count as u64));
    }

    /// Sets the numbers of calls of a component, and the limit of those that run.
    pub(crate) fn occupied(&self, component: &str, running: usize, queued: usize, limit: usize) {
        let labels = ComponentLabels { component: component.to_owned() };
        let gauges = [&self.running, &self.queued, &self.concurrency_limit];
        for (family, count) in gauges.into_iter().zip([running, queued, limit]) {
            family.get_or_create(&labels).set(gauge(count as u64));
        }
    }

    /// Sets how far subscriptions are behind.
    pub(crate) fn subscriptions(&self, all: &[Progress]) {
        for one in all {
            let labels = SubscriptionLabels { subscription: one.name.clone() };
            self.lag_events.get_or_create(&labels).set(gauge(one.lag_events));
            self.lag.get_or_create(&labels).set(one.lag_ms as f64 / 1_000.0);
            self.held.get_or_create(&labels).set(gauge(one.held_events));
            self.retrying.get_or_create(&labels).set(gauge(one.retrying_events));
            self.dead_letters.get_or_create(&labels).set(gauge(one.dead_letters));
        }
    }

    /// Sets what the event log contains, and what it has lost: it counts for longer than this
    /// process.
    pub(crate) fn log(&self, log: &Statistics) {
        self.log_events.set(gauge(log.entries));
        self.log_bytes.set(gauge(log.bytes));
        self.removed.inner().store(log.removed, Ordering::Relaxed);
        self.lost_deliveries.inner().store(log.lost_deliveries, Ordering::Relaxed);
        self.lost_dead_letters.inner().store(log.lost_dead_letters, Ordering::Relaxed);
    }

    /// What they say about calls, components and the process.
    pub(crate) fn traffic(&self) -> Result<Traffic, fmt::Error> {
        Ok(Traffic::read(&self.encode()?))
    }

    /// Sets what became of exported telemetry.
    pub(crate) fn exports(&self, export: &Export) {
        self.exports.update(export);
    }

    /// All of them as text.
    pub(crate) fn encode(&self) -> Result<String, fmt::Error> {
        self.process.update();
        let mut out = String::new();
        text::encode_registry(&mut out, &self.registry)?;
        text::encode(&mut out, &self.process_registry)?;
        Ok(out)
    }
}
