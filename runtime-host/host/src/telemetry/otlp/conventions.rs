//! The names and attributes of spans, by the semantic conventions of OpenTelemetry.
//! <https://opentelemetry.io/docs/specs/semconv/>

use super::spans::error_type;
use super::values::{Attribute, Value};
use crate::telemetry::span::EndedSpan;
use crate::telemetry::{Outcome, SpanKind};

/// `rpc.system.name` of links.
pub(super) const LINK_SYSTEM: &str = "tessera";
/// `messaging.system` of the event log.
pub(super) const EVENTS_SYSTEM: &str = "tessera";
/// `db.system.name` of key-value stores.
pub(super) const KEY_VALUE_SYSTEM: &str = "tessera.key_value";

/// The kinds of spans, with their numbers in OTLP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Internal = 1,
    Server = 2,
    Client = 3,
    Producer = 4,
    Consumer = 5,
}

/// What the conventions say of a span.
#[derive(Debug)]
pub(super) struct Described {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) attributes: Vec<Attribute>,
    /// The description of its failure.
    pub(super) failure: Option<&'static str>,
}

pub(super) fn describe(span: &EndedSpan) -> Described {
    let mut attributes = vec![("component_id", Value::from(span.component.to_string()))];
    let (name, kind) = by_kind(span, &mut attributes);
    if let Outcome::Status(status) = span.outcome {
        attributes.push(("http.response.status_code", Value::Int(status.into())));
    }
    if let Some(id) = &span.request_id {
        attributes.push(("request_id", Value::from(id.to_string())));
    }
    let mut error = error_type(span.outcome);
    if let (Kind::Client, Outcome::Status(status @ 400..)) = (kind, span.outcome) {
        error = Some(status.to_string());
    }
    let failure = error.as_ref().map(|_| failure(span.outcome));
    attributes.extend(error.map(|name| ("error.type", Value::from(name))));
    Described { name, kind, attributes, failure }
}

/// The description of a failure, beyond its type.
fn failure(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Failed(name) => name,
        Outcome::Cancelled => "the caller did not wait for the end",
        // The status of the response says it.
        _ => "",
    }
}

fn by_kind(span: &EndedSpan, attributes: &mut Vec<Attribute>) -> (String, Kind) {
    let operation = &*span.operation;
    let mut add = |key, value: String| attributes.push((key, Value::from(value)));
    match span.kind {
        SpanKind::Http => {
            if let Some((method, route)) = operation.split_once(' ') {
                add("http.request.method", method.to_owned());
                add("http.route", route.to_owned());
            }
            (operation.to_owned(), Kind::Server)
        }
        SpanKind::Chained => {
            let (method, caller) = operation.split_once(' ').unwrap_or((operation, ""));
            add("http.request.method", method.to_owned());
            add("tessera.caller", caller.to_owned());
            (method.to_owned(), Kind::Server)
        }
        SpanKind::Link => {
            add("rpc.system.name", LINK_SYSTEM.to_owned());
            add("rpc.method", operation.replace('.', "/"));
            (operation.replace('.', "/"), Kind::Server)
        }
        SpanKind::Outbound => outbound(operation, &mut add),
        SpanKind::Store => {
            let (system, name) = operation.split_once('.').unwrap_or((KEY_VALUE_SYSTEM, operation));
            add("db.system.name", system.to_owned());
            add("db.operation.name", name.to_owned());
            (format!("{name} {system}"), Kind::Client)
        }
        SpanKind::Publish => {
            messaging(EVENTS_SYSTEM, "send", "publish", &mut add);
            ("publish".to_owned(), Kind::Producer)
        }
        SpanKind::Delivery => {
            messaging(EVENTS_SYSTEM, "process", "deliver", &mut add);
            add("messaging.consumer.group.name", operation.to_owned());
            (format!("deliver {operation}"), Kind::Consumer)
        }
        SpanKind::Message => {
            messaging("redis", "process", "receive", &mut add);
            add("messaging.destination.name", operation.to_owned());
            (format!("receive {operation}"), Kind::Consumer)
        }
        SpanKind::Schedule => {
            add("faas.trigger", "timer".to_owned());
            (operation.to_owned(), Kind::Internal)
        }
        SpanKind::Host | SpanKind::Guest | SpanKind::Flag | SpanKind::Fault | SpanKind::Shadow => {
            (operation.to_owned(), Kind::Internal)
        }
    }
}

