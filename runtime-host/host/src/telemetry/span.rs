//! Spans: one per request, link, store operation and outbound call.
//!
//! A span is a small value that ends when it is dropped. Ending it feeds the histograms,
//! the traces that are kept and, at level `debug`, the log.

use super::otlp::Details;
use super::{Telemetry, TraceContext};
use serde::Serialize;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

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
    /// A message of a Redis channel.
    Message,
    /// Work that a component describes itself.
    Guest,
    /// The evaluation of a feature flag.
    Flag,
    /// A fault that an operator injected.
    Fault,
    /// A copy of a call, for a candidate whose answers are only compared.
    Shadow,
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
            Self::Message => "message",
            Self::Guest => "guest",
            Self::Flag => "flag",
            Self::Fault => "fault",
            Self::Shadow => "shadow",
        }
    }
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Outcome {
    /// With an HTTP status.
    Status(u16),
    /// With a result that is not an error of the host.
    Ok,
    /// With an error of the contract: the callee responded, and refused.
    Refused,
    /// Without a response. The name of the failure.
    Failed(&'static str),
    /// The caller did not wait for the end.
    Cancelled,
}

impl Outcome {
    /// Its name, if it has no status.
    fn name(self) -> &'static str {
        match self {
            Self::Ok | Self::Status(_) => "ok",
            Self::Refused => "refused",
            Self::Failed(name) => name,
            Self::Cancelled => "cancelled",
        }
    }
}

/// Few distinct values, for labels.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "{status}"),
            other => f.write_str(other.name()),
        }
    }
}

/// What is asked for, with few distinct values. A clone costs no memory.
#[derive(Debug, Clone)]
pub(crate) enum Operation {
    /// Named in this program, as the operations of a store.
    Fixed(&'static str),
    /// Named by an application: `GET /products/:id`, `stock.reserve`.
    Named(Arc<str>),
}

impl Deref for Operation {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Fixed(name) => name,
            Self::Named(name) => name,
        }
    }
}

impl PartialEq for Operation {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Operation {}

impl Hash for Operation {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl From<&'static str> for Operation {
    fn from(name: &'static str) -> Self {
        Self::Fixed(name)
    }
}

impl From<Arc<str>> for Operation {
    fn from(name: Arc<str>) -> Self {
        Self::Named(name)
    }
}

impl From<String> for Operation {
    fn from(name: String) -> Self {
        Self::Named(name.into())
    }
}

/// A piece of work in progress.
#[derive(Debug)]
pub(crate) struct Span {
    telemetry: Arc<Telemetry>,
    pub(crate) context: TraceContext,
    parent_id: u64,
    kind: SpanKind,
    component: Arc<str>,
    /// The component that makes the call; only of links.
    pub(crate) caller: Option<Arc<str>>,
    pub(crate) operation: Operation,
    /// What is exported in addition.
    pub(crate) details: Option<Arc<Details>>,
    started: Instant,
    ended: bool,
}

impl Span {
    pub(super) fn begin(
        telemetry: Arc<Telemetry>,
        kind: SpanKind,
        component: &Arc<str>,
        operation: Operation,
        parent: &TraceContext,
    ) -> Self {
        Self {
            context: telemetry.child(parent),
            telemetry,
            parent_id: parent.span_id,
            kind,
            component: component.clone(),
            caller: None,
            operation,
            details: None,
            started: Instant::now(),
            ended: false,
        }
    }

    /// Ends it now. Later calls have no effect.
    #[expect(clippy::disallowed_methods, reason = "spans show when they ended")]
    pub(crate) fn end(&mut self, outcome: Outcome) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let duration = self.started.elapsed();
        let (component, operation) = (&self.component, &self.operation);
        tracing::debug!(
            target: "tessera::span",
            trace_id = %format_args!("{:032x}", self.context.trace_id),
            span_id = %format_args!("{:016x}", self.context.span_id),
            parent_id = %format_args!("{:016x}", self.parent_id),
            request_id = self.context.request_id.as_deref(),
            kind = self.kind.name(),
            %component,
            %operation,
            %outcome,
            duration_us = duration.as_micros() as u64,
        );
        let ended = EndedSpan {
            trace_id: self.context.trace_id,
            span_id: self.context.span_id,
            parent_id: self.parent_id,
            request_id: match self.kind {
                SpanKind::Http => self.context.request_id.clone(),
                _ => None,
            },
            kind: self.kind,
            component: component.clone(),
            operation: operation.clone(),
            outcome,
            at: SystemTime::now(),
            duration,
        };
        let (export, details) = (&self.telemetry.export, self.details.take());
        let is_exported = export.takes(&self.context);
        self.telemetry.metrics.observe(&ended, self.caller.as_ref(), is_exported);
        export.span(&self.context, details, || ended.clone());
        self.telemetry.traces.push(ended);
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        self.end(Outcome::Cancelled);
    }
}

/// A span that has ended, as it is kept: most of them are never shown.
#[derive(Debug, Clone)]
pub(crate) struct EndedSpan {
    pub(super) trace_id: u128,
    pub(super) span_id: u64,
    pub(super) parent_id: u64,
    /// Of a request from outside whose client has named it.
    pub(super) request_id: Option<Arc<str>>,
    pub(super) kind: SpanKind,
    pub(super) component: Arc<str>,
    pub(super) operation: Operation,
    pub(super) outcome: Outcome,
    pub(super) at: SystemTime,
    pub(super) duration: Duration,
}

/// A span that has ended, as it is shown.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SpanRecord {
    pub(crate) trace_id: String,
    pub(crate) span_id: String,
    pub(crate) parent_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) request_id: Option<Arc<str>>,
    pub(crate) kind: &'static str,
    pub(crate) component: Arc<str>,
    pub(crate) operation: String,
    pub(crate) outcome: String,
    pub(crate) started_at_ms: u64,
    pub(crate) started_at_us: u64,
    pub(crate) duration_us: u64,
    #[serde(skip)]
    pub(super) ended_at: SystemTime,
}

impl From<&EndedSpan> for SpanRecord {
    fn from(ended: &EndedSpan) -> Self {
        let at = ended.at.duration_since(UNIX_EPOCH).unwrap_or_default();
        let started = at.saturating_sub(ended.duration);
        Self {
            trace_id: format!("{:032x}", ended.trace_id),
            span_id: format!("{:016x}", ended.span_id),
            parent_id: (ended.parent_id != 0).then(|| format!("{:016x}", ended.parent_id)),
            request_id: ended.request_id.clone(),
            kind: ended.kind.name(),
            component: ended.component.clone(),
            operation: ended.operation.to_string(),
            outcome: ended.outcome.to_string(),
            started_at_ms: started.as_millis() as u64,
            started_at_us: started.as_micros() as u64,
            duration_us: ended.duration.as_micros() as u64,
            ended_at: ended.at,
        }
    }
}
