//! Delivers events of the log to components.
//!
//! A delivery is a `POST` to the subscriber's private route, in the CloudEvents HTTP binding. The
//! status of the response is the outcome of the delivery. It is a call like any other, with the
//! limits and the deadline of the component.

mod response;

use super::post::Post;
use super::refused::is_refusal;
use crate::message::Http;
use crate::registry::Registry;
use crate::telemetry::otlp::{Details, Link, Value};
use crate::telemetry::{SpanKind, Telemetry, TraceContext};
use futures::future::BoxFuture;
use http::HeaderMap;
use std::sync::Arc;
use tessera_cloudevents::http::{to_batch, to_binary, to_structured};
use tessera_events::{Deliver, Delivery, Entry, Event, Mode, Outcome};

/// Links of one span, as in the defaults of OpenTelemetry.
const LINKS_MAX: usize = 128;

/// Delivers events to components.
pub(crate) struct Deliverer {
    pub(crate) registry: Arc<Registry<Http>>,
    pub(crate) telemetry: Arc<Telemetry>,
}

impl Deliver for Deliverer {
    fn deliver(&self, delivery: Delivery) -> BoxFuture<'_, Outcome> {
        Box::pin(async move {
            let subscription = delivery.subscription.clone();
            let outcome = self.send(delivery).await;
            self.telemetry.metrics.delivered(&subscription, name(&outcome));
            outcome
        })
    }
}

impl Deliverer {
    async fn send(&self, delivery: Delivery) -> Outcome {
        let Delivery { subscription, member, entries, attempt: _ } = delivery;
        // The trace of a batch is that of its first event.
        let parent = entries.first().and_then(|entry| entry.event.extensions.get("traceparent"));
        let trace = TraceContext::of_parent(parent.map(String::as_str));
        let details = self.telemetry.export.wants(&trace).then(|| details(&entries));
        let (headers, body) = message(member.mode, entries);
        let post = Post {
            component: member.component.as_str().into(),
            path: member.path.as_str().into(),
            headers,
            body: body.into(),
            kind: SpanKind::Delivery,
            operation: subscription,
            trace,
            details: details.map(Arc::new),
        };
        match post.send(&self.registry).await {
            Ok(response) => response::outcome(response).await,
            Err(error) => {
                let retry_after = error.retry_after();
                let detail = format!("{}: {}", error.kind.name(), error.public_detail());
                match is_refusal(error.kind) {
                    true => Outcome::Deferred { detail, retry_after },
                    false => Outcome::Failed { detail, retry_after },
                }
            }
        }
    }
}

/// What the span of a delivery says in addition: each event is linked with the work that published
/// it.
fn details(entries: &[Entry]) -> Details {
    let message_id = |entry: &Entry| {
        let id = format!("{}#{}", entry.event.source, entry.event.id);
        ("messaging.message.id", Value::from(id))
    };
    let link = |entry: &Entry| {
        let parent = entry.event.extensions.get("traceparent")?;
        let context = TraceContext::of_parent(Some(parent.as_str()));
        (context.span_id != 0).then(|| Link { context, attributes: vec![message_id(entry)] })
    };
    let links = entries.iter().take(LINKS_MAX).filter_map(link).collect();
    let attributes = match entries {
        [entry] => {
            vec![message_id(entry), ("messaging.destination.name", entry.event.kind.clone().into())]
        }
        _ => vec![("messaging.batch.message_count", Value::from(entries.len() as u64))],
    };
    Details { attributes, links }
}

fn message(mode: Mode, entries: Vec<Entry>) -> (HeaderMap, String) {
    let events: Vec<Event> = entries.into_iter().map(|entry| entry.event).collect();
    match (mode, events.as_slice()) {
        (Mode::Binary, [event]) => to_binary(event),
        (Mode::Structured, [event]) => to_structured(event),
        _ => to_batch(&events),
    }
}

fn name(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Done => "done",
        Outcome::Rejected(_) => "rejected",
        Outcome::Failed { .. } => "failed",
        Outcome::Deferred { .. } => "deferred",
    }
}
