//! The waist: every way in ends here, every callee begins here.
//!
//! A trigger, a link or an outbound request to `*.spin.internal` becomes a [`Call`] to a component.
//! Everything that applies to all of them (depth, deadline, permit of the bulkhead, span, counts)
//! is done once, in [`Admission::admit`], in the order in which it is written there. This module knows
//! neither wasmtime nor hyper: what the payload is and how it is performed is the engine's
//! business.

mod admission;
mod body_fault;
mod call_chain;
mod error;
mod limits;
mod loopback;
mod reply;

pub(crate) use admission::{Admission, Admitted, Permit};
pub(crate) use body_fault::BodyFault;
pub(crate) use call_chain::{CallChain, Cycle};
pub(crate) use error::{CallError, Kind};
pub(crate) use limits::Limits;
pub(crate) use loopback::Loopback;
pub(crate) use reply::{Reply, run_until_reply};

use crate::telemetry::{SpanKind, TraceContext};
use std::net::IpAddr;
use std::sync::Arc;
use tessera_resilience::Deadline;

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
    pub(crate) callers: CallChain,
    /// The client address of the original request, if it is known.
    pub(crate) client: Option<IpAddr>,
}

impl Call {
    /// A call that no component waits for.
    pub(crate) fn from_outside(kind: SpanKind, operation: Arc<str>, trace: TraceContext) -> Self {
        Self { kind, operation, trace, deadline: None, callers: CallChain::default(), client: None }
    }
}
