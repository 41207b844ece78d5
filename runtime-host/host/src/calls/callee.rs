//! The two sides of a call that [`Admission`] stands between: what a caller passes, and what
//! serves it.

use super::injected::with_fault;
use super::{
    Admission, Admitted, Answer as _, Attempt, Call, CallError, CopiedRequest, CopyTo, Edge, Judge,
    Reply, Side, run_until_reply,
};
use crate::background::{Background, Work};
use crate::chaos::{Faults, Subject};
use futures::future::BoxFuture;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;
use tessera_resilience::breaker::Outcome;
use tessera_rollout::meter::Meter;

/// The caller in faults, if no component makes the call.
const OUTSIDE: &str = "outside";

/// A way to call components, with the types of its requests and responses.
pub(crate) trait Protocol: 'static {
    type Request: Send;
    type Response: Judge + Send;

    /// The values of a header field of a request, for protocols that have some.
    fn fields<'a>(_request: &'a Self::Request, _name: &str) -> Vec<&'a [u8]> {
        Vec::new()
    }

    /// Whether a request may be made twice; `idempotent` are functions that may be called again.
    fn may_copy(_request: &Self::Request, _idempotent: &BTreeSet<String>) -> bool {
        false
    }

    /// A copy of a request that may be made twice; none if it is too large to be copied.
    fn copy(_request: &Self::Request) -> Option<CopiedRequest<Self::Request>> {
        None
    }

    /// Reports what is compared of a response, as soon as all of it is known.
    fn observe(response: Self::Response, _side: Side) -> Self::Response {
        response
    }

    /// Reads a response to its end.
    fn discard(_response: Self::Response) -> BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// What applies to the calls of a component before a revision of it serves them.
#[derive(Clone)]
pub(crate) struct Terms {
    pub(crate) admission: Arc<Admission>,
    /// The policy of calls that no component makes.
    pub(crate) inbound: Option<Arc<Edge>>,
}

/// A component that is called on terms, which may change.
pub(crate) trait OnTerms: Send + Sync {
    /// The present terms. A call keeps those with which it began.
    fn terms(&self) -> Arc<Terms>;

    /// Whether some calls are made twice, for a candidate whose answers are compared.
    fn has_copies(&self) -> bool;
}

/// The revisions of a component that serve its calls.
pub(crate) trait Versions<P: Protocol>: OnTerms {
    /// The revision that serves a call of this trace.
    fn choose(&self, trace_id: u128, request: &P::Request) -> Version<P>;
}

/// The revision that serves a call.
pub(crate) struct Version<P: Protocol> {
    pub(crate) callee: Arc<dyn Callee<P>>,
    /// Counts its calls while it is compared with another revision.
    pub(crate) meter: Option<Arc<Meter>>,
    /// Where a copy of the call goes.
    pub(crate) copy: Option<CopyTo<P>>,
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

/// A call of a revision that is compared with another one. It counts when it is dropped, so that one
/// that its caller gives up counts, too: with the time so far, and as no failure.
struct Measured {
    meter: Arc<Meter>,
    begun: Instant,
    failed: bool,
}

impl Drop for Measured {
    fn drop(&mut self) {
        self.meter.ended(self.begun.elapsed(), self.failed);
    }
}

/// A component that can be called: the revisions that serve its calls.
pub(crate) struct ComponentEntry<P: Protocol> {
    pub(crate) versions: Arc<dyn Versions<P>>,
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
        let terms = self.versions.terms();
        let admission = &terms.admission;
        match &terms.inbound {
            Some(edge) if call.chain.depth() == 0 => {
                let admitted = |attempt: Attempt| {
                    let call = Call { deadline: Some(attempt.deadline), ..call.clone() };
                    self.serve(admission, call, request)
                };
                edge.once(&call, admitted).await
            }
            _ => self.serve(admission, call, request).await,
        }
    }

    /// The largest body of a request.
    pub(crate) fn body_max_bytes(&self) -> u64 {
        self.versions.terms().admission.limits.body_max_bytes
    }

    /// Whether some calls are made twice. Then it should be known of reads whether they have a body.
    pub(crate) fn has_copies(&self) -> bool {
        self.versions.has_copies()
    }

    async fn serve(
        &self,
        admission: &Admission,
        call: Call,
        request: P::Request,
    ) -> Result<P::Response, CallError> {
        let faults = self.faults.as_ref();
        let injection = faults.and_then(|faults| faults.choose(subject(admission, &call)));
        let admitted = admission.admit(call).await?;
        let sample = admitted.permit.sample();
        let answer = match (&self.faults, injection) {
            (Some(faults), Some(injection)) => {
                faults.mark(injection, &admission.component, &admitted.span.context);
                with_fault(injection.planned, admitted, |admitted| self.run(admitted, request))
                    .await
            }
            _ => self.run(admitted, request).await,
        };
        sample.ended(&answer);
        answer
    }

    async fn run(&self, admitted: Admitted, request: P::Request) -> Result<P::Response, CallError> {
        let Version { callee, meter, copy } =
            self.versions.choose(admitted.span.context.trace_id, &request);
        let copied = copy.and_then(|copy| copy.begin(&admitted, &request));
        let mut measured =
            meter.map(|meter| Measured { meter, begun: Instant::now(), failed: false });
        let work = |reply| callee.clone().serve(admitted, request, reply);
        let answer = run_until_reply(callee.background(), work).await;
        if let Some(measured) = &mut measured {
            let outcome = answer.judge().outcome;
            measured.failed = matches!(outcome, Outcome::Failure | Outcome::Overload);
        }
        match copied {
            Some(side) => side.observe::<P>(answer),
            None => answer,
        }
    }
}

/// A call as faults see it.
fn subject<'a>(admission: &'a Admission, call: &'a Call) -> Subject<'a> {
    Subject::Call {
        from: call.chain.caller().map_or(OUTSIDE, |caller| caller),
        to: &admission.component,
        operation: &call.operation,
    }
}
