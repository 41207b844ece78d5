//! The life of one request from outside.

use super::router::{Match, Router};
use super::{headers, problem, request_body};
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

/// Where a request came from.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    pub(crate) client: SocketAddr,
    pub(crate) scheme: Scheme,
}

impl Service {
    /// Answer a request, come what may.
    pub(crate) async fn serve(&self, request: http::Request<Incoming>, origin: Origin) -> Response {
        let trace = TraceContext::of_request(request.headers());
        let path = request.uri().path().to_owned();
        let Some(found) = self.router.find(&path) else {
            return problem::no_route(&path, &trace);
        };
        match &found.entry.handler {
            Handler::Static(answer) => static_response(answer),
            Handler::Component(id) => match self.call(request, origin, &found, id, &trace).await {
                Ok(response) => response,
                Err(error) => problem::of_call(&error, &trace),
            },
        }
    }

    async fn call(
        &self,
        request: http::Request<Incoming>,
        origin: Origin,
        found: &Match<'_>,
        component: &str,
        trace: &TraceContext,
    ) -> Result<Response, CallError> {
        let slot = self.registry.resolve(component)?;
        let (mut parts, body) = request.into_parts();
        parts.uri = match headers::absolute_uri(&parts.uri, &parts.headers, origin.scheme) {
            Ok(uri) => uri,
            Err(detail) => return Ok(problem::bad_request(detail)),
        };
        let body_max_bytes = slot.gate.limits.body_max_bytes;
        if announced_length(&parts.headers).is_some_and(|length| length > body_max_bytes) {
            return Ok(problem::body_too_large(body_max_bytes, trace));
        }
        let (body, fault) = request_body::guard(body, body_max_bytes);
        let mut request = http::Request::from_parts(parts, body);
        headers::prepare(&mut request, found, origin.client);
        let operation = format!("{} {}", request.method(), found.entry.route).into();
        let call = Call { kind: SpanKind::Http, operation, trace: trace.clone(), deadline: None };
        let answer = call_http(slot, call, request).await;
        fault.error().map_or(answer, Err)
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
