//! Exports the log of the host.
//!
//! The output of components has its own way, because it is also exported if it is not logged. Lines
//! of the exporter itself, and of the libraries that it sends with, are left out: each would cause
//! another one.

use super::logs::{body, head, trace};
use super::protobuf::Message;
use super::queues::{Encoded, Export};
use super::values::{Value, attribute};
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

/// The beginning of the targets that are exported.
const OWN: &str = "tessera";
/// The beginnings of those that are not.
const LEFT_OUT: [&str; 3] = ["tessera::guest", "tessera::span", "tessera::exporter"];

/// Sends each line of the log to the exporter.
#[derive(Debug)]
pub(crate) struct LogLayer(pub(crate) Arc<Export>);

impl<S: Subscriber> Layer<S> for LogLayer {
    #[expect(clippy::disallowed_methods, reason = "a record has a date")]
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if self.0.exports_logs() && is_exported(event.metadata()) {
            let mut fields = Fields::default();
            event.record(&mut fields);
            self.0.log(fields.record(event.metadata(), SystemTime::now()));
        }
    }
}

fn is_exported(metadata: &Metadata<'_>) -> bool {
    let target = metadata.target();
    target.starts_with(OWN) && !LEFT_OUT.iter().any(|beginning| target.starts_with(beginning))
}

/// The fields of a line.
#[derive(Default)]
struct Fields {
    text: String,
    trace_id: u128,
    span_id: u64,
    others: Vec<(&'static str, Value)>,
}

impl Fields {
    fn record(&self, metadata: &Metadata<'_>, now: SystemTime) -> Encoded {
        let message = Message::of(|record| {
            head(record, now, *metadata.level());
            body(record, &self.text);
            attribute(record, 6, "code.namespace", &Value::from(metadata.target().to_owned()));
            for (key, value) in &self.others {
                attribute(record, 6, key, value);
            }
            trace(record, self.trace_id, self.span_id);
        });
        Encoded { scope: Message::default(), message }
    }

    fn add(&mut self, field: &Field, value: Value) {
        let name = match field.name() {
            "component" => "component_id",
            other => other,
        };
        self.others.push((name, value));
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        match field.name() {
            "message" => self.text = text,
            "trace_id" => self.trace_id = u128::from_str_radix(&text, 16).unwrap_or_default(),
            "span_id" => self.span_id = u64::from_str_radix(&text, 16).unwrap_or_default(),
            _ => self.add(field, text.into()),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, Value::Int(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, Value::Double(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, Value::Bool(value));
    }
}
