//! Every metric that the host keeps, declared once. Served in the OpenMetrics text format.

mod front;

pub(crate) use front::FrontLimit;

use super::{Operation, Outcome, SpanKind};
use front::Front;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tessera_events::{Progress, Statistics};

/// Upper bounds in seconds: the buckets that OpenTelemetry recommends for requests, and
/// finer ones below, where in-process calls live.
const BUCKETS_S: [f64; 18] = [
    0.000_01, 0.000_05, 0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5,
    0.75, 1.0, 2.5, 5.0, 10.0,
];

/// Labels of everything that has a beginning and an end.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct CallLabels {
    component: Text<Arc<str>>,
    /// The route of a request, `interface.function` of a link, the operation of a store.
    route: Text<Operation>,
    /// An HTTP status, `ok`, `refused`, `cancelled` or the name of a failure.
    status: Text<Outcome>,
}

/// A label that is formatted when metrics are read, not when something is counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Text<T>(T);

impl<T: fmt::Display> EncodeLabelValue for Text<T> {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        write!(encoder, "{}", self.0)
    }
}

/// Labels of what a component has.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ComponentLabels {
    pub(crate) component: String,
}

/// Labels of what a component has published.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct PublishLabels {
    component: String,
    /// `fresh` or `duplicate`.
    outcome: &'static str,
}

/// Labels of deliveries: subscriptions are those of the manifest.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct EventLabels {
    subscription: String,
    /// `done`, `rejected` or `failed`.
    outcome: &'static str,
}

impl EventLabels {
    pub(crate) fn new(subscription: &str, outcome: &'static str) -> Self {
        Self { subscription: subscription.to_owned(), outcome }
    }
}

/// Labels of what a subscription has.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SubscriptionLabels {
    subscription: String,
}

type PerSubscription<M> = Family<SubscriptionLabels, M>;

/// How far subscriptions are behind, as of the last look.
#[derive(Debug, Default)]
struct Lag {
    events: PerSubscription<Gauge>,
    seconds: PerSubscription<Gauge<f64, AtomicU64>>,
    held: PerSubscription<Gauge>,
    retrying: PerSubscription<Gauge>,
    dead_letters: PerSubscription<Gauge>,
}

impl Lag {
    fn register(registry: &mut Registry) -> Self {
        let lag = Self::default();
        let help = "Events that a subscription is not yet done with";
        registry.register("event_lag_events", help, lag.events.clone());
        let help = "Age of the oldest event that a subscription is not yet done with";
        registry.register_with_unit("event_lag", help, Unit::Seconds, lag.seconds.clone());
        let help = "Events that wait behind a dead letter of their key";
        registry.register("event_held_events", help, lag.held.clone());
        let help = "Events whose delivery has failed and will be tried again";
        registry.register("event_retrying_events", help, lag.retrying.clone());
        let help = "Events that were given up";
        registry.register("event_dead_letters", help, lag.dead_letters.clone());
        lag
    }
}

/// What the log holds and has lost, as of the last look. It counts for longer than this process.
#[derive(Debug, Default)]
struct Held {
    events: Gauge,
    bytes: Gauge,
    removed: Counter,
    lost_deliveries: Counter,
    lost_dead_letters: Counter,
}

impl Held {
    fn register(registry: &mut Registry) -> Self {
        let held = Self::default();
        registry.register("event_log_events", "Events in the log", held.events.clone());
        let help = "Size of the events in the log";
        registry.register_with_unit("event_log", help, Unit::Bytes, held.bytes.clone());
        let help = "Events that the log removed because of their age or its size";
        registry.register("events_removed", help, held.removed.clone());
        let help = "Deliveries still owed when their event was removed";
        registry.register("event_deliveries_lost", help, held.lost_deliveries.clone());
        let help = "Dead letters that the hard limit removed together with their events";
        registry.register("event_dead_letters_lost", help, held.lost_dead_letters.clone());
        held
    }
}

type Durations = Family<CallLabels, Histogram>;

/// All metrics. Cheap to record, made to live as long as the process.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    http: Durations,
    links: Durations,
    chained: Durations,
    outbound: Durations,
    stores: Durations,
    schedules: Durations,
    publishing: Durations,
    deliveries: Durations,
    /// Instances that exist now, warm or busy.
    pub(crate) instances: Family<ComponentLabels, Gauge>,
    /// Instances made since the start.
    pub(crate) instantiations: Family<ComponentLabels, Counter>,
    /// Calls that moved to the background because they computed for too long.
    pub(crate) moved_to_background: Family<ComponentLabels, Counter>,
    /// Memory of all instances at the last update, and its limit.
    memory: Gauge,
    memory_max: Gauge,
    /// Open streams at the last update.
    streams: Family<ComponentLabels, Gauge>,
    /// Bytes of guest output that were over the limit of a call and so dropped.
    pub(crate) log_bytes_dropped: Family<ComponentLabels, Counter>,
    /// Events published: those that were new, and those that the log had already.
    events_published: Family<PublishLabels, Counter>,
    /// Deliveries by what became of them.
    pub(crate) event_deliveries: Family<EventLabels, Counter>,
    /// Metrics of the HTTP front.
    pub(crate) front: Front,
    lag: Lag,
    held: Held,
}

