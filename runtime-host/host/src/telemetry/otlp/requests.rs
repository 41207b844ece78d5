//! Batches as requests to a collector.

use super::metrics::Period;
use super::protobuf::Message;
use super::queues::{Encoded, GuestMetrics, SpanItem};
use super::values::{json_attribute, text_attribute};
use super::{metrics, spans};
use crate::telemetry::open_metrics;

/// The version of the semantic conventions that the host follows.
const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.40.0";
/// Fields that all kinds of requests have in common.
const RESOURCES: u32 = 1;
const RESOURCE: u32 = 1;
const SCOPES: u32 = 2;
const SCOPE: u32 = 1;
const ITEMS: u32 = 2;
const SCHEMA: u32 = 3;

/// The process that telemetry is about, as attributes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Resource(pub(crate) Vec<(String, String)>);

impl Resource {
    fn write(&self, message: &mut Message) {
        for (key, value) in &self.0 {
            text_attribute(message, 1, key, value);
        }
    }
}

/// `ExportTraceServiceRequest`.
pub(crate) fn traces_request(resource: &Resource, spans: &[SpanItem]) -> Vec<u8> {
    let mut batch = Batch::default();
    for item in spans {
        match item {
            SpanItem::Ended(ended, details) => {
                batch.add(&Message::default(), &spans::span(ended, details.as_deref()));
            }
            SpanItem::Guest(Encoded { scope, message }) => batch.add(scope, message),
        }
    }
    batch.request(resource)
}

/// `ExportLogsServiceRequest`.
pub(crate) fn logs_request(resource: &Resource, records: &[Encoded]) -> Vec<u8> {
    let mut batch = Batch::default();
    for Encoded { scope, message } in records {
        batch.add(scope, message);
    }
    batch.request(resource)
}

/// `ExportMetricsServiceRequest`, of the metrics of the host as OpenMetrics, and of those that
/// components have exported.
pub(crate) fn metrics_request(
    resource: &Resource,
    text: &str,
    period: Period,
    guests: &[GuestMetrics],
) -> Vec<u8> {
    let mut batch = Batch::default();
    for metric in metrics::metrics(&open_metrics::families(text), period) {
        batch.add(&Message::default(), &metric);
    }
    let mut request = Message::default();
    if !batch.scopes.is_empty() {
        batch.write(resource, &mut request);
    }
    for guest in guests {
        request.nested(RESOURCES, |list| guest_metrics(resource, guest, list));
    }
    request.into_bytes()
}

/// The resource of a component's metrics has its own attributes, and those of the host that it does
/// not set itself.
fn guest_metrics(host: &Resource, guest: &GuestMetrics, message: &mut Message) {
    message.nested(RESOURCE, |resource| {
        for (key, value) in &guest.resource {
            json_attribute(resource, 1, key, value);
        }
        let is_set = |name: &str| guest.resource.iter().any(|(key, _)| key == name);
        for (key, value) in host.0.iter().filter(|(key, _)| !is_set(key)) {
            text_attribute(resource, 1, key, value);
        }
        if !is_set("component_id") {
            text_attribute(resource, 1, "component_id", &guest.component);
        }
    });
    message.append(&guest.scopes);
}

/// Messages by their scope.
#[derive(Default)]
struct Batch {
    scopes: Vec<(Message, Message)>,
}

impl Batch {
    fn add(&mut self, scope: &Message, item: &Message) {
        let known = self.scopes.iter().position(|(known, _)| known == scope);
        let index = known.unwrap_or_else(|| {
            self.scopes.push((scope.clone(), Message::default()));
            self.scopes.len() - 1
        });
        if let Some((_, items)) = self.scopes.get_mut(index) {
            items.member(ITEMS, item.as_bytes());
        }
    }

    fn request(&self, resource: &Resource) -> Vec<u8> {
        Message::of(|request| self.write(resource, request)).into_bytes()
    }

    fn write(&self, resource: &Resource, request: &mut Message) {
        request.nested(RESOURCES, |list| {
            list.nested(RESOURCE, |message| resource.write(message));
            for (scope, items) in &self.scopes {
                list.nested(SCOPES, |message| {
                    match scope.is_empty() {
                        true => message.nested(SCOPE, own_scope),
                        false => message.member(SCOPE, scope.as_bytes()),
                    }
                    message.append(items);
                    if scope.is_empty() {
                        message.text(SCHEMA, SCHEMA_URL);
                    }
                });
            }
        });
    }
}

fn own_scope(scope: &mut Message) {
    scope.text(1, "tessera");
    scope.text(2, env!("CARGO_PKG_VERSION"));
}
