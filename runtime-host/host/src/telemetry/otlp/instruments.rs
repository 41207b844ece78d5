//! The names, units and attributes of metrics, by the semantic conventions of OpenTelemetry, where
//! they have an instrument for what the host measures.

use super::conventions::{EVENTS_SYSTEM, KEY_VALUE_SYSTEM, LINK_SYSTEM, database};
use super::values::Value;
use crate::telemetry::open_metrics::Family;
use std::borrow::Cow;

/// The bounds that the conventions give for requests and calls, in seconds. Each is one of the
/// host's own, so that its buckets can be joined to these.
pub(in crate::telemetry) const REQUEST_BOUNDS_S: [f64; 14] =
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
/// Those for operations on databases.
pub(in crate::telemetry) const DATABASE_BOUNDS_S: [f64; 9] =
    [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0];

/// The labels of a series.
pub(super) type Labels<'a> = [(&'a str, String)];

/// What a series is in OTLP.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Instrument {
    pub(super) name: Cow<'static, str>,
    pub(super) unit: &'static str,
    /// `None` means those of the series.
    pub(super) bounds: Option<&'static [f64]>,
    pub(super) attributes: Vec<(Cow<'static, str>, Value)>,
}

impl Instrument {
    fn duration(name: &'static str, bounds: &'static [f64]) -> Self {
        Self { name: name.into(), unit: "s", bounds: Some(bounds), attributes: Vec::new() }
    }

    fn with(mut self, key: &'static str, value: &str) -> Self {
        self.attributes.push((key.into(), Value::from(value.to_owned())));
        self
    }
}

/// The instrument of a series.
pub(super) fn of(family: &Family<'_>, labels: &Labels<'_>) -> Instrument {
    let of_call = family.name.strip_prefix("tessera_").and_then(|name| call(name, labels));
    if let Some(instrument) = of_call {
        let component = label(labels, "component");
        return outcome(instrument, label(labels, "status")).with("component_id", component);
    }
    let attributes = labels.iter().map(|(name, value)| {
        let name = if *name == "component" { "component_id" } else { *name };
        (name.to_owned().into(), Value::from(value.clone()))
    });
    let (name, unit) = match process(family.name) {
        Some((name, unit)) => (name.into(), unit),
        None => (own_name(family).into(), unit(family.unit)),
    };
    Instrument { name, unit, bounds: None, attributes: attributes.collect() }
}

/// What is measured of calls.
fn call(name: &str, labels: &Labels<'_>) -> Option<Instrument> {
    let route = label(labels, "route");
    let requests = |name| Instrument::duration(name, &REQUEST_BOUNDS_S);
    let databases = |system: &str, operation: &str| {
        let name = "db.client.operation.duration";
        Instrument::duration(name, &DATABASE_BOUNDS_S)
            .with("db.system.name", system)
            .with("db.operation.name", operation)
    };
    let messages = |name, system, operation| {
        requests(name).with("messaging.system", system).with("messaging.operation.name", operation)
    };
    Some(match name {
        "http_request_duration_seconds" => {
            let (method, route) = route.split_once(' ')?;
            requests("http.server.request.duration")
                .with("http.request.method", method)
                .with("http.route", route)
        }
        "link_call_duration_seconds" => requests("rpc.server.call.duration")
            .with("rpc.system.name", LINK_SYSTEM)
            .with("rpc.method", &route.replace('.', "/"))
            .with("tessera.caller", label(labels, "caller")),
        "outbound_request_duration_seconds" => match route.split_once(' ') {
            Some((method, address)) => requests("http.client.request.duration")
                .with("http.request.method", method)
                .with("server.address", address),
            None => match route.split_once('.')? {
                ("mqtt", operation) => {
                    messages("messaging.client.operation.duration", "mqtt", operation)
                }
                ("llm", operation) => requests("gen_ai.client.operation.duration")
                    .with("gen_ai.operation.name", operation),
                (system, operation) => databases(database(system), operation),
            },
        },
        "store_operation_duration_seconds" => {
            let (system, operation) = route.split_once('.').unwrap_or((KEY_VALUE_SYSTEM, route));
            databases(system, operation)
        }
        "event_publish_duration_seconds" => {
            messages("messaging.client.operation.duration", EVENTS_SYSTEM, "publish")
        }
        "event_delivery_duration_seconds" => {
            messages("messaging.process.duration", EVENTS_SYSTEM, "deliver")
                .with("messaging.consumer.group.name", route)
        }
        "redis_message_duration_seconds" => {
            messages("messaging.process.duration", "redis", "receive")
                .with("messaging.destination.name", route)
        }
        _ => return None,
    })
}

/// Adds how calls ended.
fn outcome(mut instrument: Instrument, status: &str) -> Instrument {
    if let Ok(code) = status.parse::<u16>() {
        let value = Value::Int(code.into());
        instrument.attributes.push(("http.response.status_code".into(), value));
        let is_client = instrument.name.starts_with("http.client");
        let first_error = if is_client { 400 } else { 500 };
        return if code < first_error { instrument } else { instrument.with("error.type", status) };
    }
    match status {
        "ok" => instrument,
        "refused" => instrument.with("tessera.outcome", status),
        error => instrument.with("error.type", error),
    }
}

/// Metrics of the process.
fn process(name: &str) -> Option<(&'static str, &'static str)> {
    Some(match name {
        "process_cpu_seconds" => ("process.cpu.time", "s"),
        "process_resident_memory_bytes" => ("process.memory.usage", "By"),
        "process_open_fds" => ("process.unix.file_descriptor.count", "{file_descriptor}"),
        "process_threads" => ("process.thread.count", "{thread}"),
        _ => return None,
    })
}

/// `tessera_instance_memory_bytes` is `tessera.instance_memory`: the unit is not part of the name.
fn own_name(family: &Family<'_>) -> String {
    let name = match family.unit {
        "" => family.name,
        unit => {
            family.name.strip_suffix(unit).map_or(family.name, |name| name.trim_end_matches('_'))
        }
    };
    match name.strip_prefix("tessera_") {
        Some(name) => format!("tessera.{name}"),
        None => name.to_owned(),
    }
}

fn unit(unit: &str) -> &'static str {
    match unit {
        "seconds" => "s",
        "bytes" => "By",
        _ => "1",
    }
}

fn label<'a>(labels: &'a Labels<'_>, name: &str) -> &'a str {
    labels.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value)
}
