//! The two sides of a call that [`Admission`] stands between: what a caller passes, and what
//! serves it.

use super::injected::with_fault;
use super::{Admission, Admitted, Attempt, Call, CallError, Edge, Judge, Reply, run_until_reply};
use crate::background::{Background, Work};
use crate::chaos::{Faults, Subject};
use std::sync::Arc;

/// The caller in faults, if no component makes the call.
const OUTSIDE: &str = "outside";

/// A way to call components, with the types of its requests and responses.
pub(crate) trait Protocol: 'static {
    type Request: Send;
    type Response: Judge + Send;
}

/// What serves the calls of a component.
pub(crate) trait Callee<P: Protocol>: Send + Sync {
    /// The threads on which its long computations continue.
    fn background(&self) -> &Background;

    /// The work of an admitted call. It replies once, and may continue after that.
    fn serve(
        self: Arc<Self>,
        admitted: Admitted,
        request: P::Request,
        reply: Reply<P::Response>,
    ) -> Work;
}

/// A component that can be called: its admission control, and what serves its calls.
pub(crate) struct ComponentEntry<P: Protocol> {
    pub(crate) admission: Arc<Admission>,
    pub(crate) callee: Arc<dyn Callee<P>>,
    /// The policy of calls that no component makes.
    pub(crate) inbound: Option<Arc<Edge>>,
    /// What an operator lets fail; `None` if the host has no such faults.
    pub(crate) faults: Option<Arc<Faults>>,
}

impl<P: Protocol> ComponentEntry<P> {
    /// Calls the component, and returns its response.
    ///
    /// The callee runs in the caller's own task until it has replied. The work is its only
    /// allocation, because what is left of it after the reply continues elsewhere.
    pub(crate) async fn call(
        &self,
        call: Call,
        request: P::Request,
    ) -> Result<P::Response, CallError> {
        match &self.inbound {
            Some(edge) if call.chain.depth() == 0 => {
                let admitted = |attempt: Attempt| {
                    self.serve(Call { deadline: Some(attempt.deadline), ..call.clone() }, request)
                };
                edge.once(&call, admitted).await
            }
            _ => self.serve(call, request).await,
        }
    }

    async fn serve(&self, call: Call, request: P::Request) -> Result<P::Response, CallError> {
        let injection = self.faults.as_ref().and_then(|faults| faults.choose(self.subject(&call)));
        let admitted = self.admission.admit(call).await?;
        let sample = admitted.permit.sample();
        let answer = match (&self.faults, injection) {
            (Some(faults), Some(injection)) => {
                faults.mark(injection, &self.admission.component, &admitted.span.context);
                with_fault(injection.planned, admitted, |admitted| self.run(admitted, request))
                    .await
            }
            _ => self.run(admitted, request).await,
        };
        sample.ended(&answer);
        answer
    }

    async fn run(&self, admitted: Admitted, request: P::Request) -> Result<P::Response, CallError> {
        let work = |reply| self.callee.clone().serve(admitted, request, reply);
        run_until_reply(self.callee.background(), work).await
    }

    /// A call as faults see it.
    fn subject<'a>(&'a self, call: &'a Call) -> Subject<'a> {
        Subject::Call {
            from: call.chain.caller().map_or(OUTSIDE, |caller| caller),
            to: &self.admission.component,
            operation: &call.operation,
        }
    }
}
