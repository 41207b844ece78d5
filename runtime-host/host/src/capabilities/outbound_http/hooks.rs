//! The requests of one instance, as wasmtime passes them to the host.

use super::Outbound;
use super::sender::Sender;
use crate::engine::{ComponentContext, CurrentCall, InFlight, fields_bytes};
use crate::message::{Body, BodyError, Response};
use http::HeaderName;
use http::header::HOST;
use http::uri::Scheme;
use std::sync::Arc;
use tokio_util::task::AbortOnDropHandle;
use wasmtime_wasi_http::{DEFAULT_FORBIDDEN_HEADERS, RequestOptions, WasiHttpHooks};

/// How much of a guest's body the host accepts at once.
const BODY_CHUNK_MAX_BYTES: usize = 128 << 10;

/// The requests of one instance.
pub(in crate::capabilities) struct Hooks {
    sender: Sender,
    in_flight: InFlight,
    shows_host: bool,
}

/// A response, and the remaining work of its connection.
type Answer = (Response, Box<dyn Future<Output = Result<(), BodyError>> + Send>);

impl Hooks {
    pub(in crate::capabilities) fn new(
        component: Arc<ComponentContext>,
        outbound: Arc<Outbound>,
        call: CurrentCall,
        in_flight: InFlight,
    ) -> Self {
        Self { sender: Sender { component, outbound, call }, in_flight, shows_host: false }
    }

    /// Whether requests from outside keep their field `host`.
    pub(in crate::capabilities) fn show_host(&mut self, shown: bool) {
        self.shows_host = shown;
    }

    /// The requests belong to this call from now on.
    pub(in crate::capabilities) fn set_call(&mut self, call: CurrentCall) {
        self.sender.call = call;
    }
}

impl WasiHttpHooks for Hooks {
    /// The provided method allocates for each field that it is asked about.
    fn is_forbidden_header(&mut self, name: &HeaderName) -> bool {
        DEFAULT_FORBIDDEN_HEADERS.contains(name) && !(self.shows_host && *name == HOST)
    }

    /// How much of a body the host buffers for a slow reader.
    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        BODY_CHUNK_MAX_BYTES
    }

    fn p3_outgoing_body_chunk_size(&mut self) -> usize {
        BODY_CHUNK_MAX_BYTES
    }

    fn default_scheme(&mut self) -> Option<Scheme> {
        Some(Scheme::HTTP)
    }

    fn send_request(
        &mut self,
        request: http::Request<Body>,
        options: Option<RequestOptions>,
        finished: Box<dyn Future<Output = Result<(), BodyError>> + Send>,
    ) -> Box<dyn Future<Output = Result<Answer, BodyError>> + Send> {
        // The guest is informed that the host has taken the request.
        drop(finished);
        let sender = self.sender.clone();
        let head = self.in_flight.count(head_bytes(&request));
        // In a separate task: a callee's event loop can't run inside its caller's.
        let runtime = sender.call.runtime.clone();
        let task = runtime.spawn(async move { sender.send(request, options).await });
        // Stopped when the guest that waits for it is gone.
        let task = AbortOnDropHandle::new(task);
        Box::new(async move {
            let response = task.await.unwrap_or(Err(BodyError::ConnectionTerminated))?;
            drop(head);
            let done: Box<dyn Future<Output = Result<(), BodyError>> + Send> =
                Box::new(async { Ok(()) });
            Ok((response, done))
        })
    }
}

/// The size of a request's head, which the host keeps until there is a response.
fn head_bytes<B>(request: &http::Request<B>) -> usize {
    let uri = request.uri();
    let authority = uri.authority().map_or(0, |authority| authority.as_str().len());
    let path = uri.path_and_query().map_or(0, |path| path.as_str().len());
    fields_bytes(request.headers()) + authority + path
}
