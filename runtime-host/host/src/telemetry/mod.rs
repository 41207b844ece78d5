//! Spans, metrics and logs.
//!
//! Everything that a component does passes the host, so it is measured here and no
//! function carries a line of telemetry code.

mod guest_output;
mod guest_span;
mod labels;
mod log_file;
mod logs;
mod metrics;
mod open_metrics;
pub(crate) mod otlp;
mod recent_logs;
mod span;
mod trace_context;
mod trace_state;
mod traces;
mod traffic;

pub(crate) use guest_output::{GuestOutput, LINE_LENGTH_MAX_BYTES, OutputSink};
pub(crate) use guest_span::GuestSpan;
pub(crate) use labels::{METHODS, OTHER, method_label};
pub(crate) use log_file::LogFile;
pub(crate) use logs::{LogFormat, init as init_logs};
#[cfg(test)]
pub(crate) use metrics::Declaration;
pub(crate) use metrics::{
    ComponentLabels, CopyCounts, EdgeCounts, FrontLimit, Metrics, plain_text,
};
pub(crate) use recent_logs::{Filter as LogFilter, RecentLogs};
pub(crate) use span::{Operation, Outcome, Span, SpanKind};
pub(crate) use trace_context::{TraceContext, random};
pub(crate) use traces::{Search, Traces};
pub(crate) use traffic::{Counts, Series, Traffic};

use otlp::Export;
use std::sync::Arc;

/// Where spans end up: the histograms, the traces that are kept, and the exporter. Where log lines
/// end up besides the log: those that are kept, and the exporter.
#[derive(Debug, Default)]
pub(crate) struct Telemetry {
    pub(crate) metrics: Metrics,
    pub(crate) traces: Traces,
    pub(crate) logs: Arc<RecentLogs>,
    pub(crate) export: Arc<Export>,
}

impl Telemetry {
    /// With an exporter, and the log lines of this process.
    pub(crate) fn new(export: Arc<Export>, logs: Arc<RecentLogs>) -> Self {
        Self { export, logs, ..Self::default() }
    }

    /// The context of a new span within `parent`.
    pub(crate) fn child(&self, parent: &TraceContext) -> TraceContext {
        let mut context = parent.child();
        self.export.sample(parent, &mut context);
        context
    }

    /// Begin a span as a child of `parent`.
    pub(crate) fn span(
        self: &Arc<Self>,
        kind: SpanKind,
        component: &Arc<str>,
        operation: impl Into<Operation>,
        parent: &TraceContext,
    ) -> Span {
        Span::begin(self.clone(), kind, component, operation.into(), parent)
    }
}
