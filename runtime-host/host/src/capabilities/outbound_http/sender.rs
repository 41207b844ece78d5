//! Sending a guest's request: checked against the manifest, then to a component, to the
//! application's own address, or to another host.

use super::{INTERNAL, LOCALHOST, Outbound, SELF};
use crate::calls::{Call, CallError, Kind};
use crate::engine::{ComponentContext, CurrentCall};
use crate::fault_points;
use crate::message::spin_fields::prepare_chained;
use crate::message::{BodyError, Request, Response, full_body};
use crate::telemetry::{Outcome, SpanKind, method_label};
use bytes::Bytes;
use http::Uri;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tessera_manifest::hosts::default_port;
use wasmtime_wasi_http::RequestOptions;

/// The path of readiness checks of components.
const READINESS: &str = "/readyz";

/// Sends the requests of a component within one of its calls.
#[derive(Clone)]
pub(super) struct Sender {
    pub(super) component: Arc<ComponentContext>,
    pub(super) outbound: Arc<Outbound>,
    pub(super) call: CurrentCall,
}

impl Sender {
    pub(super) async fn send(
        self,
        request: Request,
        options: Option<RequestOptions>,
    ) -> Result<Response, BodyError> {
        if !self.outbound.allows(request.uri()) {
            return Err(self.deny(request.uri()));
        }
        let callee = request.uri().host().and_then(|host| host.strip_suffix(INTERNAL));
        match callee.map(str::to_owned) {
            Some(callee) => self.chain(&callee, request).await,
            None => self.leave(request, options).await,
        }
    }

    fn deny(&self, uri: &Uri) -> BodyError {
        let origin = format!(
            "{}://{}",
            uri.scheme_str().unwrap_or("http"),
            uri.authority().map_or(SELF, |authority| authority.as_str())
        );
        tracing::warn!(
            component = %self.component.id,
            "may not reach {origin}: to allow it, add \"{origin}\" to allowed_outbound_hosts \
             of [component.{}]",
            self.component.id
        );
        BodyError::HttpRequestDenied
    }

    /// To another component of this application, without a socket.
    async fn chain(&self, callee: &str, mut request: Request) -> Result<Response, BodyError> {
        let component = &self.component;
        let unreachable = |error: CallError| {
            tracing::warn!(component = %component.id, "{callee}{INTERNAL} did not respond: {error}");
            body_error(&error)
        };
        let network = &self.outbound.network;
        let entry = network.registry.resolve(callee).map_err(unreachable)?;
        if !network.readiness.is_ready(callee) && request.uri().path() == READINESS {
            return not_ready();
        }
        let operation = format!("{} {}", method_label(request.method()), component.id).into();
        prepare_chained(&mut request);
        self.call.trace.write(request.headers_mut());
        let call = Call {
            kind: SpanKind::Chained,
            operation,
            trace: self.call.trace.clone(),
            deadline: Some(self.call.deadline),
            chain: self.call.chain.and(&component.id, component.cycle),
            client: self.call.client,
        };
        let method = request.method().clone();
        let point = || format!("http/{}/{method} {callee}{INTERNAL}", component.id);
        fault_points::around(point, entry.call(call, request)).await.map_err(unreachable)
    }

    /// Out of this process.
    async fn leave(
        &self,
        mut request: Request,
        options: Option<RequestOptions>,
    ) -> Result<Response, BodyError> {
        let Self { component, outbound, call } = self;
        let network = &outbound.network;
        let operation = outbound.operation(request.method(), request.uri());
        if request.uri().host().is_none_or(|host| host == SELF) {
            *request.uri_mut() = at_own_address(request.uri(), network.own_address)?;
        }
        let telemetry = &component.telemetry;
        let mut span = telemetry.span(SpanKind::Outbound, &component.id, operation, &call.trace);
        span.context.write(request.headers_mut());
        let comes_back = is_own_address(request.uri(), network.own_address);
        let _pending = comes_back.then(|| {
            let chain = call.chain.and(&component.id, component.cycle);
            network.loopback.mark(request.headers_mut(), chain)
        });
        let wait_max = first_byte_timeout(options).min(call.deadline.remaining());
        let (method, authority) = (request.method().clone(), request.uri().authority().cloned());
        let point = || {
            let authority = authority.as_ref().map_or("", |authority| authority.as_str());
            format!("http/{}/{method} {authority}", component.id)
        };
        let sending = fault_points::around(point, network.client.send(request));
        match tokio::time::timeout(wait_max, sending).await {
            Ok(Ok(response)) => {
                span.end(Outcome::Status(response.status().as_u16()));
                Ok(response)
            }
            Ok(Err(error)) => {
                span.end(Kind::NoAnswer.outcome());
                Err(error)
            }
            Err(_) => {
                span.end(Kind::DeadlineExceeded.outcome());
                Err(BodyError::ConnectionReadTimeout)
            }
        }
    }
}

/// The response for a component that is not ready for a reason that it can't know: its store is
/// damaged or full, or the host is stopping.
fn not_ready() -> Result<Response, BodyError> {
    http::Response::builder()
        .status(http::StatusCode::SERVICE_UNAVAILABLE)
        .header(http::header::CONTENT_TYPE, "application/health+json")
        .body(full_body(Bytes::from_static(br#"{"status":"fail"}"#)))
        .map_err(|_| BodyError::InternalError(None))
}

/// Whether a request leads to the application's own listener.
fn is_own_address(uri: &Uri, own: SocketAddr) -> bool {
    let Some(host) = uri.host() else { return false };
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

/// The same path at the application's own address.
fn at_own_address(uri: &Uri, own: SocketAddr) -> Result<Uri, BodyError> {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    format!("http://{own}{path}").parse().map_err(|_| BodyError::HttpRequestUriInvalid)
}

fn first_byte_timeout(options: Option<RequestOptions>) -> Duration {
    /// For a guest that sets no timeout.
    const FIRST_BYTE_TIMEOUT: Duration = Duration::from_secs(600);
    options.and_then(|options| options.first_byte_timeout).unwrap_or(FIRST_BYTE_TIMEOUT)
}

/// The error of `wasi:http` for a callee's failure.
fn body_error(error: &CallError) -> BodyError {
    match error.kind {
        Kind::NotFound => BodyError::DestinationNotFound,
        Kind::QueueFull | Kind::StreamsFull | Kind::MemoryShort => {
            BodyError::ConnectionLimitReached
        }
        Kind::CallDepth => BodyError::LoopDetected,
        Kind::DeadlineExceeded => BodyError::HttpResponseTimeout,
        Kind::BodyTooLarge => BodyError::HttpRequestBodySize(None),
        Kind::BodyIncomplete | Kind::BodyMalformed => BodyError::ConnectionTerminated,
        Kind::InvalidAnswer => BodyError::HttpProtocolError,
        Kind::Trap | Kind::CpuTime | Kind::Memory | Kind::NoAnswer | Kind::Host => {
            BodyError::ConnectionTerminated
        }
    }
}
