//! Answers of the operator's listener.

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, Method, Response, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};

pub(super) type Reply = Response<Full<Bytes>>;

const PATHS: &str = "/livez, /readyz, /metrics, /components, /subscriptions; with the token: \
                     /traces?trace_id=…, /traces?request_id=…, /dead-letters?after=…&limit=…, \
                     /events?after=…&limit=…\n";

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

/// RFC 9457 problem details.
pub(super) fn problem(status: StatusCode, slug: &str, detail: &str) -> Reply {
    let problem = json!({
        "type": format!("urn:tessera:problem:{slug}"),
        "title": status.canonical_reason().unwrap_or("Error"),
        "status": status.as_u16(),
        "detail": detail,
    });
    with_status(status, "application/problem+json", problem.to_string())
}

pub(super) fn nothing_here() -> Reply {
    with_status(StatusCode::NOT_FOUND, "text/plain", PATHS)
}

pub(super) fn method_not_allowed(methods: &[Method]) -> Reply {
    let methods = methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
    let body = format!("{methods} only\n");
    let mut reply = with_status(StatusCode::METHOD_NOT_ALLOWED, "text/plain", body);
    if let Ok(methods) = HeaderValue::try_from(methods) {
        reply.headers_mut().insert(ALLOW, methods);
    }
    reply
}

pub(super) fn unauthorized() -> Reply {
    let detail = "What changes something and what may have data of persons in it (events, dead \
                  letters, traces) needs `Authorization: Bearer <token>`; the token is in \
                  `admin-token` in the state directory.";
    let mut reply = problem(StatusCode::UNAUTHORIZED, "unauthorized", detail);
    reply.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    reply
}

pub(super) fn named_host() -> Reply {
    let detail = "The name in `Host` could be anybody's, who could then read this through your \
                  browser. Ask by IP address or as `localhost`: http://127.0.0.1:<port>/, or start \
                  the host with --admin-allowed-host <name>.";
    problem(StatusCode::FORBIDDEN, "named-host", detail)
}

fn with_status(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Full::new(body.into()));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    reply
}
