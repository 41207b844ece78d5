//! The waist: every way in ends here, every callee begins here.
//!
//! A trigger, a link or an outbound request to `*.spin.internal` becomes a [`Call`] to a
//! component. Whatever must hold for all of them (deadline, place in the bulkhead, span,
//! counts) is done once, in [`Gate::admit`], in the order in which it is written there.
//! This module knows neither wasmtime nor hyper: what the payload is and how it is
//! performed is the engine's business.

mod callers;
mod error;

pub(crate) use callers::Callers;
pub(crate) use error::{CallError, Kind};

use crate::telemetry::{Outcome, Span, SpanKind, Telemetry, TraceContext};
use std::sync::Arc;
use std::time::Duration;
use tessera_resilience::Deadline;
use tessera_resilience::bulkhead::{Bulkhead, Options, Permit, Rejected};

/// One request to a component, without its payload.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// The way in that it came by.
    pub(crate) kind: SpanKind,
    /// What is asked for, with few distinct values: `GET /products/:id`, `stock.reserve`.
    pub(crate) operation: Arc<str>,
    /// The trace that it belongs to.
    pub(crate) trace: TraceContext,
    /// When the caller stops waiting; none means that the component's own limit decides.
    pub(crate) deadline: Option<Deadline>,
    /// Who waits for it.
    pub(crate) callers: Callers,
}

impl Call {
    /// A call that no component waits for.
    pub(crate) fn from_outside(kind: SpanKind, operation: Arc<str>, trace: TraceContext) -> Self {
        Self { kind, operation, trace, deadline: None, callers: Callers::default() }
    }
}

/// What stands in front of one component, whatever revision of it serves.
pub(crate) struct Gate {
    pub(crate) component: Arc<str>,
    pub(crate) limits: Limits,
    bulkhead: Bulkhead,
    /// The places of calls that come back to this component: their callers hold places of its
    /// bulkhead until they end. Were there no others, a component whose callees call it back
    /// would wait for itself as soon as it is busy.
    returning: Bulkhead,
    telemetry: Arc<Telemetry>,
}

/// The limits of a component, all of them decided.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    pub(crate) memory_max_bytes: usize,
    pub(crate) cpu_time_max: Duration,
    pub(crate) concurrency_max: usize,
    pub(crate) queue_length_max: usize,
    pub(crate) body_max_bytes: u64,
    pub(crate) deadline: Duration,
    pub(crate) stream_deadline: Duration,
    pub(crate) instance_reuse_max: u64,
    pub(crate) log_max_bytes: u64,
}

/// A call that may go ahead. Dropping it gives its place back and ends its span.
pub(crate) struct Admitted {
    pub(crate) deadline: Deadline,
    pub(crate) callers: Callers,
    pub(crate) span: Span,
    _permit: Permit,
}

impl Gate {
    pub(crate) fn new(component: Arc<str>, limits: Limits, telemetry: Arc<Telemetry>) -> Self {
        let options = Options {
            concurrency_max: limits.concurrency_max,
            queue_length_max: limits.queue_length_max,
        };
        let [bulkhead, returning] = [options, options].map(Bulkhead::new);
        Self { component, limits, bulkhead, returning, telemetry }
    }

    /// Calls that run now.
    pub(crate) fn running(&self) -> usize {
        self.bulkhead.running() + self.returning.running()
    }

    /// Calls that wait for a place now.
    pub(crate) fn queued(&self) -> usize {
        self.bulkhead.queued() + self.returning.queued()
    }

    /// Let a call in, or say why not.
    pub(crate) async fn admit(&self, call: Call) -> Result<Admitted, CallError> {
        // The component's own limit, or what is left of the caller's time: the shorter.
        let own = Deadline::after(self.limits.deadline);
        let deadline = call.deadline.map_or(own, |callers| callers.min(own));
        let mut span = self.telemetry.span(call.kind, &self.component, call.operation, &call.trace);
        // A place among the calls that run at once, after a bounded wait.
        let returns = call.callers.include(&self.component);
        let bulkhead = if returns { &self.returning } else { &self.bulkhead };
        let permit = match bulkhead.acquire(deadline).await {
            Ok(permit) => permit,
            Err(rejected) => {
                let error = self.refusal(rejected);
                span.end(Outcome::Failed(error.kind));
                return Err(error);
            }
        };
        Ok(Admitted { deadline, callers: call.callers, span, _permit: permit })
    }

    fn refusal(&self, rejected: Rejected) -> CallError {
        match rejected {
            Rejected::QueueFull => CallError::new(
                Kind::QueueFull,
                format!(
                    "{} runs {} calls and {} more are waiting",
                    self.component, self.limits.concurrency_max, self.limits.queue_length_max
                ),
            ),
            Rejected::DeadlineExceeded => CallError::new(
                Kind::DeadlineExceeded,
                format!("the deadline passed while the call waited for {}", self.component),
            ),
        }
    }
}

impl Limits {
    /// The component's own limits, then the application's, then these defaults.
    pub(crate) fn resolve(own: &tessera_manifest::Limits, app: &tessera_manifest::Limits) -> Self {
        let pick =
            |own: Option<u64>, app: Option<u64>, default: u64| own.or(app).unwrap_or(default);
        let millis = |own, app, default| Duration::from_millis(pick(own, app, default));
        Self {
            memory_max_bytes: pick(own.memory_max_mib, app.memory_max_mib, 128) as usize * MIB,
            cpu_time_max: millis(own.cpu_time_max_ms, app.cpu_time_max_ms, 2_000),
            concurrency_max: pick(own.concurrency_max, app.concurrency_max, 64) as usize,
            queue_length_max: pick(own.queue_length_max, app.queue_length_max, 1_024) as usize,
            body_max_bytes: pick(own.body_max_kib, app.body_max_kib, 1_024) * KIB,
            deadline: millis(own.deadline_ms, app.deadline_ms, 30_000),
            stream_deadline: millis(own.stream_deadline_ms, app.stream_deadline_ms, 600_000),
            instance_reuse_max: pick(own.instance_reuse_max, app.instance_reuse_max, 1_000),
            log_max_bytes: pick(own.log_max_kib, app.log_max_kib, 64) * KIB,
        }
    }
}

const KIB: u64 = 1 << 10;
const MIB: usize = 1 << 20;
