//! Sending a guest's request: checked against the manifest, then to a component, to the
//! application's own address, or to another host.

use super::Outbound;
use super::between_bytes::BetweenBytes;
use super::client::Destination;
use super::failure::Failure;
use super::own::is_itself;
use super::replay::{Replay, mark_attempt};
use super::timeouts::Timeouts;
use crate::calls::{Answer, Attempt, Call, CallError, Judge as _, Judgment, Kind, Repeat};
use crate::engine::{ComponentContext, CurrentCall};
use crate::fault_points;
use crate::message::spin_fields::{INTERNAL, prepare_chained};
use crate::message::{BodyError, Request, Response, full_body};
use crate::telemetry::{Outcome, SpanKind, method_label};
use bytes::Bytes;
use http::Uri;
use http::header::HOST;
use http_body_util::BodyExt as _;
use std::sync::Arc;
use tessera_resilience::Deadline;
use wasmtime_wasi_http::RequestOptions;

/// The path of readiness checks of components.
const READINESS: &str = "/readyz";

/// An extension of requests that may have another `host` than their URI.
#[derive(Debug, Clone)]
pub(in crate::capabilities) struct OwnHost;

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
        mut request: Request,
        options: Option<RequestOptions>,
    ) -> Result<Response, BodyError> {
        // It is derived from the URI, in the form that the connection needs.
        if request.extensions().get::<OwnHost>().is_none() {
            request.headers_mut().remove(HOST);
        }
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
        let origin = origin(uri);
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
        if network.is_traced {
            self.call.trace.write(request.headers_mut());
        }
        let call = Call {
            deadline: Some(self.call.deadline),
            chain: self.call.chain.and(&component.id, component.cycle),
            ..self.call(SpanKind::Chained, operation)
        };
        let method = request.method().clone();
        let point = || format!("http/{}/{method} {callee}{INTERNAL}", component.id);
        let Some(edge) = self.outbound.policies.components.to(callee, None) else {
            let response = fault_points::around(point, entry.call(call, request)).await;
            return response.map_err(unreachable);
        };
        let replay = Replay::new(request);
        let attempt = |attempt: Attempt| {
            let mut request = replay.request();
            mark_attempt(&mut request, attempt.number);
            let call = Call { deadline: Some(attempt.deadline), ..call.clone() };
            fault_points::around(point, entry.call(call, request))
        };
        let may_repeat = |repeat| replay.may_repeat(repeat);
        edge.call(&call, may_repeat, attempt).await.map_err(unreachable)
    }

    fn call(&self, kind: SpanKind, operation: Arc<str>) -> Call {
        Call {
            client: self.call.client,
            ..Call::from_outside(kind, operation, self.call.trace.clone())
        }
    }

    /// Out of this process, as the policy for that host says.
    async fn leave(
        &self,
        request: Request,
        options: Option<RequestOptions>,
    ) -> Result<Response, BodyError> {
        let label = self.outbound.label(request.uri());
        let edge = match is_itself(request.uri()) {
            true => None,
            false => self.outbound.policies.hosts.to(request.uri(), label),
        };
        let Some(edge) = edge else {
            return self.leave_once(request, options, self.call.deadline).await;
        };
        let operation = self.outbound.operation(request.method(), request.uri());
        let call =
            Call { deadline: Some(self.call.deadline), ..self.call(SpanKind::Outbound, operation) };
        let replay = Replay::new(request);
        let attempt =
            |attempt: Attempt| self.leave_once(replay.request(), options, attempt.deadline);
        edge.call(&call, |repeat| replay.may_repeat(repeat), attempt).await
    }

    async fn leave_once(
        &self,
        mut request: Request,
        options: Option<RequestOptions>,
        deadline: Deadline,
    ) -> Result<Response, BodyError> {
        let Self { component, outbound, call } = self;
        let network = &outbound.network;
        let operation = outbound.operation(request.method(), request.uri());
        let shown = origin(request.uri());
        let mut to = Destination::Other { component: &component.id };
        if is_itself(request.uri()) {
            *request.uri_mut() = network.own.with_path_of(request.uri())?;
            to = Destination::Itself;
        }
        let telemetry = &component.telemetry;
        let mut span = telemetry.span(SpanKind::Outbound, &component.id, operation, &call.trace);
        if network.is_traced {
            span.context.write(request.headers_mut());
        }
        let comes_back = network.own.is_of(request.uri());
        let _pending = comes_back.then(|| {
            let chain = call.chain.and(&component.id, component.cycle);
            network.loopback.mark(request.headers_mut(), chain)
        });
        let timeouts = Timeouts::new(options);
        let wait_max = timeouts.first_byte.min(deadline.remaining());
        let (method, authority) = (request.method().clone(), request.uri().authority().cloned());
        let point = || {
            let authority = authority.as_ref().map_or("", |authority| authority.as_str());
            format!("http/{}/{method} {authority}", component.id)
        };
        let sending = network.client.send(request, to, timeouts.connect);
        let sending = fault_points::around(point, sending);
        match tokio::time::timeout(wait_max, sending).await {
            Ok(Ok(response)) => {
                span.end(Outcome::Status(response.status().as_u16()));
                let pause_max = timeouts.between_bytes;
                Ok(response.map(|body| BetweenBytes::new(body, pause_max).boxed_unsync()))
            }
            Ok(Err(Failure { code, reason })) => {
                span.end(Kind::NoAnswer.outcome());
                tracing::warn!(component = %component.id, "no response from {shown}: {reason}");
                Err(code)
            }
            Err(_) => {
                span.end(Kind::DeadlineExceeded.outcome());
                let waited = wait_max.as_millis();
                tracing::warn!(
                    component = %component.id,
                    "no response from {shown} within {waited} ms"
                );
                Err(BodyError::ConnectionReadTimeout)
            }
        }
    }
}

/// Scheme and authority as in `allowed_outbound_hosts`.
fn origin(uri: &Uri) -> String {
    match uri.authority() {
        Some(authority) if !is_itself(uri) => {
            format!("{}://{authority}", uri.scheme_str().unwrap_or("http"))
        }
        _ => "http://self".to_owned(),
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

impl Answer for Result<Response, BodyError> {
    fn judge(&self) -> Judgment {
        match self {
            Ok(response) => response.judge(),
            Err(
                BodyError::HttpRequestDenied
                | BodyError::HttpRequestUriInvalid
                | BodyError::HttpRequestBodySize(_)
                | BodyError::LoopDetected,
            ) => Judgment::IGNORED,
            // No byte was sent.
            Err(
                BodyError::ConnectionRefused
                | BodyError::ConnectionTimeout
                | BodyError::DnsError { .. }
                | BodyError::DestinationUnavailable,
            ) => Judgment::failure(Repeat::Always),
            Err(_) => Judgment::failure(Repeat::IfIdempotent),
        }
    }

    fn refused(error: CallError) -> Self {
        Err(body_error(&error))
    }
}

/// The error of `wasi:http` for a callee's failure.
fn body_error(error: &CallError) -> BodyError {
    match error.kind {
        Kind::NotFound => BodyError::DestinationNotFound,
        Kind::QueueFull | Kind::StreamsFull | Kind::MemoryShort | Kind::BulkheadFull => {
            BodyError::ConnectionLimitReached
        }
        Kind::CircuitOpen => BodyError::DestinationUnavailable,
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