/// A request to another host, or an operation of a driver, for example `redis.get`.
fn outbound(operation: &str, add: &mut impl FnMut(&'static str, String)) -> (String, Kind) {
    if let Some((method, _)) = operation.split_once(' ') {
        add("http.request.method", method.to_owned());
        return (method.to_owned(), Kind::Client);
    }
    match operation.split_once('.') {
        Some(("mqtt", name)) => {
            let kind = if name == "publish" { Kind::Producer } else { Kind::Client };
            messaging("mqtt", "send", if name == "publish" { "publish" } else { "open" }, add);
            (format!("{name} mqtt"), kind)
        }
        Some(("llm", name)) => {
            add("gen_ai.operation.name", name.to_owned());
            (operation.to_owned(), Kind::Client)
        }
        Some((system, name)) => {
            add("db.system.name", database(system).to_owned());
            add("db.operation.name", name.to_owned());
            (format!("{name} {system}"), Kind::Client)
        }
        None => (operation.to_owned(), Kind::Client),
    }
}

/// The name of a database by the conventions.
pub(super) fn database(system: &str) -> &str {
    if system == "postgres" { "postgresql" } else { system }
}

fn messaging(system: &str, kind: &str, name: &str, add: &mut impl FnMut(&'static str, String)) {
    add("messaging.system", system.to_owned());
    add("messaging.operation.type", kind.to_owned());
    add("messaging.operation.name", name.to_owned());
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    fn described(kind: SpanKind, operation: &str, outcome: Outcome) -> (String, Kind, String) {
        let described = describe(&EndedSpan {
            trace_id: 1,
            span_id: 1,
            parent_id: 0,
            request_id: None,
            kind,
            component: "shop".into(),
            operation: operation.to_owned().into(),
            outcome,
            at: UNIX_EPOCH,
            duration: Duration::ZERO,
        });
        let attributes: Vec<String> = described.attributes[1..]
            .iter()
            .map(|(key, value)| match value {
                Value::Text(text) => format!("{key}={text}"),
                other => format!("{key}={other:?}"),
            })
            .collect();
        (described.name, described.kind, attributes.join(" "))
    }

    #[test]
    fn spans_have_the_names_and_attributes_of_the_conventions() {
        let cases = [
            (
                (SpanKind::Http, "GET /orders/:id", Outcome::Status(200)),
                ("GET /orders/:id", Kind::Server),
                "http.request.method=GET http.route=/orders/:id http.response.status_code=Int(200)",
            ),
            (
                (SpanKind::Http, "GET /", Outcome::Status(503)),
                ("GET /", Kind::Server),
                "http.request.method=GET http.route=/ http.response.status_code=Int(503) \
                 error.type=503",
            ),
            (
                (SpanKind::Link, "stock.reserve", Outcome::Failed("trap")),
                ("stock/reserve", Kind::Server),
                "rpc.system.name=tessera rpc.method=stock/reserve error.type=trap",
            ),
            (
                (SpanKind::Outbound, "POST api.example.com", Outcome::Status(404)),
                ("POST", Kind::Client),
                "http.request.method=POST http.response.status_code=Int(404) error.type=404",
            ),
            (
                (SpanKind::Outbound, "postgres.query", Outcome::Ok),
                ("query postgres", Kind::Client),
                "db.system.name=postgresql db.operation.name=query",
            ),
            (
                (SpanKind::Store, "get", Outcome::Ok),
                ("get tessera.key_value", Kind::Client),
                "db.system.name=tessera.key_value db.operation.name=get",
            ),
            (
                (SpanKind::Delivery, "billing", Outcome::Status(204)),
                ("deliver billing", Kind::Consumer),
                "messaging.system=tessera messaging.operation.type=process \
                 messaging.operation.name=deliver messaging.consumer.group.name=billing \
                 http.response.status_code=Int(204)",
            ),
        ];
        for ((kind, operation, outcome), (name, span_kind), attributes) in cases {
            let expected = (name.to_owned(), span_kind, attributes.to_owned());
            assert_eq!(described(kind, operation, outcome), expected);
        }
    }
}
