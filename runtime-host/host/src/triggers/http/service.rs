//! The life of one request from outside.

use super::router::{Match, Router};
use super::{headers, problem, request_body, request_id};
use crate::calls::{Call, CallError};
use crate::engine::{Response, call_http, full_body};
use crate::registry::Registry;
use crate::telemetry::{SpanKind, TraceContext};
use http::header::CONTENT_LENGTH;
use http::uri::Scheme;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use hyper::body::Incoming;
use std::net::SocketAddr;
use std::sync::Arc;
use tessera_manifest::{Handler, StaticResponse};

/// What every connection needs to serve its requests.
pub(crate) struct Service {
    pub(crate) router: Router,
    pub(crate) registry: Arc<Registry>,
}

/// Where a request came from: the same for all requests of a connection.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    client: HeaderValue,
    scheme: Scheme,
}

impl Origin {
    pub(crate) fn new(client: SocketAddr, scheme: Scheme) -> Self {
        Self { client: headers::client_address(client), scheme }
    }
}

impl Service {
    /// Answer a request, come what may.
    pub(crate) async fn serve(
        &self,
        request: http::Request<Incoming>,
        origin: &Origin,
    ) -> Response {
        let mut trace = TraceContext::of_request(request.headers());
        trace.request_id = request_id::of_client(request.headers());
        let mut response = self.answer(request, origin, &trace).await;
        request_id::answer(&mut response, &trace);
        response
    }

    async fn answer(
        &self,
        request: http::Request<Incoming>,
        origin: &Origin,
        trace: &TraceContext,
    ) -> Response {
        // Shares its bytes with the request.
        let uri = request.uri().clone();
        let Some(found) = self.router.find(uri.path()) else {
            return problem::no_route(uri.path(), trace);
        };
        match &found.entry.handler {
            Handler::Static(answer) => static_response(answer),
            Handler::Component(id) => match self.call(request, origin, &found, id, trace).await {
                Ok(response) => response,
                Err(error) => problem::of_call(&error, trace),
            },
        }
    }

    async fn call(
        &self,
        request: http::Request<Incoming>,
        origin: &Origin,
        found: &Match<'_>,
        component: &str,
        trace: &TraceContext,
    ) -> Result<Response, CallError> {
        let slot = self.registry.resolve(component)?;
        let (mut parts, body) = request.into_parts();
        let scheme = origin.scheme.clone();
        parts.uri = match headers::absolute_uri(&parts.uri, &parts.headers, scheme) {
            Ok(uri) => uri,
            Err(detail) => return Ok(problem::bad_request(detail)),
        };
        let body_max_bytes = slot.gate.limits.body_max_bytes;
        if announced_length(&parts.headers).is_some_and(|length| length > body_max_bytes) {
            request_body::Unwanted::whole(body);
            return Ok(problem::body_too_large(body_max_bytes, trace));
        }
        headers::prepare(&mut parts.headers, &parts.uri, found, &origin.client);
        request_id::tell(&mut parts.headers, trace);
        let operation = found.entry.operation(&parts.method, parts.uri.path());
        let call = Call::from_outside(SpanKind::Http, operation, trace.clone());
        let (body, fault) = request_body::guard(body, body_max_bytes);
        let answer = call_http(slot, call, http::Request::from_parts(parts, body)).await;
        match fault.and_then(|fault| fault.error()) {
            Some(error) => Err(error),
            None => answer,
        }
    }
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
