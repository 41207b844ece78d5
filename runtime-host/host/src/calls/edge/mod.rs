//! The calls of one caller to one callee, and the policy that applies to them: the time of an
//! attempt, a circuit breaker, a limit for concurrent calls, retries, and hedging.
//!
//! The decisions are those of `tessera-resilience`. Here they get the time, the random numbers and
//! the answers. Their order for each attempt: breaker, permit, call. A permit is not held during
//! the pause before a retry, and a breaker that opens ends the retries.

mod answers;
mod breaking;
mod edges;
mod hedge;
mod judgment;
mod policy;
mod refusal;
mod shown;

pub(crate) use answers::{AnswerMemory, AnswerOptions, Answers, Begun, Flight, KEY_MAX_BYTES};
pub(crate) use edges::{EdgeList, Edges, Rule, Switched};
pub(crate) use judgment::{Answer, Judge, Judgment, Repeat};
pub(crate) use policy::{Hedge, Policy, Retry};
pub(crate) use shown::EdgeView;

use super::Call;
use crate::telemetry::{EdgeCounts, Telemetry, random};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tessera_resilience::Deadline;
use tessera_resilience::breaker::{Breaker, Outcome, State};
use tessera_resilience::budget::Budget;
use tessera_resilience::bulkhead::{AcquireError, Bulkhead, Permit};
use tessera_resilience::retry::Failed;
use tokio::time::Instant;

/// The caller of calls that no component makes.
const OUTSIDE: &str = "outside";
/// The share of a new sample in the usual time of a call: one eighth.
const USUAL_SHARE: u64 = 8;

/// What all edges share.
#[derive(Clone)]
#[cfg_attr(test, derive(Default))]
pub(crate) struct EdgeContext {
    pub(crate) telemetry: Arc<Telemetry>,
    /// The memory of the answers that they keep.
    pub(crate) answers: Arc<AnswerMemory>,
}

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
    answers: Option<Answers>,
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

/// An attempt that has ended.
struct Attempted<A> {
    answer: A,
    judgment: Judgment,
    /// False if the policy refused it.
    was_made: bool,
}

impl<A> Attempted<A> {
    /// Whether another attempt could have no better answer.
    fn is_final(&self) -> bool {
        self.was_made
            && self.judgment.repeat == Repeat::Never
            && self.judgment.outcome != Outcome::Failure
    }
}

impl Edge {
    fn new(
        caller: Arc<str>,
        callee: Arc<str>,
        functions: Vec<String>,
        policy: Arc<Policy>,
        context: &EdgeContext,
    ) -> Self {
        let EdgeContext { telemetry, answers } = context.clone();
        let counts = telemetry.metrics.edge(&caller, &callee);
        Self {
            breaker: policy.breaker.map(|options| Mutex::new(Breaker::new(options))),
            budget: policy.budget().map(|options| Mutex::new(Budget::new(options))),
            bulkhead: policy.bulkhead.map(Bulkhead::new),
            answers: policy
                .answers
                .map(|options| Answers::new(options, policy.timeout, answers, counts.clone())),
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

    /// The calls of all clients together to one component.
    fn inbound(callee: Arc<str>, policy: Arc<Policy>, context: &EdgeContext) -> Self {
        Self::new(OUTSIDE.into(), callee, Vec::new(), policy, context)
    }

    /// The answers that may be given several times, if the policy has any.
    pub(crate) fn answers(&self) -> Option<&Answers> {
        self.answers.as_ref()
    }

    /// The same for a function. It has to be named in the manifest: whether its answers depend on
    /// its arguments alone is not in the contract.
    pub(crate) fn answers_of(&self, function: &str) -> Option<&Answers> {
        self.answers.as_ref().filter(|_| self.functions.iter().any(|one| one == function))
    }

    /// Whether the policy treats reads in another way than other calls.
    pub(crate) fn distinguishes_reads(&self) -> bool {
        self.answers.is_some() || self.policy.hedge.is_some()
    }

    /// Makes a call once.
    pub(crate) async fn once<A: Answer, F: Future<Output = A>>(
        &self,
        call: &Call,
        attempt: impl FnOnce(Attempt) -> F,
    ) -> A {
        self.attempt(call, 1, attempt).await.answer
    }

    /// Makes a call, and repeats it as the policy says. `may_repeat` says whether a call that failed
    /// in this way may be made again; `is_read` says whether it may be made twice at the same time.
    pub(crate) async fn call<A: Answer, F: Future<Output = A>>(
        &self,
        call: &Call,
        may_repeat: impl Fn(Repeat) -> bool,
        is_read: bool,
        attempt: impl Fn(Attempt) -> F,
    ) -> A {
        if let Some(budget) = &self.budget {
            budget.lock().count_call(self.now());
        }
        let mut number = 1;
        let mut hedge_delay = self.hedge_delay(is_read);
        loop {
            let Attempted { answer, judgment, .. } = match hedge_delay.take() {
                // Its state is large, and most calls do not need it.
                Some(delay) => {
                    let (attempted, last) = Box::pin(self.hedged(call, delay, &attempt)).await;
                    number = last;
                    attempted
                }
                None => self.attempt(call, number, &attempt).await,
            };
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
    ) -> Attempted<A> {
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
        Attempted { answer, judgment, was_made: true }
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

    async fn permit(
        &self,
        call: &Call,
        deadline: Deadline,
    ) -> Result<Option<Permit>, AcquireError> {
        match &self.bulkhead {
            Some(bulkhead) => bulkhead.acquire(call.caller(), deadline).await.map(Some),
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
            expected: self.usual(),
        };
        let pause = retry.pauses.pause(failed, random())?;
        if self.breaker_state() == Some(State::Open) {
            return None;
        }
        let allowed = self.may_retry();
        if !allowed {
            self.counts.retries_over_budget.inc();
        }
        allowed.then_some(pause)
    }

    /// Whether another attempt is within the budget. If so, it is counted.
    fn may_retry(&self) -> bool {
        self.budget.as_ref().is_none_or(|budget| budget.lock().try_retry(self.now()))
    }

    /// How long a successful attempt usually takes.
    fn usual(&self) -> Duration {
        Duration::from_nanos(self.usual_ns.load(Ordering::Relaxed))
    }

    /// A successful attempt took this long.
    fn took(&self, time: Duration) {
        if self.budget.is_none() {
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

    fn now(&self) -> Duration {
        self.clock.elapsed()
    }
}

#[cfg(test)]
mod hedge_tests;
#[cfg(test)]
mod tests;
