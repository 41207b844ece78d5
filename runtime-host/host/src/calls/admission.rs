//! Admission of calls to one component: limits and accounting.

use super::{Answer, Call, CallChain, CallError, Cycle, Kind, Limits};
use crate::telemetry::{Span, SpanKind, Telemetry};
use std::net::IpAddr;
use std::sync::Arc;
use tessera_resilience::Deadline;
use tessera_resilience::breaker::Outcome;
use tessera_resilience::bulkhead::{self, AcquireError, Bulkhead};
use tessera_resilience::streams::{self, StreamPermit, Streams};

/// The admission control of one component.
pub(crate) struct Admission {
    pub(crate) component: Arc<str>,
    pub(crate) limits: Limits,
    cycle: Option<Cycle>,
    bulkhead: Bulkhead,
    /// For a component in a cycle: the bulkheads of calls that came through one component of that
    /// cycle, through two, and so on. A caller holds its permit until its callees have responded.
    /// So a call may only wait for permits whose holders are deeper in the cycle than its own
    /// callers; otherwise busy components that call each other would deadlock.
    reentrant: Box<[Bulkhead]>,
    streams: Streams,
    telemetry: Arc<Telemetry>,
}

/// An admitted call. Dropping it releases its permit and ends its span.
pub(crate) struct Admitted {
    pub(crate) deadline: Deadline,
    pub(crate) chain: CallChain,
    pub(crate) client: Option<IpAddr>,
    pub(crate) span: Span,
    pub(crate) permit: Permit,
}

/// The permit of a call or a stream, released when it is dropped.
pub(crate) struct Permit {
    held: Held,
    streams: Streams,
    client: Option<IpAddr>,
    /// No caller stops waiting before the component's own deadline.
    has_own_deadline: bool,
}

/// What a permit counts as.
enum Held {
    Call(bulkhead::Permit),
    Stream(#[expect(dead_code, reason = "held to be counted")] StreamPermit),
}

impl Admission {
    pub(crate) fn new(
        component: Arc<str>,
        limits: Limits,
        cycle: Option<Cycle>,
        telemetry: Arc<Telemetry>,
    ) -> Self {
        let bulkhead = || {
            Bulkhead::new(bulkhead::Options {
                concurrency_max: limits.concurrency_max,
                concurrency_min: limits.concurrency_min,
                queue_length_max: limits.queue_length_max,
                queue_wait: limits.queue_wait,
            })
        };
        let levels = if cycle.is_some() { limits.call_depth_max } else { 0 };
        let streams = Streams::new(streams::Options {
            streams_max: limits.streams_max,
            streams_per_client_max: limits.streams_per_client_max,
        });
        let reentrant = (0..levels).map(|_| bulkhead()).collect();
        Self { component, bulkhead: bulkhead(), limits, cycle, reentrant, streams, telemetry }
    }

    /// The number of running calls.
    pub(crate) fn running(&self) -> usize {
        self.bulkheads().map(Bulkhead::running).sum()
    }

    /// The limit for running calls, of those that no component of its cycle has made.
    pub(crate) fn limit(&self) -> usize {
        self.bulkhead.limit()
    }

    /// The number of calls that wait for a permit.
    pub(crate) fn queued(&self) -> usize {
        self.bulkheads().map(Bulkhead::queued).sum()
    }

    /// The number of open streams. Their calls no longer count as running.
    pub(crate) fn streaming(&self) -> usize {
        self.streams.running()
    }

    fn bulkheads(&self) -> impl Iterator<Item = &Bulkhead> {
        std::iter::once(&self.bulkhead).chain(&self.reentrant)
    }

    /// Admits a call, or returns why not.
    pub(crate) async fn admit(&self, call: Call) -> Result<Admitted, CallError> {
        // The component's own deadline, or the caller's if it is earlier.
        let own = Deadline::after(self.limits.deadline);
        let deadline = call.deadline.map_or(own, |caller| caller.min(own));
        let has_own_deadline = deadline == own;
        let caller = call.caller();
        let mut span = self.telemetry.span(call.kind, &self.component, call.operation, &call.trace);
        span.details = call.details;
        span.caller = match call.kind {
            SpanKind::Link => call.chain.caller().cloned(),
            _ => None,
        };
        span.context.span_id = call.span_id.unwrap_or(span.context.span_id);
        let permit = match self.permit(&call.chain, caller, deadline).await {
            Ok(permit) => Permit { has_own_deadline, ..permit },
            Err(error) => {
                span.end(error.kind.outcome());
                return Err(error);
            }
        };
        Ok(Admitted { deadline, chain: call.chain, client: call.client, span, permit })
    }

    async fn permit(
        &self,
        chain: &CallChain,
        caller: bulkhead::Caller,
        deadline: Deadline,
    ) -> Result<Permit, CallError> {
        if chain.depth() > self.limits.call_depth_max {
            return Err(self.too_deep(chain));
        }
        let level = self.cycle.map_or(0, |cycle| chain.of_cycle(cycle));
        let reentrant = level.checked_sub(1).and_then(|index| self.reentrant.get(index));
        // A permit of the bulkhead, after a bounded wait.
        let permit = reentrant.unwrap_or(&self.bulkhead).acquire(caller, deadline).await;
        let permit = permit.map_err(|rejected| self.refusal(rejected))?;
        let (streams, client) = (self.streams.clone(), caller.client);
        Ok(Permit { held: Held::Call(permit), streams, client, has_own_deadline: true })
    }

