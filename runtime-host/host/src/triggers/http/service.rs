//! The life of one request from outside.

use super::access_log::AccessLine;
use super::answer::{self, AnswerBody};
use super::connected::{Connected, InFlight};
use super::protocol::HEADERS_MAX_BYTES;
use super::request_body::{self, ReceiveError};
use super::router::{Match, Router};
use super::unread::Unread;
use super::well_known::WellKnown;
use super::{described, headers, problem, request_id};
use crate::calls::{Call, CallError, Loopback};
use crate::message::{Http, Response, full_body, is_health_check};
use crate::registry::Registry;
use crate::telemetry::{SpanKind, Telemetry, TraceContext};
use http::header::CONTENT_LENGTH;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use hyper::body::Incoming;
use std::sync::Arc;
use tessera_manifest::{Handler, StaticResponse};
use tessera_resilience::Priority;

/// What every connection needs to serve its requests.
pub(crate) struct Service {
    pub(crate) router: Router,
    pub(crate) registry: Arc<Registry<Http>>,
    pub(crate) loopback: Loopback,
    pub(crate) telemetry: Arc<Telemetry>,
    pub(crate) well_known: WellKnown,
    /// Whether each request is a line of the log.
    pub(crate) logs_access: bool,
    /// Whether clients get exactly what they get of stock Spin: the application has no settings of
    /// this host.
    pub(crate) as_stock: bool,
}

/// A request for a component.
struct Inbound<'a> {
    parts: Parts,
    body: Unread,
    found: Match<'a>,
    trace: &'a TraceContext,
    /// The context of its own span.
    own: &'a TraceContext,
}

/// Handles a request. It is counted immediately, not at the first poll: the end of the client's
/// input may be read before that.
pub(super) fn serve(
    connected: Arc<Connected>,
    request: http::Request<Incoming>,
) -> impl Future<Output = http::Response<AnswerBody>> + Send {
    let in_flight = InFlight::begin(&connected);
    async move {
        let (parts, body) = request.into_parts();
        let body = Unread::new(body);
        let method = parts.method.clone();
        let mut trace = TraceContext::of_request(&parts.headers);
        trace.request_id = request_id::of_client(&parts.headers);
        let own = connected.service.telemetry.child(&trace);
        let access = connected.service.logs_access;
        let access = access.then(|| Box::new(AccessLine::begin(&parts, connected.address, &own)));
        let Some(in_flight) = in_flight else {
            return answer::refusal(&method, &connected, &own, access);
        };
        let as_stock = connected.service.as_stock && !problem::is_wanted(&parts.headers);
        let mut response = connected.service.answer(parts, body, &connected, (&trace, &own)).await;
        if as_stock {
            problem::without_document(&mut response);
        }
        answer::to(&method, in_flight, response, &own, access)
    }
}

impl Service {
    async fn answer(
        &self,
        parts: Parts,
        body: Unread,
        connected: &Arc<Connected>,
        (trace, own): (&TraceContext, &TraceContext),
    ) -> Response {
        if parts.method == Method::CONNECT {
            return problem::no_proxy();
        }
        if connected.multiplexed && fields_bytes(&parts) > HEADERS_MAX_BYTES {
            return problem::fields_too_large(HEADERS_MAX_BYTES);
        }
        // Shares its bytes with the request.
        let uri = parts.uri.clone();
        if WellKnown::is_reserved(uri.path()) {
            let answer = self.well_known.answer(uri.path());
            return answer.unwrap_or_else(|| problem::no_route(uri.path(), trace));
        }
        let Some(found) = self.router.find(routed(&uri)) else {
            return problem::no_route(uri.path(), trace);
        };
        match &found.entry.handler {
            Handler::Static(answer) => static_response(answer),
            Handler::Component(id) => {
                let call = Inbound { parts, body, found, trace, own };
                match self.call(id, call, connected).await {
                    Ok(response) => response,
                    Err(error) => problem::of_call(&error, trace),
                }
            }
        }
    }

    async fn call(
        &self,
        component: &str,
        inbound: Inbound<'_>,
        connected: &Arc<Connected>,
    ) -> Result<Response, CallError> {
        let Inbound { mut parts, body, found, trace, own } = inbound;
        let entry = self.registry.resolve(component)?;
        let scheme = connected.scheme.clone();
        let uri = headers::check(&parts.headers)
            .and_then(|()| headers::absolute_uri(&parts.uri, &parts.headers, scheme));
        parts.uri = match uri {
            Ok(uri) => uri,
            Err(detail) => return Ok(problem::bad_request(detail)),
        };
        let body_max_bytes = entry.body_max_bytes();
        if announced_length(&parts.headers).is_some_and(|length| length > body_max_bytes) {
            return Ok(problem::body_too_large(body_max_bytes, trace));
        }
        headers::prepare(&mut parts.headers, &parts.uri, &found, &connected.client);
        if !self.as_stock {
            request_id::set_in_request(&mut parts.headers, trace);
        }
        let chain = self.loopback.chain(&mut parts.headers);
        let is_document = request_body::is_document(&parts.headers);
        let received = request_body::receive(body, is_document, body_max_bytes, connected).await;
        let (body, fault) = match received {
            Ok(received) => received,
            Err(ReceiveError::Fault(error)) => return Err(error),
            Err(ReceiveError::Limit(limit)) => {
                return Ok(problem::of_limit(limit, connected.limits()));
            }
        };
        if let Some(fault) = &fault {
            parts.extensions.insert(fault.clone());
        }
        let details = self.telemetry.export.wants(trace);
        let details = details.then(|| described::details(&parts, connected.address));
        let operation = found.entry.operation(&parts.method, parts.uri.path());
        let mut call = Call::from_outside(SpanKind::Http, operation, trace.clone());
        call.chain = match is_health_check(&parts.method, parts.uri.path()) {
            true => chain.with(Priority::Health),
            false => chain,
        };
        call.client = Some(connected.address);
        call.details = details.map(Arc::new);
        call.span_id = Some(own.span_id);
        let answer = entry.call(call, http::Request::from_parts(parts, body)).await;
        match fault.and_then(|fault| fault.error()) {
            Some(error) => Err(error),
            None => answer,
        }
    }
}

/// The path that routes are compared with. `*`, the whole server (`OPTIONS *`), is in no folder, and
/// counts as a name in the topmost one.
fn routed(uri: &Uri) -> &str {
    if uri.path() == "*" { "/*" } else { uri.path() }
}

/// The size of a request's head, as HTTP/2 counts it (RFC 9113, section 6.5.2).
fn fields_bytes(parts: &Parts) -> usize {
    const OVERHEAD_BYTES: usize = 32;
    let fields = parts.headers.iter();
    let fields = fields.map(|(name, value)| name.as_str().len() + value.len() + OVERHEAD_BYTES);
    let path = parts.uri.path_and_query().map_or(0, |path| path.as_str().len());
    fields.sum::<usize>() + path + OVERHEAD_BYTES
}

fn announced_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn static_response(answer: &StaticResponse) -> Response {
    let mut response = Response::new(full_body(answer.body.clone().unwrap_or_default()));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    for (name, value) in &answer.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(value)) {
            response.headers_mut().append(name, value);
        }
    }
    response
}
