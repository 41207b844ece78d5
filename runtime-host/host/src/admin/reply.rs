//! Responses of the admin listener.

use super::routes;
use crate::problem::{Code, MEDIA_TYPE, document};
use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;
use serde_json::Value;

pub(super) type Reply = Response<Full<Bytes>>;

pub(super) fn text(content_type: &'static str, body: impl Into<Bytes>) -> Reply {
    with_status(StatusCode::OK, content_type, body)
}

pub(super) fn json(body: &Value) -> Reply {
    text("application/json", body.to_string())
}

/// The media type of draft-inadarei-api-health-check.
pub(super) fn health(status: StatusCode, body: &Value) -> Reply {
    with_status(status, "application/health+json", body.to_string())
}

pub(super) fn no_content() -> Reply {
    let mut reply = Reply::default();
    *reply.status_mut() = StatusCode::NO_CONTENT;
    reply
}

pub(super) fn problem(code: Code, detail: &str) -> Reply {
    with_status(code.status(), MEDIA_TYPE, document(code, detail).to_string())
}

/// A problem with the places of what is wrong in the body of the request.
pub(super) fn problem_with_errors(code: Code, detail: &str, errors: Value) -> Reply {
    let mut document = document(code, detail);
    document["errors"] = errors;
    with_status(code.status(), MEDIA_TYPE, document.to_string())
}

/// JSON with another status than 200.
pub(super) fn json_with_status(status: StatusCode, body: &Value) -> Reply {
    with_status(status, "application/json", body.to_string())
}

pub(super) fn nothing_here() -> Reply {
    with_status(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", routes::list())
}

pub(super) fn method_not_allowed(methods: &[&str]) -> Reply {
    let mut allowed = methods.to_vec();
    if let Some(get) = allowed.iter().position(|method| *method == "GET") {
        allowed.insert(get + 1, "HEAD");
    }
    let allowed = allowed.join(", ");
    let body = format!("{allowed} only\n");
    let mut reply = with_status(StatusCode::METHOD_NOT_ALLOWED, "text/plain", body);
    if let Ok(allowed) = HeaderValue::try_from(allowed) {
        reply.headers_mut().insert(ALLOW, allowed);
    }
    reply
}

pub(super) fn unauthorized() -> Reply {
    let detail = "Changes, and responses that may contain personal data (events, dead letters, \
                  traces, log lines), need `Authorization: Bearer <token>`. The token is in `admin-token` in \
                  the state directory.";
    let mut reply = problem(Code::Unauthorized, detail);
    reply.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    reply
}

pub(super) fn named_host() -> Reply {
    let detail = "Rejected to prevent DNS rebinding. Use an IP address or `localhost`, for example \
                  http://127.0.0.1:<port>/, or start the host with --admin-allowed-host <name>.";
    problem(Code::NamedHost, detail)
}

fn with_status(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Full::new(body.into()));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    reply
}
