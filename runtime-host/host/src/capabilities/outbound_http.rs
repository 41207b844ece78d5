//! Requests that guests send: to other components in this process, to this application's
//! own front door, to the world. Only to hosts that the manifest allows.

use crate::calls::{Call, CallError, Kind};
use crate::engine::CurrentCall;
use crate::engine::{self, ComponentContext};
use crate::fault_points;
use crate::registry::Registry;
use crate::telemetry::{Outcome, SpanKind};
use crate::triggers::http::client::Client;
use http::uri::Scheme;
use http::{HeaderName, Uri};
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tessera_manifest::hosts::HostPattern;
use tokio_util::task::AbortOnDropHandle;
use wasmtime_wasi_http::{
    DEFAULT_FORBIDDEN_HEADERS, Error, RequestOptions, WasiBody, WasiHttpHooks,
};

/// The domain of all components of the application.
const INTERNAL: &str = ".spin.internal";
/// The name that a component calls its own application by.
const SELF: &str = "self";

/// What a component may reach, and how.
pub(crate) struct Outbound {
    allowed: Vec<HostPattern>,
    surroundings: Arc<Surroundings>,
}

/// What all components share.
pub(crate) struct Surroundings {
    pub(crate) registry: Arc<Registry>,
    pub(crate) client: Client,
    /// Where the application listens, once it does: what `self` means.
    pub(crate) front_door: OnceLock<SocketAddr>,
}

/// A guest's answer, and the work that its connection still has to do.
type Answer = (http::Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>);

impl Outbound {
    pub(crate) fn new(allowed: Vec<HostPattern>, surroundings: Arc<Surroundings>) -> Self {
        Self { allowed, surroundings }
    }

    fn allows(&self, uri: &Uri) -> bool {
        let scheme = uri.scheme_str().unwrap_or("http");
        match uri.host() {
            None | Some(SELF) => self.allowed.iter().any(|pattern| pattern.matches_self(scheme)),
            Some(host) => {
                let port = uri.port_u16();
                self.allowed.iter().any(|pattern| pattern.matches(scheme, host, port))
            }
        }
    }
}

/// One instance's way out, with the call that it serves now.
pub(crate) struct Hooks {
    component: Arc<ComponentContext>,
    call: CurrentCall,
}

impl Hooks {
    pub(crate) fn new(component: Arc<ComponentContext>, call: CurrentCall) -> Self {
        Self { component, call }
    }

    pub(crate) fn begin(&mut self, call: CurrentCall) {
        self.call = call;
    }
}

impl WasiHttpHooks for Hooks {
    /// The provided method allocates for each field that it is asked about.
    fn is_forbidden_header(&mut self, name: &HeaderName) -> bool {
        DEFAULT_FORBIDDEN_HEADERS.contains(name)
    }

    fn default_scheme(&mut self) -> Option<Scheme> {
        Some(Scheme::HTTP)
    }

    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        finished: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<Answer, Error>> + Send> {
        // Whoever waits for it learns that the request is the host's business now.
        drop(finished);
        let (component, call) = (self.component.clone(), self.call.clone());
        // In a task of its own: a callee's event loop can't run inside its caller's.
        let task = tokio::spawn(async move { send(component, call, request, options).await });
        // Stopped when the guest that waits for it is gone.
        let task = AbortOnDropHandle::new(task);
        Box::new(async move {
            let response = task.await.unwrap_or(Err(Error::ConnectionTerminated))?;
            let done: Box<dyn Future<Output = Result<(), Error>> + Send> =
                Box::new(async { Ok(()) });
            Ok((response, done))
        })
    }
}

async fn send(
    component: Arc<ComponentContext>,
    call: CurrentCall,
    request: http::Request<WasiBody>,
    options: Option<RequestOptions>,
) -> Result<http::Response<WasiBody>, Error> {
    if !component.outbound.allows(request.uri()) {
        let uri = request.uri();
        let origin = format!(
            "{}://{}",
            uri.scheme_str().unwrap_or("http"),
            uri.authority().map_or(SELF, |authority| authority.as_str())
        );
        tracing::warn!(
            component = %component.id,
            "may not reach {origin}: to allow it, add \"{origin}\" to allowed_outbound_hosts \
             of [component.{}]",
            component.id
        );
        return Err(Error::HttpRequestDenied);
    }
    let callee = request.uri().host().and_then(|host| host.strip_suffix(INTERNAL));
    match callee.map(str::to_owned) {
        Some(callee) => chain(&component, &call, &callee, request).await,
        None => leave(&component, &call, request, options).await,
    }
}

