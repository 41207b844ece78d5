//! Copies of calls, for a candidate that gets none: its answers are compared with those of the stable
//! revision, and discarded.
//!
//! A caller waits only for the stable revision. The candidate serves its copy on the low-priority
//! threads of long computations, and copies beyond a limit are dropped.

use super::{
    Admission, Admitted, Call, CallError, Callee, Cycle, Kind, Limits, Protocol, run_until_reply,
};
use crate::telemetry::{CopyCounts, SpanKind, Telemetry};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use tessera_resilience::Priority;
use tessera_rollout::shadow::{self, Answer, Mismatch, Shadow};
use tokio::sync::Semaphore;

/// Copies for one component at the same time. Further ones are dropped.
const COPIES_MAX: usize = 16;
/// Mismatches that are kept to be shown. Older ones are dropped.
const EXAMPLES_MAX: usize = 10;
/// The largest body that is compared. Two answers with larger ones are not.
pub(crate) const COMPARED_MAX_BYTES: usize = 1 << 20;

/// The copies of a step of a rollout.
pub(crate) struct Copies {
    shadow: Shadow,
    fields: Arc<[String]>,
    /// Functions that may be called again, as `interface.function`.
    idempotent: BTreeSet<String>,
    admission: Admission,
    permits: Arc<Semaphore>,
    counts: Mutex<shadow::Copies>,
    examples: Mutex<VecDeque<Example>>,
    metrics: CopyCounts,
}

/// A copy whose answer differed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Example {
    pub(crate) at_ms: u64,
    pub(crate) operation: String,
    pub(crate) trace_id: String,
    #[serde(flatten)]
    pub(crate) mismatch: Mismatch,
}

/// Where copies of calls go.
pub(crate) struct CopyTo<P: Protocol> {
    pub(crate) candidate: Arc<dyn Callee<P>>,
    pub(crate) copies: Arc<Copies>,
}

/// The copy of a request.
pub(crate) struct CopiedRequest<R> {
    pub(crate) request: R,
    /// Whether the answer has a body.
    pub(crate) with_body: bool,
}

/// Two answers to the same call, as soon as both are known.
struct Comparison {
    copies: Arc<Copies>,
    operation: String,
    trace_id: u128,
    first: Mutex<Option<Known>>,
}

/// An answer that is known before the other one.
struct Known {
    is_stable: bool,
    seen: Seen,
}

/// What is known of an answer.
pub(crate) enum Seen {
    /// All of it.
    Whole(Answer),
    /// More than is compared. It has the digest of what was read, which differs from that of a whole
    /// answer.
    TooLarge(Answer),
    /// It was not read to its end: the caller went away, or the candidate did not finish in time.
    Unfinished,
    /// The copy was refused by the limits for copies.
    NotMade,
}

/// Where one of two answers is reported. One that is dropped without a report is unfinished.
pub(crate) struct Side {
    comparison: Arc<Comparison>,
    is_stable: bool,
    is_reported: bool,
    pub(crate) with_body: bool,
}

impl Copies {
    /// The copies of calls of a component, for a candidate with these limits.
    pub(crate) fn new(
        shadow: Shadow,
        idempotent: BTreeSet<String>,
        (component, limits, cycle): (Arc<str>, Limits, Option<Cycle>),
        telemetry: Arc<Telemetry>,
    ) -> Arc<Self> {
        let metrics = telemetry.metrics.copies(&component);
        let limits = Limits {
            concurrency_max: COPIES_MAX,
            concurrency_min: None,
            queue_length_max: 0,
            queue_wait: None,
            ..limits
        };
        Arc::new(Self {
            fields: shadow.fields.clone().into(),
            shadow,
            idempotent,
            admission: Admission::new(component, limits, cycle, telemetry),
            permits: Arc::new(Semaphore::new(COPIES_MAX)),
            counts: Mutex::default(),
            examples: Mutex::default(),
            metrics,
        })
    }

    /// The share of calls that are copied, in percent.
    pub(crate) fn share_percent(&self) -> u8 {
        self.shadow.share_percent
    }

    /// What was counted, and the latest mismatches.
    pub(crate) fn seen(&self) -> (shadow::Copies, Vec<Example>) {
        (*self.counts.lock(), self.examples.lock().iter().cloned().collect())
    }

    /// A copy was not made.
    fn dropped(&self) {
        self.counts.lock().dropped += 1;
        self.metrics.dropped.inc();
    }

    fn compared(&self, comparison: &Comparison, answers: Option<(Answer, Answer)>) {
        let Some((stable, candidate)) = answers else {
            self.counts.lock().not_compared += 1;
            self.metrics.not_compared.inc();
            return;
        };
        let Some(mismatch) = shadow::mismatch(&stable, &candidate, &self.fields) else {
            self.counts.lock().same += 1;
            self.metrics.same.inc();
            return;
        };
        self.counts.lock().different += 1;
        self.metrics.different.inc();
        let mut examples = self.examples.lock();
        if examples.len() >= EXAMPLES_MAX {
            examples.pop_front();
        }
        examples.push_back(Example {
            at_ms: now_ms(),
            operation: comparison.operation.clone(),
            trace_id: format!("{:032x}", comparison.trace_id),
            mismatch,
        });
    }
}

