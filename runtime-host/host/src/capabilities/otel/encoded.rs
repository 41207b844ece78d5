//! Spans and log records of components as messages of OTLP.

use crate::capabilities::bindings::wasi::otel::logs::LogRecord;
use crate::capabilities::bindings::wasi::otel::tracing::{
    Link, SpanData, SpanKind, Status, TraceFlags,
};
use crate::capabilities::bindings::wasi::otel::types::{Datetime, InstrumentationScope, KeyValue};
use crate::telemetry::TraceContext;
use crate::telemetry::otlp::{Encoded, Message, json_attribute, json_text, text_attribute};

/// `STATUS_CODE_OK` and `STATUS_CODE_ERROR`.
const STATUS_OK: u64 = 1;
const STATUS_ERROR: u64 = 2;

/// A span within this call.
pub(super) fn span(component: &str, span: &SpanData, parent_id: u64) -> Encoded {
    let message = Message::of(|message| {
        message.bytes(1, &id(&span.span_context.trace_id, 32));
        message.bytes(2, &id(&span.span_context.span_id, 16));
        message.bytes(4, &parent_id.to_be_bytes());
        message.text(5, &span.name);
        message.number(6, kind(span.span_kind));
        message.fixed64(7, nanoseconds(&span.start_time));
        message.fixed64(8, nanoseconds(&span.end_time));
        attributes(message, 9, &span.attributes);
        text_attribute(message, 9, "component_id", component);
        message.number(10, span.dropped_attributes.into());
        for event in &span.events {
            message.nested(11, |message| {
                message.fixed64(1, nanoseconds(&event.time));
                message.text(2, &event.name);
                attributes(message, 3, &event.attributes);
            });
        }
        message.number(12, span.dropped_events.into());
        for link in &span.links {
            message.nested(13, |message| write_link(message, link));
        }
        message.number(14, span.dropped_links.into());
        match &span.status {
            Status::Unset => {}
            Status::Ok => message.nested(15, |status| status.number(3, STATUS_OK)),
            Status::Error(text) => message.nested(15, |status| {
                status.text(2, text);
                status.number(3, STATUS_ERROR);
            }),
        }
        message.fixed32(16, 1);
    });
    Encoded { scope: scope(&span.instrumentation_scope), message }
}

fn write_link(message: &mut Message, link: &Link) {
    let context = &link.span_context;
    message.bytes(1, &id(&context.trace_id, 32));
    message.bytes(2, &id(&context.span_id, 16));
    attributes(message, 4, &link.attributes);
    let is_sampled = context.trace_flags.contains(TraceFlags::SAMPLED);
    message.fixed32(6, is_sampled.into());
}

fn kind(kind: SpanKind) -> u64 {
    match kind {
        SpanKind::Internal => 1,
        SpanKind::Server => 2,
        SpanKind::Client => 3,
        SpanKind::Producer => 4,
        SpanKind::Consumer => 5,
    }
}

/// A log record of this call.
pub(super) fn record(component: &str, record: &LogRecord, trace: &TraceContext) -> Encoded {
    let message = Message::of(|message| {
        let time = record.timestamp.as_ref().map_or(0, nanoseconds);
        message.fixed64(1, time);
        message.fixed64(11, record.observed_timestamp.as_ref().map_or(time, nanoseconds));
        message.number(2, record.severity_number.unwrap_or_default().min(24).into());
        message.text(3, record.severity_text.as_deref().unwrap_or_default());
        if let Some(body) = &record.body {
            message.nested(5, |any| json_text(body, any));
        }
        attributes(message, 6, record.attributes.as_deref().unwrap_or_default());
        text_attribute(message, 6, "component_id", component);
        match &record.trace_id {
            Some(trace_id) => message.bytes(9, &id(trace_id, 32)),
            None => message.bytes(9, &trace.trace_id.to_be_bytes()),
        }
        match &record.span_id {
            Some(span_id) => message.bytes(10, &id(span_id, 16)),
            None => message.bytes(10, &trace.span_id.to_be_bytes()),
        }
        message.text(12, record.event_name.as_deref().unwrap_or_default());
    });
    let scope = record.instrumentation_scope.as_ref().map_or_else(Message::default, scope);
    Encoded { scope, message }
}

pub(super) fn scope(scope: &InstrumentationScope) -> Message {
    Message::of(|message| {
        message.text(1, &scope.name);
        message.text(2, scope.version.as_deref().unwrap_or_default());
        attributes(message, 3, &scope.attributes);
    })
}

pub(super) fn attributes(message: &mut Message, field: u32, attributes: &[KeyValue]) {
    for KeyValue { key, value } in attributes {
        json_attribute(message, field, key, value);
    }
}

/// An id of this number of hexadecimal digits. One that is malformed is empty, which means none.
pub(super) fn id(text: &str, digits: usize) -> Vec<u8> {
    match u128::from_str_radix(text, 16) {
        Ok(id) if text.len() == digits && id != 0 => id.to_be_bytes()[16 - digits / 2..].to_vec(),
        _ => Vec::new(),
    }
}

/// Since 1970.
pub(super) fn nanoseconds(time: &Datetime) -> u64 {
    let seconds = time.seconds.saturating_mul(1_000_000_000);
    seconds.saturating_add(time.nanoseconds.into())
}
