//! Sending a guest's request: checked against the manifest, then to a component, to the
//! application's own address, or to another host.

use super::Outbound;
use super::between_bytes::BetweenBytes;
use super::bodiless::settled;
use super::client::Destination;
use super::errors::body_error;
use super::failure::Failure;
use super::faults::with_fault;
use super::kept::{self, Waits};
use super::own::is_itself;
use super::replay::{Replay, mark_attempt, remove_attempt};
use super::timeouts::Timeouts;
use crate::calls::{Attempt, Call, CallChain, CallError, ComponentEntry, Edge, Kind};
use crate::chaos::Subject;
use crate::engine::{ComponentContext, CurrentCall};
use crate::fault_points;
use crate::message::spin_fields::{INTERNAL, prepare_chained, remove_reserved};
use crate::message::{BodyError, Http, Request, Response, full_body, is_health_check};
use crate::telemetry::otlp::{Attribute, Details, Value};
use crate::telemetry::{Outcome, SpanKind, method_label};
use bytes::Bytes;
use http::Uri;
use http::header::HOST;
use http_body_util::BodyExt as _;
use std::sync::Arc;
use tessera_resilience::{Deadline, Priority};
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
        remove_attempt(&mut request);
        let edge = self.outbound.policies.components.to(callee, None);
        if entry.has_copies() || edge.as_ref().is_some_and(|edge| edge.distinguishes_reads()) {
            request = settled(request).await;
        }
        let chained = |request| {
            let answer = self.chain_by_policy(&entry, edge.as_deref(), callee, request);
            async move { answer.await.map_err(unreachable) }
        };
        let Some(answers) = edge.as_ref().and_then(|edge| edge.answers()) else {
            return chained(request).await;
        };
        // They are not sent, so no answer depends on them.
        remove_reserved(request.headers_mut());
        let waits = self.waits(self.call.deadline);
        Box::pin(kept::answer(answers, request, waits, chained)).await
    }

    /// How a request waits for an equal one. `head` is when it gives up if there is no head.
    fn waits(&self, head: Deadline) -> Waits {
        let CurrentCall { chain, deadline, .. } = &self.call;
        // Within a cycle, an equal request may wait for a permit that a caller of this one holds.
        let is_deep = self.component.cycle.is_some_and(|cycle| chain.of_cycle(cycle) > 0);
        let priority = (!is_deep).then(|| chain.priority());
        Waits { deadline: *deadline, head: head.min(*deadline), priority }
    }

    async fn chain_by_policy(
        &self,
        entry: &ComponentEntry<Http>,
        edge: Option<&Edge>,
        callee: &str,
        mut request: Request,
    ) -> Result<Response, CallError> {
        let component = &self.component;
        let operation = format!("{} {}", method_label(request.method()), component.id).into();
        let details = component.telemetry.export.wants(&self.call.trace).then(|| details(&request));
        prepare_chained(&mut request);
        if self.outbound.network.is_traced {
            self.call.trace.write(request.headers_mut());
        }
        let chain = self.call.chain.and(&component.id, component.cycle);
        let is_health_check = is_health_check(request.method(), request.uri().path());
        let call = Call {
            deadline: Some(self.call.deadline),
            chain: if is_health_check { chain.with(Priority::Health) } else { chain },
            details: details.map(Arc::new),
            ..self.call(SpanKind::Chained, operation)
        };
        let method = request.method().clone();
        let point = || format!("http/{}/{method} {callee}{INTERNAL}", component.id);
        let Some(edge) = edge else {
            return fault_points::around(point, entry.call(call, request)).await;
        };
        let replay = Replay::new(request);
        let attempt = |attempt: Attempt| {
            let mut request = replay.request();
            mark_attempt(&mut request, attempt.number);
            let call = Call { deadline: Some(attempt.deadline), ..call.clone() };
            fault_points::around(point, entry.call(call, request))
        };
        let may_repeat = |repeat| replay.may_repeat(repeat);
        edge.call(&call, may_repeat, replay.is_read(), attempt).await
    }

    fn call(&self, kind: SpanKind, operation: Arc<str>) -> Call {
        Call {
            client: self.call.client,
            chain: CallChain::of(self.call.chain.priority()),
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
        let request = match edge.distinguishes_reads() {
            true => settled(request).await,
            false => request,
        };
        let send = |request| self.leave_by_policy(&edge, request, options);
        match edge.answers() {
            Some(answers) => {
                let first_byte = Timeouts::new(options).first_byte;
                let waits = self.waits(Deadline::after(first_byte));
                Box::pin(kept::answer(answers, request, waits, send)).await
            }
            None => send(request).await,
        }
    }

    async fn leave_by_policy(
        &self,
        edge: &Edge,
        request: Request,
        options: Option<RequestOptions>,
    ) -> Result<Response, BodyError> {
        let operation = self.outbound.operation(request.method(), request.uri());
        let call =
            Call { deadline: Some(self.call.deadline), ..self.call(SpanKind::Outbound, operation) };
        let replay = Replay::new(request);
        let attempt =
            |attempt: Attempt| self.leave_once(replay.request(), options, attempt.deadline);
        edge.call(&call, |repeat| replay.may_repeat(repeat), replay.is_read(), attempt).await
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
        if telemetry.export.wants(&call.trace) {
            span.details = Some(Arc::new(details(&request)));
        }
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
        let injection = network.faults.as_ref().and_then(|faults| {
            let host = authority.as_ref().map_or("", |authority| authority.host());
            let injection = faults.choose(Subject::Host { from: &component.id, host })?;
            faults.mark(injection, &component.id, &span.context);
            Some(injection.planned)
        });
        let sending = network.client.send(request, to, timeouts.connect);
        let sending = with_fault(injection, sending);
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

/// What the span of a request says in addition, by the semantic conventions. The query is left out,
/// because it may contain what must not be kept.
fn details(request: &Request) -> Details {
    let uri = request.uri();
    let mut attributes: Vec<Attribute> = vec![
        ("url.full", format!("{}{}", origin(uri), uri.path()).into()),
        ("url.path", uri.path().to_owned().into()),
    ];
    if let Some(host) = uri.host() {
        attributes.push(("server.address", host.to_owned().into()));
    }
    let is_tls = uri.scheme_str() == Some("https");
    let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
    attributes.push(("server.port", Value::Int(port.into())));
    Details { attributes, links: Vec::new() }
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
