//! Traces that are kept for people who look.
//!
//! A ring buffer of the last spans would not help: within a minute the schedules of an idle
//! application push out the last request of a client. So spans are gathered by trace until its root
//! has ended. Then its result is known, and the whole trace is put on the shelf of its kind:
//! failed, slow, ordinary, and internal work of the host. Each shelf has a budget of spans, so that
//! the many can't push out the few; of ordinary traces, the last ones of each route stay longest.

use super::span::{Ended, SpanRecord};
use super::{Operation, Outcome, SpanKind};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Parts of the table of open traces, so that threads rarely wait for one another.
const SHARDS: usize = 16;
/// Open traces of one shard. Beyond, the oldest is taken as ended.
const OPEN_TRACES_MAX: usize = 256;
/// Spans of one trace; further ones are dropped.
const SPANS_PER_TRACE_MAX: usize = 1_024;
/// Buffers of one shard that wait to be used again.
const BUFFERS_MAX: usize = 64;
/// A trace whose root takes longer is a slow one.
const SLOW: Duration = Duration::from_secs(1);
/// Traces of one route that are kept while those of other routes can be dropped.
const TRACES_PER_ROUTE_MIN: usize = 8;
/// Traces that are looked at to find one that can go.
const LOOKED_AT_MAX: usize = 64;
/// The maximum length of a queue, as a multiple of the spans of its shelf.
const PLACES_PER_SPAN_MAX: usize = 2;
/// Spans that are shown when all are asked for: the latest.
const SHOWN_MAX: usize = 8_192;

/// Where a trace is kept. One that changes goes up, never down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Shelf {
    /// Runs of schedules and hooks.
    Background,
    Ordinary,
    Slow,
    Failed,
}

impl Shelf {
    const ALL: [Self; 4] = [Self::Background, Self::Ordinary, Self::Slow, Self::Failed];

    /// Spans that it has room for.
    fn spans_max(self) -> usize {
        match self {
            Self::Background => 2_048,
            Self::Ordinary => 16_384,
            Self::Slow => 4_096,
            Self::Failed => 8_192,
        }
    }
}

/// Open traces, and finished ones that are kept.
#[derive(Debug, Default)]
pub(crate) struct Traces {
    open: [Mutex<Open>; SHARDS],
    kept: Mutex<Kept>,
}

impl Traces {
    pub(super) fn push(&self, ended: Ended) {
        let (id, is_root) = (ended.trace_id, is_root(ended.kind));
        let shard = &self.open[id as usize % SHARDS];
        let finished = lock(shard).push(ended, is_root);
        for (id, spans) in finished.into_iter().flatten() {
            let mut buffer = lock(&self.kept).keep(id, spans);
            buffer.clear();
            lock(shard).recycle(buffer);
        }
    }

    /// The spans of one trace, oldest first.
    pub(crate) fn of(&self, trace_id: &str) -> Vec<SpanRecord> {
        // No trace has an id that is not of this form.
        match u128::from_str_radix(trace_id, 16) {
            Ok(id) => self.find(|trace_id, _| trace_id == id),
            Err(_) => Vec::new(),
        }
    }

    /// The spans of all traces with a request of this id, oldest first. A request without an id
    /// of its own has that of its trace.
    pub(crate) fn of_request(&self, request_id: &str) -> Vec<SpanRecord> {
        let with_id = |span: &Ended| span.request_id.as_deref() == Some(request_id);
        let named = self.find(|_, spans| spans.iter().any(with_id));
        if named.is_empty() { self.of(request_id) } else { named }
    }

    /// The latest spans, oldest first.
    pub(crate) fn all(&self) -> Vec<SpanRecord> {
        let mut all = self.find(|_, _| true);
        all.drain(..all.len().saturating_sub(SHOWN_MAX));
        all
    }

