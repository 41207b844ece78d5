//! Log records: lines of the host, and output of components.

use super::protobuf::Message;
use super::queues::Encoded;
use super::spans::nanoseconds;
use super::values::{Value, attribute};
use std::time::SystemTime;
use tracing::Level;

/// A line that a component has printed.
#[derive(Debug)]
pub(crate) struct GuestLine<'a> {
    pub(crate) component: &'a str,
    pub(crate) stream: &'static str,
    pub(crate) text: &'a str,
    pub(crate) trace_id: u128,
    pub(crate) span_id: u64,
    pub(crate) request_id: Option<&'a str>,
}

impl GuestLine<'_> {
    #[expect(clippy::disallowed_methods, reason = "a record has a date")]
    pub(crate) fn record(&self) -> Encoded {
        let message = Message::of(|record| {
            head(record, SystemTime::now(), Level::INFO);
            body(record, self.text);
            let mut add = |key, text: &str| {
                attribute(record, 6, key, &Value::from(text.to_owned()));
            };
            add("component_id", self.component);
            add("log.iostream", self.stream);
            if let Some(id) = self.request_id {
                add("request_id", id);
            }
            trace(record, self.trace_id, self.span_id);
        });
        Encoded { scope: Message::default(), message }
    }
}

/// The time and the severity of a record.
pub(super) fn head(record: &mut Message, now: SystemTime, level: Level) {
    record.fixed64(1, nanoseconds(now));
    record.fixed64(11, nanoseconds(now));
    record.number(2, severity(level));
    record.text(3, level.as_str());
}

pub(super) fn body(record: &mut Message, text: &str) {
    record.nested(5, |any| any.member(1, text.as_bytes()));
}

pub(super) fn trace(record: &mut Message, trace_id: u128, span_id: u64) {
    if trace_id != 0 {
        record.bytes(9, &trace_id.to_be_bytes());
    }
    if span_id != 0 {
        record.bytes(10, &span_id.to_be_bytes());
    }
}

/// `SeverityNumber`.
fn severity(level: Level) -> u64 {
    match level {
        Level::TRACE => 1,
        Level::DEBUG => 5,
        Level::INFO => 9,
        Level::WARN => 13,
        Level::ERROR => 17,
    }
}
