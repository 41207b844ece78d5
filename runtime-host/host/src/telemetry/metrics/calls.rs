//! The durations of calls and operations.

use super::declarations::Declarations;
use super::label_sets::{CallLabels, LinkLabels, Text, TraceId, TraceLabels};
use crate::telemetry::SpanKind;
use crate::telemetry::span::EndedSpan;
use prometheus_client::metrics::exemplar::HistogramWithExemplars;
use prometheus_client::metrics::family::Family;
use std::sync::Arc;

/// The durations of one kind of calls.
pub(super) type Durations<L = CallLabels> = Family<L, HistogramWithExemplars<TraceLabels>>;

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

    /// Counts a call or an operation that has ended. `caller` is the calling component, which is only
    /// known of links.
    pub(super) fn observe(&self, span: &EndedSpan, caller: Option<&Arc<str>>, is_exported: bool) {
        let (component, route) = (Text(span.component.clone()), Text(span.operation.clone()));
        let (status, duration) = (Text(span.outcome), span.duration.as_secs_f64());
        let example = is_exported.then_some(TraceLabels { trace_id: Text(TraceId(span.trace_id)) });
        let family = match span.kind {
            SpanKind::Http | SpanKind::Host => &self.http,
            SpanKind::Link => {
                let caller = Text(caller.unwrap_or(&span.component).clone());
                let labels = LinkLabels { component, route, status, caller };
                let histogram = self.links.get_or_create(&labels);
                return histogram.observe(duration, example, Some(span.at));
            }
            SpanKind::Chained => &self.chained,
            SpanKind::Outbound => &self.outbound,
            SpanKind::Store => &self.stores,
            SpanKind::Schedule => &self.schedules,
            SpanKind::Publish => &self.publishing,
            SpanKind::Delivery => &self.deliveries,
            SpanKind::Message => &self.messages,
            SpanKind::Guest | SpanKind::Flag | SpanKind::Fault | SpanKind::Shadow => return,
        };
        let labels = CallLabels { component, route, status };
        family.get_or_create(&labels).observe(duration, example, Some(span.at));
    }
}