fn gauge(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn histogram() -> Histogram {
    Histogram::new(BUCKETS_S)
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("tessera");
        let mut durations = |name: &str, help: &str| {
            let family = Durations::new_with_constructor(histogram);
            registry.register_with_unit(name, help, Unit::Seconds, family.clone());
            family
        };
        let http = durations("http_request_duration", "Requests from outside");
        let links = durations("link_call_duration", "Calls through typed links");
        let chained = durations("chained_request_duration", "Requests between components");
        let outbound = durations("outbound_request_duration", "Requests to other hosts");
        let stores = durations("store_operation_duration", "Key-value store operations");
        let schedules = durations("schedule_run_duration", "Runs of schedules");
        let publishing = durations("event_publish_duration", "Calls that publish events");
        let deliveries = durations("event_delivery_duration", "Requests that deliver events");
        let instances = Family::default();
        registry.register("instances", "Instances that exist", instances.clone());
        let instantiations = Family::default();
        registry.register("instantiations", "Instances made", instantiations.clone());
        let moved_to_background = Family::default();
        registry.register(
            "calls_moved_to_background",
            "Calls that continued at low priority because they computed for too long",
            moved_to_background.clone(),
        );
        let [memory, memory_max] = [Gauge::default(), Gauge::default()];
        let help = "Memory of all instances";
        registry.register_with_unit("instance_memory", help, Unit::Bytes, memory.clone());
        let help = "Memory limit of all instances together";
        registry.register_with_unit("instance_memory_max", help, Unit::Bytes, memory_max.clone());
        let streams = Family::default();
        registry.register("streams", "Streamed responses in progress", streams.clone());
        let log_bytes_dropped = Family::default();
        registry.register(
            "log_bytes_dropped",
            "Guest output over the limit of a call",
            log_bytes_dropped.clone(),
        );
        let events_published = Family::default();
        registry.register("events_published", "Events published", events_published.clone());
        let event_deliveries = Family::default();
        registry.register("event_deliveries", "Deliveries of events", event_deliveries.clone());
        let front = Front::register(&mut registry);
        let lag = Lag::register(&mut registry);
        let held = Held::register(&mut registry);
        Self {
            registry,
            http,
            links,
            chained,
            outbound,
            stores,
            schedules,
            publishing,
            deliveries,
            instances,
            instantiations,
            moved_to_background,
            memory,
            memory_max,
            streams,
            log_bytes_dropped,
            events_published,
            event_deliveries,
            front,
            lag,
            held,
        }
    }
}

impl Metrics {
    pub(super) fn observe(
        &self,
        kind: SpanKind,
        component: &Arc<str>,
        route: &Operation,
        status: Outcome,
        duration: Duration,
    ) {
        let family = match kind {
            SpanKind::Http | SpanKind::Host => &self.http,
            SpanKind::Link => &self.links,
            SpanKind::Chained => &self.chained,
            SpanKind::Outbound => &self.outbound,
            SpanKind::Store => &self.stores,
            SpanKind::Schedule => &self.schedules,
            SpanKind::Publish => &self.publishing,
            SpanKind::Delivery => &self.deliveries,
        };
        let labels = CallLabels {
            component: Text(component.clone()),
            route: Text(route.clone()),
            status: Text(status),
        };
        family.get_or_create(&labels).observe(duration.as_secs_f64());
    }

    /// A component has published events.
    pub(crate) fn published(&self, component: &str, fresh: u32, duplicates: u32) {
        for (outcome, count) in [("fresh", fresh), ("duplicate", duplicates)] {
            let labels = PublishLabels { component: component.to_owned(), outcome };
            self.events_published.get_or_create(&labels).inc_by(u64::from(count));
        }
    }

    /// Set the memory of all instances and its limit.
    pub(crate) fn memory(&self, used_bytes: usize, max_bytes: usize) {
        self.memory.set(gauge(used_bytes as u64));
        self.memory_max.set(gauge(max_bytes as u64));
    }

    /// Set the number of open streams of a component.
    pub(crate) fn streaming(&self, component: &str, count: usize) {
        let labels = ComponentLabels { component: component.to_owned() };
        self.streams.get_or_create(&labels).set(gauge(count as u64));
    }

    /// How far the subscriptions are now.
    pub(crate) fn subscriptions(&self, all: &[Progress]) {
        for one in all {
            let labels = SubscriptionLabels { subscription: one.name.clone() };
            let lag = &self.lag;
            lag.events.get_or_create(&labels).set(gauge(one.lag_events));
            lag.seconds.get_or_create(&labels).set(one.lag_ms as f64 / 1_000.0);
            lag.held.get_or_create(&labels).set(gauge(one.held_events));
            lag.retrying.get_or_create(&labels).set(gauge(one.retrying_events));
            lag.dead_letters.get_or_create(&labels).set(gauge(one.dead_letters));
        }
    }

    /// What the log holds now and has lost so far.
    pub(crate) fn log(&self, log: &Statistics) {
        let held = &self.held;
        held.events.set(gauge(log.entries));
        held.bytes.set(gauge(log.bytes));
        held.removed.inner().store(log.removed, Ordering::Relaxed);
        held.lost_deliveries.inner().store(log.lost_deliveries, Ordering::Relaxed);
        held.lost_dead_letters.inner().store(log.lost_dead_letters, Ordering::Relaxed);
    }

    /// All of them as text.
    pub(crate) fn encode(&self) -> Result<String, fmt::Error> {
        let mut out = String::new();
        text::encode(&mut out, &self.registry)?;
        Ok(out)
    }
}
