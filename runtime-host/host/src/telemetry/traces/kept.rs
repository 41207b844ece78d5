//! Finished traces.

use super::{SPANS_PER_TRACE_MAX, is_root};
use crate::telemetry::span::EndedSpan;
use crate::telemetry::traffic::is_answer;
use crate::telemetry::{Operation, Outcome, SpanKind};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// A trace whose root takes longer is slow.
pub(super) const SLOW: Duration = Duration::from_secs(1);
/// Traces of one route that are kept while those of other routes can be dropped.
pub(super) const TRACES_PER_ROUTE_MIN: usize = 8;
/// Traces that are skipped to find one that can be dropped.
const SKIPPED_MAX: usize = 64;
/// The maximum length of a queue, as a multiple of the spans of its shelf.
pub(super) const POSITIONS_PER_SPAN_MAX: usize = 2;

/// What traces are kept with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shelf {
    /// Runs of schedules and hooks, and the events that they publish. Whatever they do, they evict
    /// no trace of a client.
    Background,
    FailedBackground,
    Ordinary,
    Slow,
    Failed,
}

impl Shelf {
    pub(super) const ALL: [Self; 5] =
        [Self::Background, Self::FailedBackground, Self::Ordinary, Self::Slow, Self::Failed];

    /// The maximum number of its spans.
    pub(super) fn spans_max(self) -> usize {
        match self {
            Self::Background | Self::FailedBackground => 2_048,
            Self::Ordinary => 16_384,
            Self::Slow => 4_096,
            Self::Failed => 8_192,
        }
    }
}

/// What is known of a trace. More may become known with later spans.
#[derive(Debug, Clone, Copy, Default)]
struct Marks {
    /// The host itself began it.
    of_host: bool,
    /// A client, or another system, began it or takes part in it.
    of_client: bool,
    slow: bool,
    failed: bool,
}

impl Marks {
    fn and(self, other: Self) -> Self {
        Self {
            of_host: self.of_host | other.of_host,
            of_client: self.of_client | other.of_client,
            slow: self.slow | other.slow,
            failed: self.failed | other.failed,
        }
    }

    fn shelf(self) -> Shelf {
        match (self.of_host && !self.of_client, self.failed, self.slow) {
            (true, false, _) => Shelf::Background,
            (true, true, _) => Shelf::FailedBackground,
            (false, true, _) => Shelf::Failed,
            (false, false, true) => Shelf::Slow,
            (false, false, false) => Shelf::Ordinary,
        }
    }
}

/// The route of a trace: that of its first root.
type Route = (Arc<str>, Operation);

/// A trace that is kept.
#[derive(Debug)]
pub(super) struct Trace {
    pub(super) spans: Vec<EndedSpan>,
    pub(super) shelf: Shelf,
    marks: Marks,
    route: Option<Route>,
    position: u64,
}

/// The finished traces of all shelves.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) traces: HashMap<u128, Trace>,
    /// Traces and their positions by shelf, oldest first. A trace that got another span later has a
    /// newer position.
    pub(super) queues: [VecDeque<(u128, u64)>; Shelf::ALL.len()],
    /// The last assigned position.
    last_position: u64,
    /// Spans by shelf.
    pub(super) counts: [usize; Shelf::ALL.len()],
    /// Ordinary traces of each route.
    pub(super) routes: HashMap<Route, usize>,
}

impl Kept {
    /// Keeps a trace, or adds to one that is kept. Returns a buffer that is no longer needed.
    pub(super) fn keep(&mut self, id: u128, mut spans: Vec<EndedSpan>) -> Vec<EndedSpan> {
        let (marks, route) = classify(&spans);
        match self.remove(id) {
            Some(mut known) => {
                let free = SPANS_PER_TRACE_MAX.saturating_sub(known.spans.len());
                known.spans.extend(spans.drain(..).take(free));
                let shelf =
                    self.insert(id, known.spans, known.marks.and(marks), known.route.or(route));
                self.evict(shelf);
                spans
            }
            None => {
                let shelf = self.insert(id, spans, marks, route);
                self.evict(shelf)
            }
        }
    }

