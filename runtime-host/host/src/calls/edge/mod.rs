//! The calls of one caller to one callee, and the policy that applies to them: the time of an
//! attempt, a circuit breaker, a limit for concurrent calls, and retries.
//!
//! The decisions are those of `tessera-resilience`. Here they get the time, the random numbers and
//! the answers. Their order for each attempt: breaker, permit, call. A permit is not held during
//! the pause before a retry, and a breaker that opens ends the retries.

mod edges;
mod judgment;
mod policy;
mod shown;

pub(crate) use edges::{EdgeList, Edges, Rule};
pub(crate) use judgment::{Answer, Judge, Judgment, Repeat};
pub(crate) use policy::{Policy, Retry};
pub(crate) use shown::EdgeView;

use super::{Call, CallError, Kind};
use crate::telemetry::{EdgeCounts, Telemetry, random};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tessera_resilience::Deadline;
use tessera_resilience::breaker::{self, Breaker, Outcome, State, Ticket};
use tessera_resilience::budget::Budget;
use tessera_resilience::bulkhead::{self, Bulkhead, Permit};
use tessera_resilience::retry::Failed;
use tokio::time::Instant;

/// The share of a new sample in the usual time of a call: one eighth.
const USUAL_SHARE: u64 = 8;

/// The calls of one caller to one callee.
pub(crate) struct Edge {
    caller: Arc<str>,
    callee: Arc<str>,
    /// The functions of the entry in the manifest; empty for all.
    functions: Vec<String>,
    policy: Arc<Policy>,
    /// The start of the clock of breaker and budget.
    clock: Instant,
    breaker: Option<Mutex<Breaker>>,
    budget: Option<Mutex<Budget>>,
    bulkhead: Option<Bulkhead>,
    /// How long a successful attempt usually takes, in nanoseconds.
    usual_ns: AtomicU64,
    telemetry: Arc<Telemetry>,
    counts: EdgeCounts,
}

/// One attempt of a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attempt {
    /// From 1.
    pub(crate) number: u32,
    pub(crate) deadline: Deadline,
}

/// A call that the breaker has admitted. Unless its result is recorded, nothing is known.
struct Admitted<'a> {
    edge: &'a Edge,
    ticket: Option<Ticket>,
}

impl Edge {
    fn new(
        caller: Arc<str>,
        callee: Arc<str>,
        functions: Vec<String>,
        policy: Arc<Policy>,
        telemetry: Arc<Telemetry>,
    ) -> Self {
        let counts = telemetry.metrics.edge(&caller, &callee);
        Self {
            breaker: policy.breaker.map(|options| Mutex::new(Breaker::new(options))),
            budget: policy.retry.map(|retry| Mutex::new(Budget::new(retry.budget))),
            bulkhead: policy.bulkhead.map(Bulkhead::new),
            clock: Instant::now(),
            usual_ns: AtomicU64::new(0),
            caller,
            callee,
            functions,
            policy,
            telemetry,
            counts,
        }
    }

    /// Makes a call once.
    pub(crate) async fn once<A: Answer, F: Future<Output = A>>(
        &self,
        call: &Call,
        attempt: impl FnOnce(Attempt) -> F,
    ) -> A {
        self.attempt(call, 1, attempt).await.0
    }

    /// Makes a call, and repeats it as the policy says. `may_repeat` says whether a call that failed
    /// in this way may be made again.
    pub(crate) async fn call<A: Answer, F: Future<Output = A>>(
        &self,
        call: &Call,
        may_repeat: impl Fn(Repeat) -> bool,
        mut attempt: impl FnMut(Attempt) -> F,
    ) -> A {
        if let Some(budget) = &self.budget {
            budget.lock().count_call(self.now());
        }
        let mut number = 1;
        loop {
            let (answer, judgment) = self.attempt(call, number, &mut attempt).await;
            let repeats = judgment.repeat != Repeat::Never && may_repeat(judgment.repeat);
            let pause = if repeats { self.pause(call, judgment, number) } else { None };
            let Some(pause) = pause else { return answer };
            self.counts.retries.inc();
            number += 1;
            tokio::time::sleep(pause).await;
        }
    }

    async fn attempt<A: Answer, F: Future<Output = A>>(
        &self,
        call: &Call,
        number: u32,
        attempt: impl FnOnce(Attempt) -> F,
    ) -> (A, Judgment) {
        let deadline = self.deadline(call);
        let admitted = match self.admit() {
            Ok(admitted) => admitted,
            Err(rejected) => return self.refuse(call, self.open_error(rejected)),
        };
        let _permit = match self.permit(call, deadline).await {
            Ok(permit) => permit,
            Err(rejected) => return self.refuse(call, self.full_error(rejected)),
        };
        let begun = Instant::now();
        let answer = attempt(Attempt { number, deadline }).await;
        let judgment = answer.judge();
        if judgment.outcome == Outcome::Success {
            self.took(begun.elapsed());
        }
        admitted.record(judgment.outcome);
        (answer, judgment)
    }

