//! Responses of the host if no component responded.

use super::limits::FrontLimits;
use crate::calls::{CallError, Kind};
use crate::message::{Response, full_body};
use crate::problem::{Code, MEDIA_TYPE, document};
use crate::telemetry::{FrontLimit, TraceContext};
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::Value;

/// A failed call as a response. Internals stay in the log, under the same trace id.
pub(super) fn of_call(error: &CallError, trace: &TraceContext) -> Response {
    let mut response = response(Code::Call(error.kind), error.public_detail(), Some(trace));
    if let Some(wait) = error.retry_after() {
        // Rounded up: a client that comes earlier would be refused again.
        let seconds = wait.as_millis().div_ceil(1_000) as u64;
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}

/// No route matches the path.
pub(super) fn no_route(path: &str, trace: &TraceContext) -> Response {
    let detail = format!("No route of this application matches {path}.");
    response(Code::NOT_FOUND, &detail, Some(trace))
}

/// The body is over the component's limit, as its length says.
pub(super) fn body_too_large(max_bytes: u64, trace: &TraceContext) -> Response {
    let detail = format!("The body may have at most {max_bytes} bytes.");
    response(Code::Call(Kind::BodyTooLarge), &detail, Some(trace))
}

/// A limit of the front is reached. The client can retry when requests in flight have ended.
pub(super) fn of_limit(limit: FrontLimit, limits: &FrontLimits) -> Response {
    let own =
        |max: u32, what| format!("Your address already has {max} {what}, which is the limit.");
    let (code, detail) = match limit {
        FrontLimit::RequestsPerAddress => {
            let detail = own(limits.requests_per_address_max, "requests in flight");
            (Code::TooManyRequests, detail)
        }
        FrontLimit::StreamsPerAddress => {
            let detail = own(limits.streams_per_address_max, "open streams");
            (Code::TooManyStreams, detail)
        }
        FrontLimit::UploadsPerAddress => {
            let detail = own(limits.uploads_per_address_max, "large uploads in progress");
            (Code::TooManyUploads, detail)
        }
        _ => {
            let detail = "The host has no memory for another request body. Try again in a moment."
                .to_owned();
            (Code::Overloaded, detail)
        }
    };
    let mut response = response(code, &detail, None);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// The header fields of the request exceed the limit.
pub(super) fn fields_too_large(max_bytes: usize) -> Response {
    let detail = format!("The header fields of a request must not exceed {max_bytes} bytes.");
    response(Code::FieldsTooLarge, &detail, None)
}

/// The host does not support tunnels.
pub(super) fn no_proxy() -> Response {
    let detail = "This server is not a proxy: `CONNECT` is not supported.";
    response(Code::NotImplemented, detail, None)
}

/// The request itself makes no sense.
pub(super) fn bad_request(detail: &str) -> Response {
    response(Code::BadRequest, detail, None)
}

/// Whether a client asks for problem documents.
pub(super) fn is_wanted(headers: &HeaderMap) -> bool {
    let mut accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.any(|accepted| accepted.contains(MEDIA_TYPE))
}

/// Removes the document from a response with a status that stock Spin sends, too: 404 if there is
/// no route, and 500 if a component has failed. There, they have no body.
pub(super) fn without_document(response: &mut Response) {
    let of_stock = [StatusCode::NOT_FOUND, StatusCode::INTERNAL_SERVER_ERROR];
    let is_ours = response.extensions().get::<Document>().is_some();
    if is_ours && of_stock.contains(&response.status()) {
        response.headers_mut().clear();
        *response.body_mut() = full_body("");
    }
}

/// Marks a response of the host itself.
#[derive(Debug, Clone, Copy)]
struct Document;

fn response(code: Code, detail: &str, trace: Option<&TraceContext>) -> Response {
    let mut problem = document(code, detail);
    if let Some(trace) = trace {
        problem["trace_id"] = format!("{:032x}", trace.trace_id).into();
        if let Some(id) = &trace.request_id {
            problem["request_id"] = Value::from(&**id);
        }
    }
    let mut response = Response::new(full_body(problem.to_string()));
    *response.status_mut() = code.status();
    response.extensions_mut().insert(Document);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
