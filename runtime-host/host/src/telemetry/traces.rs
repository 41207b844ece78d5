//! Recent traces, for the admin listener.
//!
//! A ring buffer of the last spans would not help: within a minute, the schedules of an idle
//! application evict the last request of a client. So spans are collected by trace until its root
//! has ended. Then its result is known, and the whole trace is put on a shelf: failed, slow,
//! ordinary, or internal work of the host, with its failures apart. Each shelf has a maximum of spans, so that frequent
//! traces don't evict rare ones; of ordinary traces, the last ones of each route stay longest.

mod kept;
mod open;
mod summaries;

pub(crate) use summaries::{Search, Summary};

use super::SpanKind;
use super::span::{EndedSpan, SpanRecord};
use kept::Kept;
use open::Open;
use parking_lot::Mutex;

/// Parts of the table of open traces, so that threads rarely wait for one another.
const SHARDS: usize = 16;
/// Spans of one trace; further ones are dropped.
const SPANS_PER_TRACE_MAX: usize = 1_024;
/// Spans that are shown when all are asked for: the latest.
const SHOWN_MAX: usize = 8_192;

/// Open traces, and finished ones that are kept.
#[derive(Debug, Default)]
pub(crate) struct Traces {
    open: [Mutex<Open>; SHARDS],
    kept: Mutex<Kept>,
}

impl Traces {
    pub(super) fn push(&self, ended: EndedSpan) {
        let shard = &self.open[ended.trace_id as usize % SHARDS];
        let finished = shard.lock().push(ended);
        for (id, spans) in finished.into_iter().flatten() {
            let mut buffer = self.kept.lock().keep(id, spans);
            buffer.clear();
            shard.lock().recycle(buffer);
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
        let with_id = |span: &EndedSpan| span.request_id.as_deref() == Some(request_id);
        let named = self.find(|_, spans| spans.iter().any(with_id));
        if named.is_empty() { self.of(request_id) } else { named }
    }

    /// The latest finished traces that fit, newest first.
    pub(crate) fn latest(&self, search: &Search, limit: usize) -> Vec<Summary> {
        let kept = self.kept.lock();
        summaries::latest(kept.traces.values().map(|trace| &*trace.spans), search, limit)
    }

    /// The latest spans, oldest first.
    pub(crate) fn all(&self) -> Vec<SpanRecord> {
        let mut all = self.find(|_, _| true);
        all.drain(..all.len().saturating_sub(SHOWN_MAX));
        all
    }

    /// The spans of all traces that are wanted, oldest first.
    fn find(&self, wanted: impl Fn(u128, &[EndedSpan]) -> bool) -> Vec<SpanRecord> {
        let mut found = Vec::new();
        let mut look = |id, spans: &[EndedSpan]| {
            if wanted(id, spans) {
                found.extend(spans.iter().map(SpanRecord::from));
            }
        };
        for shard in &self.open {
            shard.lock().traces.iter().for_each(|(id, spans)| look(*id, spans));
        }
        self.kept.lock().traces.iter().for_each(|(id, trace)| look(*id, &trace.spans));
        found.sort_by_key(|span| span.ended_at);
        found
    }
}

/// Whether nothing of this process waits for the end of such a span.
fn is_root(kind: SpanKind) -> bool {
    use SpanKind::{Delivery, Host, Http, Message, Schedule};
    matches!(kind, Http | Host | Schedule | Delivery | Message)
}

#[cfg(test)]
mod tests {
    use super::kept::{POSITIONS_PER_SPAN_MAX, SLOW, Shelf, TRACES_PER_ROUTE_MIN};
    use super::open::OPEN_TRACES_MAX;
    use super::*;
    use crate::telemetry::Outcome;
    use std::time::{Duration, SystemTime};

