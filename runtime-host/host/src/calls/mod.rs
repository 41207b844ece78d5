//! The call layer, between everything that calls a component and everything that serves calls.
//!
//! A trigger, a link or an outbound request to `*.spin.internal` makes a [`Call`] and passes it to
//! a [`ComponentEntry`]. Everything that applies to all calls (depth, deadline, permit of the
//! bulkhead, span, counts) is done once, in [`Admission::admit`], in the order in which it is
//! written there. Then a [`Callee`] serves the call. A [`Protocol`] defines the types of requests
//! and responses, so this layer knows neither HTTP bodies nor WebAssembly values.

mod admission;
mod body_fault;
mod call_chain;
mod callee;
mod edge;
mod error;
mod injected;
mod limits;
mod loopback;
mod reply;
mod shadow;

pub(crate) use admission::{Admission, Admitted, Permit};
pub(crate) use body_fault::BodyFault;
pub(crate) use call_chain::{CallChain, Cycle};
pub(crate) use callee::{Callee, ComponentEntry, OnTerms, Protocol, Terms, Version, Versions};
pub(crate) use edge::{
    Answer, AnswerMemory, AnswerOptions, Answers, Attempt, Begun, Edge, EdgeContext, EdgeList,
    Edges, Flight, Hedge, Judge, Judgment, KEY_MAX_BYTES, Policy, Repeat, Retry, Rule, Switched,
};
pub(crate) use error::{CallError, Kind};
pub(crate) use limits::Limits;
pub(crate) use loopback::Loopback;
pub(crate) use reply::Reply;
use reply::run_until_reply;
pub(crate) use shadow::{COMPARED_MAX_BYTES, CopiedRequest, Copies, CopyTo, Example, Seen, Side};

use crate::telemetry::otlp::Details;
use crate::telemetry::{SpanKind, TraceContext};
use std::net::IpAddr;
use std::sync::Arc;
use tessera_resilience::{Deadline, Priority, bulkhead};

/// One request to a component, without its payload.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// How it came in.
    pub(crate) kind: SpanKind,
    /// The operation, with few distinct values: `GET /products/:id`, `stock.reserve`.
    pub(crate) operation: Arc<str>,
    /// The trace that it belongs to.
    pub(crate) trace: TraceContext,
    /// When the caller stops waiting; none means that the component's own limit decides.
    pub(crate) deadline: Option<Deadline>,
    /// The components that wait for it.
    pub(crate) chain: CallChain,
    /// The client address of the original request, if it is known.
    pub(crate) client: Option<IpAddr>,
    /// What its span says in addition, if it is exported.
    pub(crate) details: Option<Arc<Details>>,
    /// The id of its span, if the caller knows it already.
    pub(crate) span_id: Option<u64>,
}

impl Call {
    /// A call that no component waits for. Calls that are made again if they are refused give way to
    /// others.
    pub(crate) fn from_outside(kind: SpanKind, operation: Arc<str>, trace: TraceContext) -> Self {
        let priority = match kind {
            SpanKind::Delivery | SpanKind::Schedule => Priority::Background,
            _ => Priority::Interactive,
        };
        let chain = CallChain::of(priority);
        Self {
            kind,
            operation,
            trace,
            deadline: None,
            chain,
            client: None,
            details: None,
            span_id: None,
        }
    }

    /// Who asks for a permit for it.
    fn caller(&self) -> bulkhead::Caller {
        bulkhead::Caller { client: self.client, priority: self.chain.priority() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deliveries_and_schedules_are_background_work() {
        let priority =
            |kind| Call::from_outside(kind, "test".into(), TraceContext::root()).caller().priority;
        for kind in [SpanKind::Delivery, SpanKind::Schedule] {
            assert_eq!(priority(kind), Priority::Background, "{kind:?}");
        }
        // A message of a channel that is refused is lost.
        for kind in [SpanKind::Http, SpanKind::Host, SpanKind::Message, SpanKind::Link] {
            assert_eq!(priority(kind), Priority::Interactive, "{kind:?}");
        }
    }
}
