//! Finished traces as a list: one line for each.

use super::is_root;
use super::kept::has_failed;
use crate::telemetry::SpanKind;
use crate::telemetry::span::EndedSpan;
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Which traces are wanted. The default fits all.
#[derive(Debug, Clone, Default)]
pub(crate) struct Search {
    /// Traces in which this component takes part.
    pub(crate) component: Option<String>,
    /// A part of the operation with which it began, in lower case.
    pub(crate) text: Option<String>,
    /// Only traces with a span that failed.
    pub(crate) failed: bool,
    pub(crate) duration_min: Duration,
    /// Only traces that a request from outside began.
    pub(crate) requests: bool,
}

/// A trace, by the span with which it began.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    pub(super) trace_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<Arc<str>>,
    kind: &'static str,
    component: Arc<str>,
    operation: String,
    outcome: String,
    started_at_us: u64,
    duration_us: u64,
    /// The components that take part in it.
    components: usize,
    spans: usize,
    /// Whether a span of it failed.
    failed: bool,
}

/// The latest of these traces that fit, newest first.
pub(super) fn latest<'a>(
    traces: impl Iterator<Item = &'a [EndedSpan]>,
    search: &Search,
    limit: usize,
) -> Vec<Summary> {
    let begun = traces.filter_map(|spans| Some((first(spans)?, spans)));
    let mut found: Vec<_> = begun.filter(|(first, spans)| search.fits(first, spans)).collect();
    found.sort_by_key(|(first, _)| Reverse(started(first)));
    found.truncate(limit);
    found.into_iter().map(|(first, spans)| summary(first, spans)).collect()
}

impl Search {
    fn fits(&self, first: &EndedSpan, spans: &[EndedSpan]) -> bool {
        let takes_part = |id: &str| spans.iter().any(|span| &*span.component == id);
        first.duration >= self.duration_min
            && (!self.requests || first.kind == SpanKind::Http)
            && (!self.failed || spans.iter().any(has_failed))
            && self.component.as_deref().is_none_or(takes_part)
            && self.text.as_deref().is_none_or(|text| first.operation.to_lowercase().contains(text))
    }
}

/// The span with which a trace began. What follows from an event is in the same trace.
fn first(spans: &[EndedSpan]) -> Option<&EndedSpan> {
    spans.iter().filter(|span| is_root(span.kind)).min_by_key(|span| started(span))
}

fn started(span: &EndedSpan) -> SystemTime {
    span.at.checked_sub(span.duration).unwrap_or(UNIX_EPOCH)
}

fn summary(first: &EndedSpan, spans: &[EndedSpan]) -> Summary {
    let components: BTreeSet<_> = spans.iter().map(|span| &span.component).collect();
    let started = started(first).duration_since(UNIX_EPOCH).unwrap_or_default();
    Summary {
        trace_id: format!("{:032x}", first.trace_id),
        request_id: first.request_id.clone(),
        kind: first.kind.name(),
        component: first.component.clone(),
        operation: first.operation.to_string(),
        outcome: first.outcome.to_string(),
        started_at_us: started.as_micros() as u64,
        duration_us: first.duration.as_micros() as u64,
        components: components.len(),
        spans: spans.len(),
        failed: spans.iter().any(has_failed),
    }
}
