//! Calls that the policy of an edge refuses.

use super::{Answer, Attempted, Edge, Judgment};
use crate::calls::{Call, CallError, Kind};
use crate::telemetry::SpanKind;
use tessera_resilience::breaker;
use tessera_resilience::bulkhead::AcquireError;

impl Edge {
    /// The call is not made. Its span shows why.
    pub(super) fn refuse<A: Answer>(&self, call: &Call, error: CallError) -> Attempted<A> {
        // A request to another host is an operation of its caller.
        let component = match call.kind {
            SpanKind::Outbound => &self.caller,
            _ => &self.callee,
        };
        let operation = call.operation.clone();
        let mut span = self.telemetry.span(call.kind, component, operation, &call.trace);
        span.caller = Some(self.caller.clone());
        span.end(error.kind.outcome());
        let counter = match error.kind {
            Kind::CircuitOpen => &self.counts.circuit_open,
            Kind::QueueTimeout => &self.counts.queue_timeout,
            Kind::DeadlineExceeded => &self.counts.deadline_exceeded,
            _ => &self.counts.bulkhead_full,
        };
        counter.inc();
        Attempted { answer: A::refused(error), judgment: Judgment::IGNORED, was_made: false }
    }

    pub(super) fn open_error(&self, rejected: breaker::Rejected) -> CallError {
        let (caller, callee, policy) = (&self.caller, &self.callee, &self.policy.name);
        let why = match self.is_forced() {
            true => "an operator has opened it",
            false => "too many calls failed",
        };
        let detail = format!(
            "the circuit breaker of {caller} for {callee} is open (policy `{policy}`): {why}"
        );
        CallError::new(Kind::CircuitOpen, detail).with_retry_after(rejected.retry_after)
    }

    pub(super) fn full_error(&self, rejected: AcquireError) -> CallError {
        let (caller, callee, policy) = (&self.caller, &self.callee, &self.policy.name);
        let detail = format!("calls of {caller} to {callee} (policy `{policy}`): {rejected}");
        let kind = match rejected {
            AcquireError::QueueFull | AcquireError::Shed => Kind::BulkheadFull,
            AcquireError::WaitedTooLong => Kind::QueueTimeout,
            AcquireError::DeadlineExceeded => Kind::DeadlineExceeded,
        };
        CallError::new(kind, detail)
    }
}