    fn too_deep(&self, chain: &CallChain) -> CallError {
        let detail = format!(
            "{} was called through {} components, but call_depth_max is {}: {}",
            self.component,
            chain.depth(),
            self.limits.call_depth_max,
            chain.path(),
        );
        CallError::new(Kind::CallDepth, detail)
    }

    fn refusal(&self, rejected: AcquireError) -> CallError {
        let component = &self.component;
        match rejected {
            AcquireError::QueueFull => CallError::new(
                Kind::QueueFull,
                format!(
                    "{component} runs {} calls and {} more are waiting",
                    self.limit(),
                    self.limits.queue_length_max
                ),
            ),
            AcquireError::Shed => {
                CallError::new(Kind::Shed, format!("many calls wait for {component}"))
            }
            AcquireError::WaitedTooLong => CallError::new(
                Kind::QueueTimeout,
                format!("the call waited too long for {component}, and was not made"),
            ),
            AcquireError::DeadlineExceeded => CallError::new(
                Kind::DeadlineExceeded,
                format!("the deadline passed before {component} was called"),
            ),
        }
    }
}

/// A call whose latency moves the limit of its component.
pub(super) struct Sample {
    /// `None` if the limit is fixed.
    latency: Option<bulkhead::Sample>,
    has_own_deadline: bool,
}

impl Sample {
    /// The call has this result. One that says nothing about load leaves the limit as it is: a
    /// caller that waits for a short time only, or that the component itself limits (429), must not
    /// shrink it for all others.
    pub(super) fn ended<A: Answer>(self, answer: &A) {
        let Some(sample) = self.latency else { return };
        match answer.judge().outcome {
            Outcome::Success => sample.answered(),
            Outcome::Overload => sample.overloaded(),
            Outcome::Failure if answer.is_late() && self.has_own_deadline => sample.overloaded(),
            Outcome::Failure | Outcome::Limited | Outcome::Ignored => {}
        }
    }
}

impl Permit {
    /// The permit of a component with default limits.
    #[cfg(test)]
    pub(crate) async fn of_test() -> Self {
        let limits = Limits::default();
        let admission = Admission::new("test".into(), limits, None, Arc::default());
        let deadline = Deadline::after(admission.limits.deadline);
        let caller = bulkhead::Caller::default();
        let permit = admission.permit(&CallChain::default(), caller, deadline).await;
        permit.unwrap_or_else(|error| unreachable!("all permits are free: {error}"))
    }

    /// Its call, as a sample of latency.
    pub(super) fn sample(&self) -> Sample {
        let latency = match &self.held {
            Held::Call(permit) => permit.sample(),
            Held::Stream(_) => None,
        };
        Sample { latency, has_own_deadline: self.has_own_deadline }
    }

    /// The call returned a stream: from here on it counts as a stream and no longer as a call.
    ///
    /// Errors: the maximum number of streams is open.
    pub(crate) fn become_stream(&mut self) -> Result<(), CallError> {
        match self.streams.open(self.client) {
            Ok(stream) => {
                self.held = Held::Stream(stream);
                Ok(())
            }
            Err(rejected) => {
                let limit = match rejected {
                    streams::OpenError::Full => "streams_max",
                    streams::OpenError::ClientFull => "streams_per_client_max",
                };
                Err(CallError::new(Kind::StreamsFull, format!("{limit}: {rejected}")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::calls::{Judge, Judgment};
    use crate::telemetry::TraceContext;
    use std::time::Duration;

    /// The limit of 10, after a call with this answer.
    async fn limit_after(deadline: Option<Duration>, answer: &impl Answer) -> usize {
        let limits = Limits { concurrency_max: 10, concurrency_min: Some(1), ..Limits::default() };
        let admission = Admission::new("test".into(), limits, None, Arc::default());
        let call = Call::from_outside(SpanKind::Link, "test".into(), TraceContext::root());
        let call = Call { deadline: deadline.map(Deadline::after), ..call };
        let admitted = admission.admit(call).await.unwrap();
        admitted.permit.sample().ended(answer);
        admission.limit()
    }

    /// The same after a call that missed its deadline. The component's own one is 30 s.
    async fn limit_after_a_late_call(deadline: Option<Duration>) -> usize {
        let late: Result<Result<(), String>, CallError> =
            Err(CallError::new(Kind::DeadlineExceeded, ""));
        limit_after(deadline, &late).await
    }

    /// The same after an answer that says this about its callee.
    async fn limit_after_an_answer(outcome: Outcome) -> usize {
        struct Said(Outcome);
        impl Judge for Said {
            fn judge(&self) -> Judgment {
                Judgment { outcome: self.0, ..Judgment::SUCCESS }
            }
        }
        limit_after(None, &Ok::<_, CallError>(Said(outcome))).await
    }

    #[tokio::test]
    async fn the_limit_shrinks_when_the_component_misses_its_own_deadline() {
        assert_eq!(limit_after_a_late_call(None).await, 9);
        assert_eq!(limit_after_a_late_call(Some(Duration::from_secs(60))).await, 9);
        assert_eq!(limit_after_a_late_call(Some(Duration::from_secs(1))).await, 10);
    }

    #[tokio::test]
    async fn the_limit_shrinks_when_the_component_is_overloaded_and_not_when_it_limits_a_client() {
        assert_eq!(limit_after_an_answer(Outcome::Overload).await, 9);
        for outcome in [Outcome::Limited, Outcome::Failure, Outcome::Success, Outcome::Ignored] {
            assert_eq!(limit_after_an_answer(outcome).await, 10, "{outcome:?}");
        }
    }
}
