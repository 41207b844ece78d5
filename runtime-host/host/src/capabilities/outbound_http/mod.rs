//! Requests that guests send: to other components in this process, to this application's
//! own front door, to the world. Only to hosts that the manifest allows.

mod client;

pub(crate) use client::Client;

use crate::calls::{Call, CallError, Kind, Loopback};
use crate::engine::{self, ComponentContext, CurrentCall, InFlight};
use crate::fault_points;
use crate::readiness::Readiness;
use crate::registry::Registry;
use crate::telemetry::{OTHER, Outcome, SpanKind, method_label};
use bytes::Bytes;
use http::uri::Scheme;
use http::{HeaderName, Method, Uri};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tessera_manifest::hosts::{HostPattern, default_port};
use tokio_util::task::AbortOnDropHandle;
use wasmtime_wasi_http::{
    DEFAULT_FORBIDDEN_HEADERS, Error, RequestOptions, WasiBody, WasiHttpHooks,
};

/// The domain of all components of the application.
const INTERNAL: &str = ".spin.internal";
/// The name that a component calls its own application by.
const SELF: &str = "self";
/// The path of readiness checks of components.
const READINESS: &str = "/readyz";
/// This machine.
const LOCALHOST: &str = "localhost";

/// How much of a guest's body the host accepts at once.
const BODY_CHUNK_MAX_BYTES: usize = 128 << 10;

/// What a component may reach, and how.
pub(crate) struct Outbound {
    allowed: Vec<HostPattern>,
    network: Arc<NetworkContext>,
}

/// What all components share.
pub(crate) struct NetworkContext {
    pub(crate) registry: Arc<Registry>,
    pub(crate) client: Client,
    /// Where the application listens, once it does: what `self` means.
    pub(crate) front_door: OnceLock<SocketAddr>,
    pub(crate) loopback: Loopback,
    pub(crate) readiness: Arc<Readiness>,
}

/// A guest's answer, and the work that its connection still has to do.
type Answer = (http::Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>);

impl Outbound {
    pub(crate) fn new(allowed: Vec<HostPattern>, network: Arc<NetworkContext>) -> Self {
        Self { allowed, network }
    }

    /// Whether a request to this component of the application may be sent.
    pub(crate) fn may_call(&self, component: &str) -> bool {
        let host = || format!("{component}{INTERNAL}");
        !self.allowed.is_empty() && self.allows_host("http", &host(), None)
    }

    /// Whether a request to the application's own address may be sent.
    pub(crate) fn may_call_front_door(&self) -> bool {
        let reaches = |own: &SocketAddr| {
            let hosts = [own.ip().to_string(), Ipv4Addr::LOCALHOST.to_string(), LOCALHOST.into()];
            hosts.iter().any(|host| self.allows_host("http", host, Some(own.port())))
        };
        self.allowed.iter().any(|pattern| pattern.matches_self("http"))
            || self.network.front_door.get().is_some_and(reaches)
    }

    fn allows_host(&self, scheme: &str, host: &str, port: Option<u16>) -> bool {
        self.allowed.iter().any(|pattern| pattern.matches(scheme, host, port))
    }

    fn allows(&self, uri: &Uri) -> bool {
        self.permission(uri).is_some()
    }

    /// The first pattern of the manifest that allows this URI.
    fn permission(&self, uri: &Uri) -> Option<&HostPattern> {
        let scheme = uri.scheme_str().unwrap_or("http");
        self.allowed.iter().find(|pattern| match uri.host() {
            None | Some(SELF) => pattern.matches_self(scheme),
            Some(host) => pattern.matches(scheme, host, uri.port_u16()),
        })
    }

    /// The name of the operation in spans and metrics. Guests choose methods and authorities, so
    /// neither is used directly: authorities are those of the manifest's patterns.
    fn operation(&self, method: &Method, uri: &Uri) -> Arc<str> {
        let authority = self.permission(uri).map_or(OTHER, HostPattern::authority);
        format!("{} {authority}", method_label(method)).into()
    }
}

/// One instance's way out, with the call that it serves now.
pub(crate) struct Hooks {
    component: Arc<ComponentContext>,
    call: CurrentCall,
    in_flight: InFlight,
}