impl<P: Protocol> CopyTo<P> {
    /// Copies a call, if it may be made twice, is not too large, and there are not too many copies.
    /// Returns where the answer of the stable revision is reported.
    pub(super) fn begin(self, admitted: &Admitted, request: &P::Request) -> Option<Side> {
        let Self { candidate, copies } = self;
        if !P::may_copy(request, &copies.idempotent) {
            return None;
        }
        let Ok(permit) = copies.permits.clone().try_acquire_owned() else {
            copies.dropped();
            return None;
        };
        let CopiedRequest { request, with_body } = P::copy(request)?;
        let comparison = Arc::new(Comparison {
            copies: copies.clone(),
            operation: admitted.span.operation.to_string(),
            trace_id: admitted.span.context.trace_id,
            first: Mutex::default(),
        });
        let side = |is_stable| Side {
            comparison: comparison.clone(),
            is_stable,
            is_reported: false,
            with_body,
        };
        let (stable, side) = (side(true), side(false));
        let (call, low) = (copy_of(admitted), candidate.background().clone());
        let deadline = admitted.deadline;
        low.begin(Box::pin(async move {
            let _permit = permit;
            // These limits are not those of the candidate once it serves calls.
            let Ok(admitted) = copies.admission.admit(call).await else {
                side.report(Seen::NotMade);
                return;
            };
            let work = |reply| candidate.clone().serve(admitted, request, reply);
            let answer = run_until_reply(candidate.background(), work).await;
            if let Ok(response) = side.observe::<P>(answer) {
                // A stream that goes on is not compared.
                let _ = deadline.limit(P::discard(response)).await;
            }
        }));
        Some(stable)
    }
}

/// The copy of a call: in the same trace, and by the same deadline.
fn copy_of(admitted: &Admitted) -> Call {
    Call {
        kind: SpanKind::Shadow,
        operation: Arc::from(&*admitted.span.operation),
        trace: admitted.span.context.clone(),
        deadline: Some(admitted.deadline),
        chain: admitted.chain.clone().with(Priority::Background),
        client: admitted.client,
        details: None,
        span_id: None,
    }
}

impl Side {
    /// The header fields that are compared.
    pub(crate) fn fields(&self) -> &[String] {
        &self.comparison.copies.fields
    }

    /// Reports an answer, now or when its end is known.
    pub(super) fn observe<P: Protocol>(
        self,
        answer: Result<P::Response, CallError>,
    ) -> Result<P::Response, CallError> {
        match answer {
            Ok(response) => Ok(P::observe(response, self)),
            Err(error) => {
                self.report(Seen::failed(error.kind));
                Err(error)
            }
        }
    }

    /// Reports what is known of an answer.
    pub(crate) fn report(mut self, seen: Seen) {
        self.report_once(seen);
    }

    fn report_once(&mut self, seen: Seen) {
        if std::mem::replace(&mut self.is_reported, true) {
            return;
        }
        let comparison = &self.comparison;
        let mut first = comparison.first.lock();
        let Some(known) = first.take() else {
            *first = Some(Known { is_stable: self.is_stable, seen });
            return;
        };
        drop(first);
        let copies = &comparison.copies;
        match (known.is_stable, known.seen, seen) {
            (true, _, Seen::NotMade) | (false, Seen::NotMade, _) => copies.dropped(),
            // The stable revision has finished, and the candidate has not by the deadline.
            (true, stable, Seen::Unfinished) => {
                let candidate = Seen::failed(Kind::DeadlineExceeded);
                copies.compared(comparison, comparable(stable, candidate));
            }
            (true, stable, candidate) | (false, candidate, stable) => {
                copies.compared(comparison, comparable(stable, candidate));
            }
        }
    }
}

impl Seen {
    /// There was no answer, or only a part of it.
    pub(crate) fn failed(kind: Kind) -> Self {
        Self::Whole(Answer::Failed(kind.name().to_owned()))
    }
}

/// The answers of the stable revision and of the candidate; none if they can't be compared.
fn comparable(stable: Seen, candidate: Seen) -> Option<(Answer, Answer)> {
    match (stable, candidate) {
        (Seen::TooLarge(_), Seen::TooLarge(_)) => None,
        (
            Seen::Whole(stable) | Seen::TooLarge(stable),
            Seen::Whole(candidate) | Seen::TooLarge(candidate),
        ) => Some((stable, candidate)),
        _ => None,
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        self.report_once(Seen::Unfinished);
    }
}

#[expect(clippy::disallowed_methods, reason = "an operator sees when answers differed")]
fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