    /// The spans of all traces that are wanted, oldest first.
    fn find(&self, wanted: impl Fn(u128, &[Ended]) -> bool) -> Vec<SpanRecord> {
        let mut found = Vec::new();
        let mut look = |id, spans: &[Ended]| {
            if wanted(id, spans) {
                found.extend(spans.iter().map(SpanRecord::from));
            }
        };
        for shard in &self.open {
            lock(shard).traces.iter().for_each(|(id, spans)| look(*id, spans));
        }
        lock(&self.kept).traces.iter().for_each(|(id, trace)| look(*id, &trace.spans));
        found.sort_by_key(|span| span.ended_at);
        found
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether nothing of this process waits for the end of such a span.
fn is_root(kind: SpanKind) -> bool {
    matches!(kind, SpanKind::Http | SpanKind::Host | SpanKind::Schedule | SpanKind::Delivery)
}

/// A trace with its spans.
type Finished = (u128, Vec<Ended>);

/// Traces whose root has not ended.
#[derive(Debug, Default)]
struct Open {
    traces: HashMap<u128, Vec<Ended>>,
    /// In the order in which they were opened; some have ended since.
    order: VecDeque<u128>,
    buffers: Vec<Vec<Ended>>,
}

impl Open {
    /// The trace that has ended with this span, and the one that it has pushed out.
    fn push(&mut self, ended: Ended, is_root: bool) -> [Option<Finished>; 2] {
        let id = ended.trace_id;
        let mut pushed_out = None;
        let spans = match self.traces.entry(id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                self.order.push_back(id);
                if self.order.len() > OPEN_TRACES_MAX {
                    pushed_out = self.order.pop_front();
                }
                new.insert(self.buffers.pop().unwrap_or_default())
            }
        };
        if spans.len() < SPANS_PER_TRACE_MAX || is_root {
            spans.push(ended);
        }
        let finished = if is_root { self.finish(id) } else { None };
        [finished, pushed_out.and_then(|id| self.finish(id))]
    }

    fn finish(&mut self, id: u128) -> Option<Finished> {
        Some((id, self.traces.remove(&id)?))
    }

    fn recycle(&mut self, buffer: Vec<Ended>) {
        if self.buffers.len() < BUFFERS_MAX {
            self.buffers.push(buffer);
        }
    }
}

/// The route of a trace: that of its first root.
type Route = (Arc<str>, Operation);

/// A trace that is kept.
#[derive(Debug)]
struct Trace {
    spans: Vec<Ended>,
    shelf: Shelf,
    route: Option<Route>,
    place: u64,
}

/// Traces that have ended.
#[derive(Debug, Default)]
struct Kept {
    traces: HashMap<u128, Trace>,
    /// Traces and their positions by shelf, oldest first. A trace that got another span later has a
    /// newer position.
    queues: [VecDeque<(u128, u64)>; Shelf::ALL.len()],
    /// The last assigned position.
    last_place: u64,
    /// Spans by shelf.
    counts: [usize; Shelf::ALL.len()],
    /// Ordinary traces of each route.
    routes: HashMap<Route, usize>,
}

impl Kept {
    /// Keep a trace, or add to one that is kept. Returns a buffer that is no longer needed.
    fn keep(&mut self, id: u128, mut spans: Vec<Ended>) -> Vec<Ended> {
        let (shelf, route) = judge(&spans);
        match self.remove(id) {
            Some(mut known) => {
                let room = SPANS_PER_TRACE_MAX.saturating_sub(known.spans.len());
                known.spans.extend(spans.drain(..).take(room));
                let shelf = shelf.max(known.shelf);
                self.insert(id, known.spans, shelf, known.route.or(route));
                self.make_room(shelf);
                spans
            }
            None => {
                self.insert(id, spans, shelf, route);
                self.make_room(shelf)
            }
        }
    }

