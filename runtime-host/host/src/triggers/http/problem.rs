//! What a client is told when no component answered: RFC 9457 problem details.

use crate::calls::CallError;
use crate::engine::{Response, full_body};
use crate::telemetry::TraceContext;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use serde_json::json;

/// A failed call as a response. Internals stay in the log, under the same trace id.
pub(super) fn of_call(error: &CallError, trace: &TraceContext) -> Response {
    let kind = error.kind;
    let mut response =
        response(status(kind.status()), kind.name(), error.public_detail(), Some(trace));
    if let Some(wait) = error.retry_after() {
        response.headers_mut().insert(RETRY_AFTER, wait.as_secs().into());
    }
    response
}

/// Nobody's route.
pub(super) fn no_route(path: &str, trace: &TraceContext) -> Response {
    let detail = format!("No route of this application matches {path}.");
    response(StatusCode::NOT_FOUND, "not-found", &detail, Some(trace))
}

/// The body is over the component's limit, as its length says.
pub(super) fn body_too_large(max_bytes: u64, trace: &TraceContext) -> Response {
    let detail = format!("The body may have at most {max_bytes} bytes.");
    response(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", &detail, Some(trace))
}

/// The request itself makes no sense.
pub(super) fn bad_request(detail: &str) -> Response {
    response(StatusCode::BAD_REQUEST, "bad-request", detail, None)
}

fn response(
    status: StatusCode,
    slug: &str,
    detail: &str,
    trace: Option<&TraceContext>,
) -> Response {
    let mut problem = json!({
        "type": format!("urn:tessera:problem:{slug}"),
        "title": status.canonical_reason().unwrap_or("Error"),
        "status": status.as_u16(),
        "detail": detail,
    });
    if let Some(trace) = trace {
        problem["trace_id"] = format!("{:032x}", trace.trace_id).into();
    }
    let mut response = Response::new(full_body(problem.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
