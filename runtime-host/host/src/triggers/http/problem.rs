//! What a client is told when no component answered: RFC 9457 problem details.

use super::limits::FrontLimits;
use crate::calls::CallError;
use crate::engine::{Response, full_body};
use crate::telemetry::{FrontLimit, TraceContext};
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

/// A limit of the front is reached. Waiting helps, as soon as what is in flight has ended.
pub(super) fn of_limit(limit: FrontLimit, limits: &FrontLimits) -> Response {
    let own = |max: u32, what| format!("Your address has {max} {what} already, as many as it may.");
    let too_many = StatusCode::TOO_MANY_REQUESTS;
    let (status, slug, detail) = match limit {
        FrontLimit::RequestsPerAddress => {
            let detail = own(limits.requests_per_address_max, "requests in flight");
            (too_many, "too-many-requests", detail)
        }
        FrontLimit::StreamsPerAddress => {
            let detail = own(limits.streams_per_address_max, "streams open");
            (too_many, "too-many-streams", detail)
        }
        FrontLimit::UploadsPerAddress => {
            let detail = own(limits.uploads_per_address_max, "large bodies on their way");
            (too_many, "too-many-uploads", detail)
        }
        _ => {
            let detail = "The host has no room for another body. Try again in a moment.".to_owned();
            (StatusCode::SERVICE_UNAVAILABLE, "overloaded", detail)
        }
    };
    let mut response = response(status, slug, &detail, None);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// The header fields of the request are over the limit.
pub(super) fn fields_too_large(max_bytes: usize) -> Response {
    let detail = format!("The header fields of a request may have {max_bytes} bytes in all.");
    let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
    response(status, "fields-too-large", &detail, None)
}

/// The host forwards no connections.
pub(super) fn no_proxy() -> Response {
    let detail = "This server is no proxy: it does not know `CONNECT`.";
    response(StatusCode::NOT_IMPLEMENTED, "not-implemented", detail, None)
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
