//! Spans: one per request, link, store operation and outbound call.
//!
//! A span is a small value that ends when it is dropped. Ending it feeds the histograms,
//! the ring of recent spans and, at level `debug`, the log.

use super::{Telemetry, TraceContext};
use crate::calls::Kind;
use serde::Serialize;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// So many spans are kept for people who look.
const RECENT_SPANS_MAX: usize = 8_192;

/// What a span measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum SpanKind {
    /// A request from outside.
    Http,
    /// A call through a typed link.
    Link,
    /// A request of one component to another by HTTP.
    Chained,
    /// A request to somewhere else.
    Outbound,
    /// An operation on a key-value store.
    Store,
    /// A call that the host itself makes, as `on_start`.
    Host,
    /// A run of a schedule.
    Schedule,
    /// Events that are published.
    Publish,
    /// An event that is delivered to a subscriber.
    Delivery,
}

impl SpanKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Link => "link",
            Self::Chained => "chained",
            Self::Outbound => "outbound",
            Self::Store => "store",
            Self::Host => "host",
            Self::Schedule => "schedule",
            Self::Publish => "publish",
            Self::Delivery => "delivery",
        }
    }
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// With an HTTP status.
    Status(u16),
    /// With an answer that is no error of ours.
    Ok,
    /// With an error of the contract: the callee answered, and said no.
    Refused,
    /// Without an answer.
    Failed(Kind),
    /// Nobody waited for the end.
    Cancelled,
}

impl Outcome {
    /// Few distinct values, for labels.
    pub(crate) fn label(self) -> String {
        match self {
            Self::Status(status) => status.to_string(),
            Self::Ok => "ok".to_owned(),
            Self::Refused => "refused".to_owned(),
            Self::Failed(kind) => kind.name().to_owned(),
            Self::Cancelled => "cancelled".to_owned(),
        }
    }
}

/// A piece of work that is going on.
#[derive(Debug)]
pub(crate) struct Span {
    telemetry: Arc<Telemetry>,
    pub(crate) context: TraceContext,
    parent_id: u64,
    kind: SpanKind,
    component: Arc<str>,
    operation: Arc<str>,
    started: Instant,
    ended: bool,
}

impl Span {
    pub(super) fn begin(
        telemetry: Arc<Telemetry>,
        kind: SpanKind,
        component: &str,
        operation: Arc<str>,
        parent: &TraceContext,
    ) -> Self {
        Self {
            telemetry,
            context: parent.child(),
            parent_id: parent.span_id,
            kind,
            component: component.into(),
            operation,
            started: Instant::now(),
            ended: false,
        }
    }

    /// End it now. Later ends count for nothing.
    pub(crate) fn end(&mut self, outcome: Outcome) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let duration = self.started.elapsed();
        let label = outcome.label();
        self.telemetry.metrics.observe(
            self.kind,
            &self.component,
            &self.operation,
            &label,
            duration,
        );
        tracing::debug!(
            target: "tessera::span",
            trace_id = %format_args!("{:032x}", self.context.trace_id),
            span_id = %format_args!("{:016x}", self.context.span_id),
            parent_id = %format_args!("{:016x}", self.parent_id),
            kind = self.kind.name(),
            component = %self.component,
            operation = %self.operation,
            outcome = %label,
            duration_us = duration.as_micros() as u64,
        );
        self.telemetry.recent.push(self.record(label, duration));
    }

    fn record(&self, outcome: String, duration: Duration) -> SpanRecord {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        SpanRecord {
            trace_id: format!("{:032x}", self.context.trace_id),
            span_id: format!("{:016x}", self.context.span_id),
            parent_id: (self.parent_id != 0).then(|| format!("{:016x}", self.parent_id)),
            kind: self.kind.name(),
            component: self.component.clone(),
            operation: self.operation.clone(),
            outcome,
            started_at_ms: now.saturating_sub(duration).as_millis() as u64,
            duration_us: duration.as_micros() as u64,
        }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        self.end(Outcome::Cancelled);
    }
}

/// A span that has ended.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SpanRecord {
    pub(crate) trace_id: String,
    pub(crate) span_id: String,
    pub(crate) parent_id: Option<String>,
    pub(crate) kind: &'static str,
    pub(crate) component: Arc<str>,
    pub(crate) operation: Arc<str>,
    pub(crate) outcome: String,
    pub(crate) started_at_ms: u64,
    pub(crate) duration_us: u64,
}

/// The last spans, oldest first.
#[derive(Debug, Default)]
pub(crate) struct RecentSpans(Mutex<VecDeque<SpanRecord>>);

impl RecentSpans {
    fn push(&self, record: SpanRecord) {
        let mut ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if ring.len() == RECENT_SPANS_MAX {
            ring.pop_front();
        }
        ring.push_back(record);
    }

    /// The spans of one trace, or all of them, oldest first.
    pub(crate) fn of(&self, trace_id: Option<&str>) -> Vec<SpanRecord> {
        let ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = |record: &&SpanRecord| trace_id.is_none_or(|id| record.trace_id == id);
        ring.iter().filter(wanted).cloned().collect()
    }
}