    fn insert(
        &mut self,
        id: u128,
        spans: Vec<EndedSpan>,
        marks: Marks,
        route: Option<Route>,
    ) -> Shelf {
        let shelf = marks.shelf();
        self.counts[shelf as usize] += spans.len();
        if let (Shelf::Ordinary, Some(route)) = (shelf, &route) {
            *self.routes.entry(route.clone()).or_default() += 1;
        }
        self.last_position += 1;
        let position = self.last_position;
        self.queues[shelf as usize].push_back((id, position));
        self.traces.insert(id, Trace { spans, shelf, marks, route, position });
        self.drop_outdated_positions(shelf);
        shelf
    }

    fn remove(&mut self, id: u128) -> Option<Trace> {
        let trace = self.traces.remove(&id)?;
        self.counts[trace.shelf as usize] -= trace.spans.len();
        if let (Shelf::Ordinary, Some(route)) = (trace.shelf, &trace.route)
            && let Some(count) = self.routes.get_mut(route)
        {
            *count -= 1;
            if *count == 0 {
                self.routes.remove(route);
            }
        }
        Some(trace)
    }

    /// Removes outdated positions before there are too many: a client may add to one trace any
    /// number of times.
    fn drop_outdated_positions(&mut self, shelf: Shelf) {
        let Self { queues, traces, .. } = self;
        let queue = &mut queues[shelf as usize];
        if queue.len() > POSITIONS_PER_SPAN_MAX * shelf.spans_max() {
            queue.retain(|(id, position)| at_position(traces, *id, *position).is_some());
        }
    }

    /// Removes the oldest traces of a shelf until the rest fits. Returns the buffer of one of them.
    fn evict(&mut self, shelf: Shelf) -> Vec<EndedSpan> {
        let mut buffer = Vec::new();
        let mut skipped = 0;
        while self.counts[shelf as usize] > shelf.spans_max() {
            let Some((id, position)) = self.queues[shelf as usize].pop_front() else { break };
            let Some(trace) = at_position(&self.traces, id, position) else { continue };
            let of_route = trace.route.as_ref().and_then(|route| self.routes.get(route));
            if of_route.is_some_and(|count| *count <= TRACES_PER_ROUTE_MIN) && skipped < SKIPPED_MAX
            {
                skipped += 1;
                self.queues[shelf as usize].push_back((id, position));
            } else if let Some(trace) = self.remove(id) {
                buffer = trace.spans;
            }
        }
        buffer
    }
}

/// The trace with this id, if it still has this position.
fn at_position(traces: &HashMap<u128, Trace>, id: u128, position: u64) -> Option<&Trace> {
    traces.get(&id).filter(|trace| trace.position == position)
}

/// What is known of spans that belong together, and the route of the first root.
fn classify(spans: &[EndedSpan]) -> (Marks, Option<Route>) {
    let root = spans.iter().find(|span| is_root(span.kind));
    let route = root.map(|root| (root.component.clone(), root.operation.clone()));
    let has = |kinds: [SpanKind; 2]| spans.iter().any(|span| kinds.contains(&span.kind));
    let marks = Marks {
        of_host: has([SpanKind::Schedule, SpanKind::Host]),
        of_client: has([SpanKind::Http, SpanKind::Message]),
        slow: root.is_some_and(|root| root.duration > SLOW),
        failed: spans.iter().any(has_failed),
    };
    (marks, route)
}

/// Whether a span failed: by the host's judgment, and not by that of the contract.
pub(super) fn has_failed(span: &EndedSpan) -> bool {
    match span.outcome {
        Outcome::Failed(name) => !is_answer(name),
        outcome => matches!(outcome, Outcome::Status(500..)),
    }
}