    fn span(trace_id: u128, kind: SpanKind, operation: &str, outcome: Outcome) -> EndedSpan {
        EndedSpan {
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
    fn internal_traces_evict_no_others_if_they_fail_or_publish_events() {
        let traces = Traces::default();
        trace(&traces, 1, SpanKind::Http, "GET /", Outcome::Status(200));
        trace(&traces, 2, SpanKind::Http, "GET /", Outcome::Status(500));
        for id in 3..40_000 {
            match id % 3 {
                0 => trace(&traces, id, SpanKind::Schedule, "POST /sweep", Outcome::Failed("trap")),
                1 => {
                    trace(&traces, id, SpanKind::Schedule, "POST /sweep", Outcome::Status(204));
                    trace(&traces, id, SpanKind::Delivery, "billing", Outcome::Status(204));
                }
                _ => {
                    trace(&traces, id, SpanKind::Delivery, "billing", Outcome::Status(500));
                    trace(&traces, id, SpanKind::Schedule, "POST /sweep", Outcome::Status(204));
                }
            }
        }
        assert_eq!((count(&traces, 1), count(&traces, 2)), (2, 2));
    }

    #[test]
    fn failures_and_slow_traces_outlive_ordinary_ones() {
        let traces = Traces::default();
        trace(&traces, 1, SpanKind::Http, "GET /", Outcome::Failed("trap"));
        trace(&traces, 2, SpanKind::Http, "GET /", Outcome::Status(503));
        traces.push(span(3, SpanKind::Store, "get", Outcome::Failed("host-failure")));
        traces.push(span(3, SpanKind::Http, "GET /", Outcome::Status(200)));
        let slow = span(4, SpanKind::Http, "GET /", Outcome::Status(200));
        traces.push(EndedSpan { duration: 2 * SLOW, ..slow });
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
        let kept = traces.kept.lock();
        assert_eq!(kept.traces[&1].shelf, Shelf::Failed);
        assert_eq!(kept.counts, [0, 0, 0, 0, 6]);
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
            let shard = shard.lock();
            assert!(shard.traces.len() <= OPEN_TRACES_MAX && shard.order.len() <= OPEN_TRACES_MAX);
        }
        for round in 0..20_000 {
            trace(&traces, 1 << 64, SpanKind::Delivery, &format!("POST /{round}"), Outcome::Ok);
            trace(&traces, round, SpanKind::Http, &format!("GET /{round}"), Outcome::Ok);
        }
        let kept = traces.kept.lock();
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
        let positions_max = POSITIONS_PER_SPAN_MAX * Shelf::Ordinary.spans_max();
        for _ in 0..2 * positions_max {
            traces.push(span(1, SpanKind::Http, "GET /", Outcome::Status(200)));
        }
        let kept = traces.kept.lock();
        assert!(kept.queues[Shelf::Ordinary as usize].len() <= positions_max);
        assert_eq!(kept.traces[&1].spans.len(), SPANS_PER_TRACE_MAX);
    }

    #[test]
    fn a_trace_is_found_by_the_id_of_its_request() {
        let traces = Traces::default();
        for id in [1, 2, 3] {
            traces.push(span(id, SpanKind::Store, "get", Outcome::Ok));
            let root = span(id, SpanKind::Http, "GET /", Outcome::Status(200));
            let request_id = (id < 3).then(|| "mine".into());
            traces.push(EndedSpan { request_id, ..root });
        }
        let found = |request_id: &str| traces.of_request(request_id).len();
        assert_eq!((found("mine"), found("other")), (4, 0));
        assert_eq!(found(&format!("{:032x}", 3)), 2, "its own id is that of its trace");
    }

    #[test]
    fn traces_are_listed_by_what_they_began_with() {
        let traces = Traces::default();
        trace(&traces, 1_000_000, SpanKind::Http, "GET /a", Outcome::Status(200));
        trace(&traces, 2_000_000, SpanKind::Schedule, "POST /sweep", Outcome::Status(204));
        trace(&traces, 3_000_000, SpanKind::Http, "GET /b", Outcome::Failed("trap"));
        let ids = |search: Search| {
            let found = traces.latest(&search, 10);
            let numbers = found.iter().map(|one| one.trace_id.trim_start_matches('0').to_owned());
            numbers.collect::<Vec<_>>()
        };
        let all = Search::default();
        let hex = |id: u128| format!("{id:x}");
        assert_eq!(ids(all.clone()).len(), 3);
        assert_eq!(traces.latest(&all, 1).len(), 1);
        let requests = ids(Search { requests: true, ..all.clone() });
        assert_eq!(requests.len(), 2, "{requests:?}");
        assert_eq!(ids(Search { failed: true, ..all.clone() }), [hex(3_000_000)]);
        let text = Some("swee".to_owned());
        assert_eq!(ids(Search { text, ..all.clone() }), [hex(2_000_000)]);
        let duration_min = Duration::from_secs(1);
        assert!(ids(Search { duration_min, ..all.clone() }).is_empty());
        let component = Some("other".to_owned());
        assert!(ids(Search { component, ..all }).is_empty());
    }
}
