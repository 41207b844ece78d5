//! What leaves: responses of functions without their inside, and the headers that every
//! response has.

use super::{Origin, RETRY_AFTER_S};
use crate::domain::route::Access;
use crate::domain::{cors, headers};
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use chassis::{Problem, ProblemType};
use http::{HeaderMap, HeaderValue, Method, header};

/// For responses that are data: nothing in them may run or be framed.
const POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

/// The response of a function. Problems, JSON and pages pass; a failure that is none of these
/// is not the function's words but a crash, and becomes a problem.
pub(super) fn from_upstream(mut response: Response) -> Response {
    headers::sanitize_response(response.headers_mut());
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) || is_ours(response.headers()) {
        return response;
    }
    if status.is_server_error() {
        return broken().into_response();
    }
    let mut problem = Problem::new(ProblemType::Refused).with_status(status);
    if let Some(allow) = response.headers().get(header::ALLOW).and_then(|v| v.to_str().ok()) {
        problem = problem.header(header::ALLOW, allow);
    }
    problem.into_response()
}

/// A function failed while it responded.
pub(super) fn broken() -> Problem {
    Problem::new(ProblemType::UpstreamFailed)
        .detail("It is unknown whether the request took effect.")
        .header(header::RETRY_AFTER, &RETRY_AFTER_S.to_string())
}

/// Personal responses are not cached, unless the function allows it.
pub(super) fn keep_private(response: &mut Response, access: Access) {
    let headers = response.headers_mut();
    if access != Access::Public && !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

/// The headers of every response. `page` is the origin of another page that may read it.
pub(super) fn finish(
    mut response: Response,
    method: &Method,
    origin: &Origin,
    page: Option<&str>,
    preflight: bool,
) -> Response {
    let headers = response.headers_mut();
    headers::set(headers, "x-request-id", &origin.request_id);
    headers::set(headers, "x-content-type-options", "nosniff");
    for (name, value) in [
        ("referrer-policy", "no-referrer"),
        ("x-frame-options", "DENY"),
        ("content-security-policy", POLICY),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        if !headers.contains_key(name) {
            headers::set(headers, name, value);
        }
    }
    if origin.scheme == "https" {
        headers::set(headers, "strict-transport-security", "max-age=31536000");
    }
    if let Some(page) = page {
        share(headers, page, preflight && method == Method::OPTIONS);
    }
    if method == Method::HEAD {
        *response.body_mut() = Body::empty();
    }
    chassis::app::of_its_length(method, response)
}

fn share(headers: &mut HeaderMap, page: &str, preflight: bool) {
    headers::set(headers, "access-control-allow-origin", page);
    headers::set(headers, "cross-origin-resource-policy", "cross-origin");
    headers::set(headers, "access-control-expose-headers", cors::EXPOSED);
    if preflight {
        let allow = headers.get(header::ALLOW).and_then(|value| value.to_str().ok());
        let allow = allow.unwrap_or_default().to_owned();
        headers::set(headers, "access-control-allow-methods", &allow);
        headers::set(headers, "access-control-allow-headers", cors::HEADERS);
        headers::set(headers, "access-control-max-age", cors::AGE_S);
    }
}

fn is_ours(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = kind.unwrap_or_default();
    ["application/problem+json", "application/json", "application/health+json", "text/html"]
        .iter()
        .any(|ours| kind.starts_with(ours))
}
