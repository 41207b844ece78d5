//! The two sides of a call that [`Admission`] stands between: what a caller passes, and what
//! serves it.

use super::{Admission, Admitted, Attempt, Call, CallError, Edge, Judge, Reply, run_until_reply};
use crate::background::{Background, Work};
use std::sync::Arc;

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
        let admitted = self.admission.admit(call).await?;
        let sample = admitted.permit.sample();
        let work = |reply| self.callee.clone().serve(admitted, request, reply);
        let answer = run_until_reply(self.callee.background(), work).await;
        sample.ended(&answer);
        answer
    }
}