    fn insert(&mut self, id: u128, spans: Vec<Ended>, shelf: Shelf, route: Option<Route>) {
        self.counts[shelf as usize] += spans.len();
        if let (Shelf::Ordinary, Some(route)) = (shelf, &route) {
            *self.routes.entry(route.clone()).or_default() += 1;
        }
        self.last_place += 1;
        let place = self.last_place;
        self.queues[shelf as usize].push_back((id, place));
        self.traces.insert(id, Trace { spans, shelf, route, place });
        self.drop_places(shelf);
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

    /// Remove outdated positions before there are too many: a client may add to one trace any
    /// number of times.
    fn drop_places(&mut self, shelf: Shelf) {
        let Self { queues, traces, .. } = self;
        let queue = &mut queues[shelf as usize];
        if queue.len() > PLACES_PER_SPAN_MAX * shelf.spans_max() {
            queue.retain(|(id, place)| at_place(traces, *id, *place).is_some());
        }
    }

    /// Remove the oldest traces of a shelf until the rest fits. The buffer of one of them.
    fn make_room(&mut self, shelf: Shelf) -> Vec<Ended> {
        let mut buffer = Vec::new();
        let mut spared = 0;
        while self.counts[shelf as usize] > shelf.spans_max() {
            let Some((id, place)) = self.queues[shelf as usize].pop_front() else { break };
            let Some(trace) = at_place(&self.traces, id, place) else { continue };
            let of_route = trace.route.as_ref().and_then(|route| self.routes.get(route));
            if of_route.is_some_and(|count| *count <= TRACES_PER_ROUTE_MIN)
                && spared < LOOKED_AT_MAX
            {
                spared += 1;
                self.queues[shelf as usize].push_back((id, place));
            } else if let Some(trace) = self.remove(id) {
                buffer = trace.spans;
            }
        }
        buffer
    }
}

/// The trace with this id, if it still has this position.
fn at_place(traces: &HashMap<u128, Trace>, id: u128, place: u64) -> Option<&Trace> {
    traces.get(&id).filter(|trace| trace.place == place)
}

/// Where spans that belong together are kept, and for which route.
fn judge(spans: &[Ended]) -> (Shelf, Option<Route>) {
    let root = spans.iter().find(|span| is_root(span.kind));
    let route = root.map(|root| (root.component.clone(), root.operation.clone()));
    let failed = |span: &Ended| {
        matches!(span.outcome, Outcome::Failed(_)) || matches!(span.outcome, Outcome::Status(500..))
    };
    let shelf = if spans.iter().any(failed) {
        Shelf::Failed
    } else if root.is_some_and(|root| root.duration > SLOW) {
        Shelf::Slow
    } else if root.is_some_and(|root| matches!(root.kind, SpanKind::Schedule | SpanKind::Host)) {
        Shelf::Background
    } else {
        Shelf::Ordinary
    };
    (shelf, route)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    fn span(trace_id: u128, kind: SpanKind, operation: &str, outcome: Outcome) -> Ended {
        Ended {
            trace_id,
            span_id: 1,
            parent_id: 0,
            request_id: None,
            kind,
            component: "c".into(),
            operation: operation.to_owned().into(),
            outcome,
            at: SystemTime::UNIX_EPOCH + Duration::from_nanos(trace_id as u64),
            duration: Duration::from_millis(1),
        }
    }

    fn trace(traces: &Traces, id: u128, kind: SpanKind, operation: &str, outcome: Outcome) {
        traces.push(span(id, SpanKind::Store, "get", Outcome::Ok));
        traces.push(span(id, kind, operation, outcome));
    }

    fn count(traces: &Traces, id: u128) -> usize {
        traces.of(&format!("{id:x}")).len()
    }

    #[test]
    fn internal_traces_evict_only_internal_traces() {
        let traces = Traces::default();
        trace(&traces, 1, SpanKind::Http, "GET /", Outcome::Status(200));
        for id in 2..20_000 {
            trace(&traces, id, SpanKind::Schedule, "POST /sweep", Outcome::Status(204));
        }
        assert_eq!(count(&traces, 1), 2);
        assert_eq!((count(&traces, 2), count(&traces, 19_999)), (0, 2));
    }

    #[test]
    fn failures_and_slow_traces_outlive_ordinary_ones() {
        let traces = Traces::default();
        trace(&traces, 1, SpanKind::Http, "GET /", Outcome::Failed("trap"));
        trace(&traces, 2, SpanKind::Http, "GET /", Outcome::Status(503));
        traces.push(span(3, SpanKind::Store, "get", Outcome::Failed("host-failure")));
        traces.push(span(3, SpanKind::Http, "GET /", Outcome::Status(200)));
        let slow = span(4, SpanKind::Http, "GET /", Outcome::Status(200));
        traces.push(Ended { duration: 2 * SLOW, ..slow });
        trace(&traces, 5, SpanKind::Http, "GET /", Outcome::Status(404));
        for id in 10..40_000 {
            trace(&traces, id, SpanKind::Http, "GET /", Outcome::Status(200));
        }
        let counts: Vec<_> = (1..=5).map(|id| count(&traces, id)).collect();
        assert_eq!(counts, [2, 2, 2, 1, 0]);
    }

    #[test]
    fn the_last_traces_of_a_rare_route_outlive_those_of_a_busy_one() {
        let traces = Traces::default();
        for id in 1..=9 {
            trace(&traces, id, SpanKind::Http, "POST /orders", Outcome::Status(201));
        }
        for id in 10..60_000 {
            trace(&traces, id, SpanKind::Http, "GET /", Outcome::Status(200));
        }
        let kept = (1..=9).filter(|id| count(&traces, *id) == 2).count();
        assert_eq!((kept, count(&traces, 1)), (TRACES_PER_ROUTE_MIN, 0));
    }

    #[test]
    fn what_comes_after_the_end_of_a_request_joins_its_trace() {
        let traces = Traces::default();
        trace(&traces, 1, SpanKind::Http, "POST /orders", Outcome::Status(201));
        trace(&traces, 1, SpanKind::Delivery, "POST /events", Outcome::Status(204));
        assert_eq!(count(&traces, 1), 4);
        trace(&traces, 1, SpanKind::Delivery, "POST /events", Outcome::Status(500));
        assert_eq!(count(&traces, 1), 6);
        let kept = lock(&traces.kept);
        assert_eq!(kept.traces[&1].shelf, Shelf::Failed);
        assert_eq!(kept.counts, [0, 0, 0, 6]);
        assert!(kept.routes.is_empty());
    }

    #[test]
    fn spans_can_be_seen_before_their_root_has_ended() {
        let traces = Traces::default();
        traces.push(span(1, SpanKind::Store, "get", Outcome::Ok));
        assert_eq!(count(&traces, 1), 1);
    }

    #[test]
    fn everything_has_a_limit() {
        let traces = Traces::default();
        for id in 1..20_000 {
            traces.push(span(id, SpanKind::Store, "get", Outcome::Ok));
        }
        for _ in 0..2 * SPANS_PER_TRACE_MAX {
            traces.push(span(1 << 100, SpanKind::Store, "get", Outcome::Ok));
        }
        for shard in &traces.open {
            let shard = lock(shard);
            assert!(shard.traces.len() <= OPEN_TRACES_MAX && shard.order.len() <= OPEN_TRACES_MAX);
        }
        for round in 0..20_000 {
            trace(&traces, 1 << 64, SpanKind::Delivery, &format!("POST /{round}"), Outcome::Ok);
            trace(&traces, round, SpanKind::Http, &format!("GET /{round}"), Outcome::Ok);
        }
        let kept = lock(&traces.kept);
        for shelf in Shelf::ALL {
            assert!(kept.counts[shelf as usize] <= shelf.spans_max(), "{shelf:?}");
        }
        let spans: usize = kept.traces.values().map(|trace| trace.spans.len()).sum();
        assert_eq!(spans, kept.counts.iter().sum::<usize>());
        assert!(kept.traces[&(1 << 64)].spans.len() <= SPANS_PER_TRACE_MAX);
    }

    #[test]
    fn repeated_additions_to_one_trace_take_no_more_space() {
        let traces = Traces::default();
        let places_max = PLACES_PER_SPAN_MAX * Shelf::Ordinary.spans_max();
        for _ in 0..2 * places_max {
            traces.push(span(1, SpanKind::Http, "GET /", Outcome::Status(200)));
        }
        let kept = lock(&traces.kept);
        assert!(kept.queues[Shelf::Ordinary as usize].len() <= places_max);
        assert_eq!(kept.traces[&1].spans.len(), SPANS_PER_TRACE_MAX);
    }

    #[test]
    fn a_trace_is_found_by_the_id_of_its_request() {
        let traces = Traces::default();
        for id in [1, 2, 3] {
            traces.push(span(id, SpanKind::Store, "get", Outcome::Ok));
            let root = span(id, SpanKind::Http, "GET /", Outcome::Status(200));
            let request_id = (id < 3).then(|| "mine".into());
            traces.push(Ended { request_id, ..root });
        }
        let found = |request_id: &str| traces.of_request(request_id).len();
        assert_eq!((found("mine"), found("other")), (4, 0));
        assert_eq!(found(&format!("{:032x}", 3)), 2, "its own id is that of its trace");
    }
}
