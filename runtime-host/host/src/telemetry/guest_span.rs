//! Spans that components make themselves.

use super::span::EndedSpan;
use super::{Outcome, SpanKind, Telemetry};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Maximum length of a name; a longer one is cut.
const NAME_MAX_CHARACTERS: usize = 256;

/// A span of a component, which has ended.
#[derive(Debug)]
pub(crate) struct GuestSpan {
    pub(crate) trace_id: u128,
    pub(crate) span_id: u64,
    pub(crate) parent_id: u64,
    pub(crate) name: String,
    /// The times since 1970 by the clock of the component.
    pub(crate) started: Duration,
    pub(crate) ended: Duration,
    pub(crate) outcome: Outcome,
}

impl Telemetry {
    /// Keeps a span in its trace. It is not in the histograms: a component may choose any names.
    #[expect(clippy::disallowed_methods, reason = "a component may have no valid date")]
    pub(crate) fn guest_span(&self, component: &Arc<str>, span: GuestSpan) {
        let printable = |c: char| if c.is_control() { ' ' } else { c };
        let name: String = span.name.chars().take(NAME_MAX_CHARACTERS).map(printable).collect();
        let duration = span.ended.saturating_sub(span.started);
        tracing::debug!(
            target: "tessera::span",
            trace_id = %format_args!("{:032x}", span.trace_id),
            span_id = %format_args!("{:016x}", span.span_id),
            parent_id = %format_args!("{:016x}", span.parent_id),
            kind = SpanKind::Guest.name(),
            %component,
            operation = name,
            outcome = %span.outcome,
            duration_us = duration.as_micros() as u64,
        );
        self.traces.push(EndedSpan {
            trace_id: span.trace_id,
            span_id: span.span_id,
            parent_id: span.parent_id,
            request_id: None,
            kind: SpanKind::Guest,
            component: component.clone(),
            operation: name.into(),
            outcome: span.outcome,
            at: UNIX_EPOCH.checked_add(span.ended).unwrap_or_else(SystemTime::now),
            duration,
        });
    }
}