impl Hooks {
    pub(crate) fn new(
        component: Arc<ComponentContext>,
        call: CurrentCall,
        in_flight: InFlight,
    ) -> Self {
        Self { component, call, in_flight }
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
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        finished: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<Answer, Error>> + Send> {
        // Whoever waits for it learns that the request is the host's business now.
        drop(finished);
        let (component, call) = (self.component.clone(), self.call.clone());
        let head = self.in_flight.count(head_bytes(&request));
        // In a task of its own: a callee's event loop can't run inside its caller's.
        let runtime = call.runtime.clone();
        let task = runtime.spawn(async move { send(component, call, request, options).await });
        // Stopped when the guest that waits for it is gone.
        let task = AbortOnDropHandle::new(task);
        Box::new(async move {
            let response = task.await.unwrap_or(Err(Error::ConnectionTerminated))?;
            drop(head);
            let done: Box<dyn Future<Output = Result<(), Error>> + Send> =
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
    engine::fields_bytes(request.headers()) + authority + path
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
    let slot = component.outbound.network.registry.resolve(callee).map_err(unreachable)?;
    let ready = component.outbound.network.readiness.is_ready(callee);
    if !ready && request.uri().path() == READINESS {
        return not_ready();
    }
    let operation = format!("{} {}", method_label(request.method()), component.id).into();
    crate::triggers::http::headers::prepare_chained(&mut request);
    call.trace.write(request.headers_mut());
    let call = Call {
        kind: SpanKind::Chained,
        operation,
        trace: call.trace.clone(),
        deadline: Some(call.deadline),
        callers: call.callers.and(&component.id, component.cycle),
        client: call.client,
    };
    let method = request.method().clone();
    let point = || format!("http/{}/{method} {callee}{INTERNAL}", component.id);
    fault_points::around(point, engine::call_http(slot, call, request)).await.map_err(unreachable)
}

/// The response for a component that is not ready for a reason that it can't know: its store is
/// damaged or full, or the host is stopping.
fn not_ready() -> Result<http::Response<WasiBody>, Error> {
    http::Response::builder()
        .status(http::StatusCode::SERVICE_UNAVAILABLE)
        .header(http::header::CONTENT_TYPE, "application/health+json")
        .body(engine::full_body(Bytes::from_static(br#"{"status":"fail"}"#)))
        .map_err(|_| Error::InternalError(None))
}

/// Out of this process.
async fn leave(
    component: &ComponentContext,
    call: &CurrentCall,
    mut request: http::Request<WasiBody>,
    options: Option<RequestOptions>,
) -> Result<http::Response<WasiBody>, Error> {
    let outbound = &component.outbound;
    let network = &outbound.network;
    let operation = outbound.operation(request.method(), request.uri());
    if request.uri().host().is_none_or(|host| host == SELF) {
        *request.uri_mut() = own_address(request.uri(), network.front_door.get())?;
    }
    let telemetry = &component.telemetry;
    let mut span = telemetry.span(SpanKind::Outbound, &component.id, operation, &call.trace);
    span.context.write(request.headers_mut());
    let comes_back = is_front_door(request.uri(), network.front_door.get());
    let _on_its_way = comes_back.then(|| {
        let callers = call.callers.and(&component.id, component.cycle);
        network.loopback.mark(request.headers_mut(), callers)
    });
    let patience = first_byte_timeout(options).min(call.deadline.remaining());
    let (method, authority) = (request.method().clone(), request.uri().authority().cloned());
    let point = || {
        let authority = authority.as_ref().map_or("", |authority| authority.as_str());
        format!("http/{}/{method} {authority}", component.id)
    };
    let sending = fault_points::around(point, network.client.send(request));
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

/// Whether a request will come back in through the application's own listener.
fn is_front_door(uri: &Uri, front_door: Option<&SocketAddr>) -> bool {
    let (Some(host), Some(own)) = (uri.host(), front_door) else { return false };
    let port = uri.port_u16().or_else(|| default_port(uri.scheme_str()?));
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let address = match host {
        LOCALHOST => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        host => host.parse().ok(),
    };
    // A listener on all addresses also listens on the loopback address.
    let is_own = |address: IpAddr| {
        address == own.ip() || (own.ip().is_unspecified() && address.is_loopback())
    };
    port == Some(own.port()) && address.is_some_and(is_own)
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
        Kind::QueueFull | Kind::StreamsFull | Kind::MemoryShort => Error::ConnectionLimitReached,
        Kind::CallDepth => Error::LoopDetected,
        Kind::DeadlineExceeded => Error::HttpResponseTimeout,
        Kind::BodyTooLarge => Error::HttpRequestBodySize(None),
        Kind::BodyIncomplete | Kind::BodyMalformed => Error::ConnectionTerminated,
        Kind::InvalidAnswer => Error::HttpProtocolError,
        Kind::Trap | Kind::CpuTime | Kind::Memory | Kind::NoAnswer | Kind::Host => {
            Error::ConnectionTerminated
        }
    }
}