    /// When an attempt that begins now has to end. The deadline of the call is never extended.
    fn deadline(&self, call: &Call) -> Deadline {
        let own = self.policy.timeout.map(Deadline::after);
        match (own, call.deadline) {
            (Some(own), Some(call)) => own.min(call),
            (Some(deadline), None) | (None, Some(deadline)) => deadline,
            (None, None) => Deadline::after(Duration::MAX),
        }
    }

    fn admit(&self) -> Result<Admitted<'_>, breaker::Rejected> {
        let ticket = match &self.breaker {
            Some(breaker) => Some(breaker.lock().admit(self.now())?),
            None => None,
        };
        Ok(Admitted { edge: self, ticket })
    }

    async fn permit(
        &self,
        call: &Call,
        deadline: Deadline,
    ) -> Result<Option<Permit>, bulkhead::AcquireError> {
        match &self.bulkhead {
            Some(bulkhead) => bulkhead.acquire(call.client, deadline).await.map(Some),
            None => Ok(None),
        }
    }

    /// The pause before the next attempt, if there is one.
    fn pause(&self, call: &Call, judgment: Judgment, attempts: u32) -> Option<Duration> {
        let retry = self.policy.retry.as_ref()?;
        let failed = Failed {
            attempts,
            retry_after: judgment.retry_after,
            remaining: call.deadline.map_or(Duration::MAX, Deadline::remaining),
            expected: Duration::from_nanos(self.usual_ns.load(Ordering::Relaxed)),
        };
        let pause = retry.pauses.pause(failed, random())?;
        if self.breaker.as_ref().is_some_and(|breaker| breaker.lock().state() == State::Open) {
            return None;
        }
        let allowed = self.budget.as_ref().is_none_or(|budget| budget.lock().try_retry(self.now()));
        if !allowed {
            self.counts.retries_over_budget.inc();
        }
        allowed.then_some(pause)
    }

    /// The call is not made. Its span shows why.
    fn refuse<A: Answer>(&self, call: &Call, error: CallError) -> (A, Judgment) {
        let operation = call.operation.clone();
        self.telemetry
            .span(call.kind, &self.callee, operation, &call.trace)
            .end(error.kind.outcome());
        let counter = match error.kind {
            Kind::CircuitOpen => &self.counts.circuit_open,
            _ => &self.counts.bulkhead_full,
        };
        counter.inc();
        (A::refused(error), Judgment::IGNORED)
    }

    fn open_error(&self, rejected: breaker::Rejected) -> CallError {
        let (caller, callee, policy) = (&self.caller, &self.callee, &self.policy.name);
        let detail = format!(
            "the circuit breaker of {caller} for {callee} is open (policy `{policy}`): too many \
             calls failed"
        );
        CallError::new(Kind::CircuitOpen, detail).with_retry_after(rejected.retry_after)
    }

    fn full_error(&self, rejected: bulkhead::AcquireError) -> CallError {
        let (caller, callee, policy) = (&self.caller, &self.callee, &self.policy.name);
        let detail = format!("calls of {caller} to {callee} (policy `{policy}`): {rejected}");
        let kind = match rejected {
            bulkhead::AcquireError::QueueFull => Kind::BulkheadFull,
            bulkhead::AcquireError::DeadlineExceeded => Kind::DeadlineExceeded,
        };
        CallError::new(kind, detail)
    }

    /// A successful attempt took this long.
    fn took(&self, time: Duration) {
        if self.policy.retry.is_none() {
            return;
        }
        let sample = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let usual = self.usual_ns.load(Ordering::Relaxed);
        let next = match usual {
            0 => sample,
            usual => usual - usual / USUAL_SHARE + sample / USUAL_SHARE,
        };
        // A sample that another thread overwrites does not matter.
        self.usual_ns.store(next, Ordering::Relaxed);
    }

    fn record(&self, ticket: Ticket, outcome: Outcome) {
        let Some(breaker) = &self.breaker else { return };
        let (before, after) = {
            let mut breaker = breaker.lock();
            let before = breaker.state();
            breaker.record(ticket, outcome, self.now(), random());
            (before, breaker.state())
        };
        let (caller, callee) = (&self.caller, &self.callee);
        match (before, after) {
            (before, after) if before == after => {}
            (_, State::Open) => tracing::warn!(
                %caller, %callee, "the circuit breaker opens: too many calls failed"
            ),
            _ => tracing::info!(%caller, %callee, "the circuit breaker closes: calls succeed"),
        }
    }

    fn now(&self) -> Duration {
        self.clock.elapsed()
    }
}

impl Admitted<'_> {
    fn record(mut self, outcome: Outcome) {
        self.edge.counts.attempt(outcome);
        if let Some(ticket) = self.ticket.take() {
            self.edge.record(ticket, outcome);
        }
    }
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.edge.record(ticket, Outcome::Ignored);
        }
    }
}

#[cfg(test)]
mod tests;
