//! Serving the calls of a component with its instances: HTTP requests, messages, and exported
//! functions.

mod cgi;
mod collected_body;
mod function;
mod http;
mod invocation;
mod plain;
mod redis;
mod spin_v1;
mod streamed_body;
mod unsent_body;
mod wagi;
mod whole_body;

pub(crate) use plain::Ended;

use super::instances::{FunctionName, GuestState, Revision, values as values_bytes};
use crate::background::{Background, Work};
use crate::calls::{
    Admitted, COMPARED_MAX_BYTES, Callee, CopiedRequest, Judge, Protocol, Reply, Seen, Side,
};
use crate::message::{Http, Messages, Request, Response};
use bytes::Bytes;
use std::collections::BTreeSet;
use std::sync::Arc;
use tessera_rollout::shadow::Answer;
use wasmtime::component::Val;
use xxhash_rust::xxh3::xxh3_64;

/// Calls of exported functions.
///
/// A caller that is itself a guest must spawn a task for such a call: wasmtime does not nest the
/// event loops of two stores in one poll.
pub(crate) enum Functions {}

/// A call of an exported function.
pub(crate) struct FunctionCall {
    pub(crate) function: FunctionName,
    pub(crate) arguments: Vec<Val>,
}

impl Protocol for Functions {
    type Request = FunctionCall;
    type Response = Vec<Val>;

    fn may_copy(call: &FunctionCall, idempotent: &BTreeSet<String>) -> bool {
        idempotent.contains(&call.function.short())
    }

    fn copy(call: &FunctionCall) -> Option<CopiedRequest<FunctionCall>> {
        let FunctionCall { function, arguments } = call;
        if values_bytes(arguments) > COMPARED_MAX_BYTES {
            return None;
        }
        let request = FunctionCall { function: function.clone(), arguments: arguments.clone() };
        Some(CopiedRequest { request, with_body: true })
    }

    fn observe(results: Vec<Val>, side: Side) -> Vec<Val> {
        side.report(match values_bytes(&results) <= COMPARED_MAX_BYTES {
            true => Seen::Whole(Answer::Result(xxh3_64(format!("{results:?}").as_bytes()))),
            // No result has this digest, in all likelihood.
            false => Seen::TooLarge(Answer::Result(0)),
        });
        results
    }
}

/// An error of the contract is an answer like any other.
impl Judge for Vec<Val> {}

impl<G: GuestState> Callee<Http> for Revision<G> {
    fn background(&self) -> &Background {
        &self.background
    }

    fn serve(
        self: Arc<Self>,
        admitted: Admitted,
        request: Request,
        reply: Reply<Response>,
    ) -> Work {
        Box::pin(http::serve(self, admitted, request, reply))
    }
}

impl<G: GuestState> Callee<Functions> for Revision<G> {
    fn background(&self) -> &Background {
        &self.background
    }

    fn serve(
        self: Arc<Self>,
        admitted: Admitted,
        call: FunctionCall,
        reply: Reply<Vec<Val>>,
    ) -> Work {
        Box::pin(function::serve(self, admitted, call, reply))
    }
}

impl<G: GuestState> Callee<Messages> for Revision<G> {
    fn background(&self) -> &Background {
        &self.background
    }

    fn serve(
        self: Arc<Self>,
        admitted: Admitted,
        payload: Bytes,
        reply: Reply<Result<(), String>>,
    ) -> Work {
        Box::pin(redis::serve(self, admitted, payload, reply))
    }
}
