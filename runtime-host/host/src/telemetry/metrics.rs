//! Every metric that the host keeps, declared once. Served in the OpenMetrics text format.

use super::SpanKind;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::time::Duration;

/// Upper bounds in seconds: the buckets that OpenTelemetry recommends for requests, and
/// finer ones below, where in-process calls live.
const BUCKETS_S: [f64; 18] = [
    0.000_01, 0.000_05, 0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5,
    0.75, 1.0, 2.5, 5.0, 10.0,
];

/// Labels of everything that has a beginning and an end.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct CallLabels {
    component: String,
    /// The route of a request, `interface.function` of a link, the operation of a store.
    route: String,
    /// An HTTP status, `ok`, `refused`, `cancelled` or the name of a failure.
    status: String,
}

/// Labels of what a component has.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ComponentLabels {
    pub(crate) component: String,
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
    /// Instances that exist now, warm or busy.
    pub(crate) instances: Family<ComponentLabels, Gauge>,
    /// Instances made since the start.
    pub(crate) instantiations: Family<ComponentLabels, Counter>,
    /// Bytes of guest output that were over the limit of a call and so dropped.
    pub(crate) log_bytes_dropped: Family<ComponentLabels, Counter>,
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
        let instances = Family::default();
        registry.register("instances", "Instances that exist", instances.clone());
        let instantiations = Family::default();
        registry.register("instantiations", "Instances made", instantiations.clone());
        let log_bytes_dropped = Family::default();
        registry.register(
            "log_bytes_dropped",
            "Guest output over the limit of a call",
            log_bytes_dropped.clone(),
        );
        Self {
            registry,
            http,
            links,
            chained,
            outbound,
            stores,
            instances,
            instantiations,
            log_bytes_dropped,
        }
    }
}

impl Metrics {
    pub(super) fn observe(
        &self,
        kind: SpanKind,
        component: &str,
        route: &str,
        status: &str,
        duration: Duration,
    ) {
        let family = match kind {
            SpanKind::Http | SpanKind::Host => &self.http,
            SpanKind::Link => &self.links,
            SpanKind::Chained => &self.chained,
            SpanKind::Outbound => &self.outbound,
            SpanKind::Store => &self.stores,
        };
        let labels = CallLabels {
            component: component.to_owned(),
            route: route.to_owned(),
            status: status.to_owned(),
        };
        family.get_or_create(&labels).observe(duration.as_secs_f64());
    }

    /// All of them as text.
    pub(crate) fn encode(&self) -> Result<String, std::fmt::Error> {
        let mut out = String::new();
        text::encode(&mut out, &self.registry)?;
        Ok(out)
    }
}
