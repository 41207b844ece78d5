//! What a client gets when no component answered.

use super::limits::FrontLimits;
use crate::calls::{CallError, Kind};
use crate::engine::{Response, full_body};
use crate::problem::{Code, MEDIA_TYPE, document};
use crate::telemetry::{FrontLimit, TraceContext};
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};

/// A failed call as a response. Internals stay in the log, under the same trace id.
pub(super) fn of_call(error: &CallError, trace: &TraceContext) -> Response {
    let mut response = response(Code::Call(error.kind), error.public_detail(), Some(trace));
    if let Some(wait) = error.retry_after() {
        response.headers_mut().insert(RETRY_AFTER, wait.as_secs().into());
    }
    response
}

/// The path has no route.
pub(super) fn no_route(path: &str, trace: &TraceContext) -> Response {
    let detail = format!("No route of this application matches {path}.");
    response(Code::NOT_FOUND, &detail, Some(trace))
}

/// The body is over the component's limit, as its length says.
pub(super) fn body_too_large(max_bytes: u64, trace: &TraceContext) -> Response {
    let detail = format!("The body may have at most {max_bytes} bytes.");
    response(Code::Call(Kind::BodyTooLarge), &detail, Some(trace))
}

/// A limit of the front is reached. Waiting helps, as soon as what is in flight has ended.
pub(super) fn of_limit(limit: FrontLimit, limits: &FrontLimits) -> Response {
    let own = |max: u32, what| format!("Your address has {max} {what} already, as many as it may.");
    let (code, detail) = match limit {
        FrontLimit::RequestsPerAddress => {
            let detail = own(limits.requests_per_address_max, "requests in flight");
            (Code::TooManyRequests, detail)
        }
        FrontLimit::StreamsPerAddress => {
            let detail = own(limits.streams_per_address_max, "streams open");
            (Code::TooManyStreams, detail)
        }
        FrontLimit::UploadsPerAddress => {
            let detail = own(limits.uploads_per_address_max, "large bodies on their way");
            (Code::TooManyUploads, detail)
        }
        _ => {
            let detail = "The host has no room for another body. Try again in a moment.".to_owned();
            (Code::Overloaded, detail)
        }
    };
    let mut response = response(code, &detail, None);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// The header fields of the request are over the limit.
pub(super) fn fields_too_large(max_bytes: usize) -> Response {
    let detail = format!("The header fields of a request may have {max_bytes} bytes in all.");
    response(Code::FieldsTooLarge, &detail, None)
}

/// The host forwards no connections.
pub(super) fn no_proxy() -> Response {
    let detail = "This server is no proxy: it does not know `CONNECT`.";
    response(Code::NotImplemented, detail, None)
}

/// The request itself makes no sense.
pub(super) fn bad_request(detail: &str) -> Response {
    response(Code::BadRequest, detail, None)
}

fn response(code: Code, detail: &str, trace: Option<&TraceContext>) -> Response {
    let mut problem = document(code, detail);
    if let Some(trace) = trace {
        problem["trace_id"] = format!("{:032x}", trace.trace_id).into();
    }
    let mut response = Response::new(full_body(problem.to_string()));
    *response.status_mut() = code.status();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
