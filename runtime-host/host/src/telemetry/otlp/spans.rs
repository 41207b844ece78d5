//! Spans of the host as messages of OTLP.

use super::conventions;
use super::protobuf::Message;
use super::values::{Attribute, attribute};
use crate::telemetry::span::EndedSpan;
use crate::telemetry::{Outcome, TraceContext};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// About the size of a link without its attributes.
const LINK_BYTES: usize = 32;
/// The flag of a link or a parent in another process.
const IS_REMOTE: u32 = 0b11 << 8;

/// What a span says in addition, if it is exported.
#[derive(Debug, Clone, Default)]
pub(crate) struct Details {
    pub(crate) attributes: Vec<Attribute>,
    /// The work that caused it, in this trace or in another one.
    pub(crate) links: Vec<Link>,
}

impl Details {
    /// About its size in a request.
    pub(super) fn size_bytes(&self) -> usize {
        let of_links = self.links.iter().flat_map(|link| &link.attributes);
        let attributes = self.attributes.iter().chain(of_links);
        let bytes: usize = attributes.map(|(key, value)| key.len() + value.size_bytes()).sum();
        bytes + self.links.len() * LINK_BYTES
    }
}

/// A span that caused this one.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub(crate) context: TraceContext,
    pub(crate) attributes: Vec<Attribute>,
}

/// `Span`.
pub(super) fn span(ended: &EndedSpan, details: Option<&Details>) -> Message {
    let described = conventions::describe(ended);
    Message::of(|span| {
        span.bytes(1, &ended.trace_id.to_be_bytes());
        span.bytes(2, &ended.span_id.to_be_bytes());
        if ended.parent_id != 0 {
            span.bytes(4, &ended.parent_id.to_be_bytes());
        }
        span.text(5, &described.name);
        span.number(6, described.kind as u64);
        let start = ended.at.checked_sub(ended.duration).unwrap_or(UNIX_EPOCH);
        span.fixed64(7, nanoseconds(start));
        span.fixed64(8, nanoseconds(ended.at));
        let more = details.map_or(&[][..], |details| details.attributes.as_slice());
        for (key, value) in described.attributes.iter().chain(more) {
            attribute(span, 9, key, value);
        }
        for link in details.iter().flat_map(|details| &details.links) {
            span.nested(13, |message| link.write(message));
        }
        if let Some(text) = described.failure {
            span.nested(15, |status| {
                status.text(2, text);
                status.number(3, STATUS_ERROR);
            });
        }
        span.fixed32(16, 1);
    })
}

/// `STATUS_CODE_ERROR`.
const STATUS_ERROR: u64 = 2;

impl Link {
    fn write(&self, message: &mut Message) {
        message.bytes(1, &self.context.trace_id.to_be_bytes());
        message.bytes(2, &self.context.span_id.to_be_bytes());
        for (key, value) in &self.attributes {
            attribute(message, 4, key, value);
        }
        message.fixed32(6, u32::from(self.context.is_sampled()) | IS_REMOTE);
    }
}

/// Since 1970.
pub(super) fn nanoseconds(time: SystemTime) -> u64 {
    since_1970(time.duration_since(UNIX_EPOCH).unwrap_or_default())
}

pub(super) fn since_1970(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// The name of the error that an outcome is, as in `error.type`.
pub(super) fn error_type(outcome: Outcome) -> Option<String> {
    match outcome {
        Outcome::Status(status) => (status >= 500).then(|| status.to_string()),
        Outcome::Ok | Outcome::Refused => None,
        Outcome::Failed(name) => Some(name.to_owned()),
        Outcome::Cancelled => Some("cancelled".to_owned()),
    }
}
