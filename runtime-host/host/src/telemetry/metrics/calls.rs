//! The durations of calls and operations.

use super::Text;
use super::declarations::{Declarations, LabelSet, labels};
use crate::telemetry::{Operation, Outcome, SpanKind};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use std::sync::Arc;
use std::time::Duration;

labels! {
    /// Labels of everything that has a beginning and an end.
    CallLabels {
        component: Text<Arc<str>>,
        /// The route of a request, `interface.function` of a link, the operation of a store.
        route: Text<Operation>,
        /// An HTTP status, `ok`, `refused`, `cancelled` or the name of a failure.
        status: Text<Outcome>,
    }

    /// Labels of calls over links. The calling component is not known by the route.
    LinkLabels {
        component: Text<Arc<str>>,
        route: Text<Operation>,
        status: Text<Outcome>,
        caller: Text<Arc<str>>,
    }
}

/// The durations of one kind of calls.
pub(super) type Durations<L = CallLabels> = Family<L, Histogram>;

/// A call or an operation that has ended.
#[derive(Debug, Clone, Copy)]
pub(in crate::telemetry) struct Observed<'a> {
    pub(in crate::telemetry) kind: SpanKind,
    pub(in crate::telemetry) component: &'a Arc<str>,
    /// The calling component; only known of links.
    pub(in crate::telemetry) caller: Option<&'a Arc<str>>,
    pub(in crate::telemetry) route: &'a Operation,
    pub(in crate::telemetry) status: Outcome,
}

/// The durations of all calls and operations.
#[derive(Debug)]
pub(super) struct CallFamilies {
    http: Durations,
    links: Durations<LinkLabels>,
    chained: Durations,
    outbound: Durations,
    stores: Durations,
    schedules: Durations,
    publishing: Durations,
    deliveries: Durations,
    messages: Durations,
}

impl CallFamilies {
    pub(super) fn declare(all: &mut Declarations) -> Self {
        Self {
            http: all.durations(
                "http_request_duration",
                "Requests from outside, and `on_start`; `route` is the method and the route",
            ),
            links: all.durations(
                "link_call_duration",
                "Calls over links; `route` is interface and function, for example `prices.total`, and \
                 `caller` is the calling component",
            ),
            chained: all.durations(
                "chained_request_duration",
                "HTTP requests from one component to another; `route` is the method and the \
                 calling component",
            ),
            outbound: all.durations(
                "outbound_request_duration",
                "HTTP requests to other hosts; `route` is the method and the host pattern",
            ),
            stores: all.durations(
                "store_operation_duration",
                "Operations on key-value stores; `route` is the operation",
            ),
            schedules: all.durations(
                "schedule_run_duration",
                "Runs of schedules; `route` is `POST` and the path",
            ),
            publishing: all.durations(
                "event_publish_duration",
                "Calls that publish events; `route` is `publish`",
            ),
            deliveries: all.durations(
                "event_delivery_duration",
                "Requests that deliver events; `route` is the subscription",
            ),
            messages: all.durations(
                "redis_message_duration",
                "Messages of Redis channels that components handle; `route` is the channel",
            ),
        }
    }

    /// Counts a call or an operation that has ended.
    pub(super) fn observe(&self, what: Observed<'_>, duration: Duration) {
        let Observed { kind, component, caller, route, status } = what;
        let family = match kind {
            SpanKind::Http | SpanKind::Host => &self.http,
            SpanKind::Link => {
                let caller = Text(caller.unwrap_or(component).clone());
                let (component, route) = (Text(component.clone()), Text(route.clone()));
                let labels = LinkLabels { component, route, status: Text(status), caller };
                return self.links.get_or_create(&labels).observe(duration.as_secs_f64());
            }
            SpanKind::Chained => &self.chained,
            SpanKind::Outbound => &self.outbound,
            SpanKind::Store => &self.stores,
            SpanKind::Schedule => &self.schedules,
            SpanKind::Publish => &self.publishing,
            SpanKind::Delivery => &self.deliveries,
            SpanKind::Message => &self.messages,
            SpanKind::Guest | SpanKind::Fault => return,
        };
        let (component, route) = (Text(component.clone()), Text(route.clone()));
        let labels = CallLabels { component, route, status: Text(status) };
        family.get_or_create(&labels).observe(duration.as_secs_f64());
    }
}