/// To another component of this application, without a socket.
async fn chain(
    component: &ComponentContext,
    call: &CurrentCall,
    callee: &str,
    mut request: http::Request<WasiBody>,
) -> Result<http::Response<WasiBody>, Error> {
    let unreachable = |error: CallError| {
        tracing::warn!(component = %component.id, "{callee}{INTERNAL} gave no answer: {error}");
        wasi_error(&error)
    };
    let slot = component.outbound.surroundings.registry.resolve(callee).map_err(unreachable)?;
    let operation = format!("{} {}", request.method(), component.id).into();
    crate::triggers::http::headers::prepare_chained(&mut request);
    call.trace.write(request.headers_mut());
    let call = Call {
        kind: SpanKind::Chained,
        operation,
        trace: call.trace.clone(),
        deadline: Some(call.deadline),
        callers: call.callers.and(&component.id),
    };
    let method = request.method().clone();
    let point = || format!("http/{}/{method} {callee}{INTERNAL}", component.id);
    fault_points::around(point, engine::call_http(slot, call, request)).await.map_err(unreachable)
}

/// Out of this process.
async fn leave(
    component: &ComponentContext,
    call: &CurrentCall,
    mut request: http::Request<WasiBody>,
    options: Option<RequestOptions>,
) -> Result<http::Response<WasiBody>, Error> {
    let surroundings = &component.outbound.surroundings;
    if request.uri().host().is_none_or(|host| host == SELF) {
        *request.uri_mut() = own_address(request.uri(), surroundings.front_door.get())?;
    }
    let operation: Arc<str> = format!(
        "{} {}",
        request.method(),
        request.uri().authority().map_or("", |authority| authority.as_str())
    )
    .into();
    let telemetry = &component.telemetry;
    let mut span =
        telemetry.span(SpanKind::Outbound, &component.id, operation.clone(), &call.trace);
    span.context.write(request.headers_mut());
    let patience = first_byte_timeout(options).min(call.deadline.remaining());
    let point = || format!("http/{}/{operation}", component.id);
    let sending = fault_points::around(point, surroundings.client.send(request));
    match tokio::time::timeout(patience, sending).await {
        Ok(Ok(response)) => {
            span.end(Outcome::Status(response.status().as_u16()));
            Ok(response)
        }
        Ok(Err(error)) => {
            span.end(Outcome::Failed(Kind::NoAnswer));
            Err(error)
        }
        Err(_) => {
            span.end(Outcome::Failed(Kind::DeadlineExceeded));
            Err(Error::ConnectionReadTimeout)
        }
    }
}

fn own_address(uri: &Uri, front_door: Option<&SocketAddr>) -> Result<Uri, Error> {
    let address = front_door.ok_or(Error::DestinationUnavailable)?;
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    format!("http://{address}{path}").parse().map_err(|_| Error::HttpRequestUriInvalid)
}

fn first_byte_timeout(options: Option<RequestOptions>) -> Duration {
    /// What a guest gets that names no timeout of its own.
    const FIRST_BYTE_TIMEOUT: Duration = Duration::from_secs(600);
    options.and_then(|options| options.first_byte_timeout).unwrap_or(FIRST_BYTE_TIMEOUT)
}

/// What a guest is told of a callee's failure, in the terms of wasi:http.
fn wasi_error(error: &CallError) -> Error {
    match error.kind {
        Kind::NotFound => Error::DestinationNotFound,
        Kind::QueueFull => Error::ConnectionLimitReached,
        Kind::DeadlineExceeded => Error::HttpResponseTimeout,
        Kind::BodyTooLarge => Error::HttpRequestBodySize(None),
        Kind::BodyIncomplete => Error::ConnectionTerminated,
        Kind::Trap | Kind::CpuTime | Kind::Memory | Kind::NoAnswer | Kind::Host => {
            Error::ConnectionTerminated
        }
    }
}
