//! Responses of the admin listener.

use crate::problem::{Code, MEDIA_TYPE, document};
use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, Method, Response, StatusCode};
use http_body_util::Full;
use serde_json::Value;

pub(super) type Reply = Response<Full<Bytes>>;

const PATHS: &str = "There is nothing at this path. These are served:\n\
    GET /\n\
    GET /livez\n\
    GET /readyz\n\
    GET /metrics\n\
    GET /application\n\
    GET /components\n\
    GET /components/{id}\n\
    GET /topology\n\
    GET /edges\n\
    GET /policies\n\
    GET /schedules\n\
    GET /subscriptions\n\
    GET /faults\n\
    With the token:\n\
    POST /edges/breaker?caller=…&callee=…&mode=…\n\
    GET /traces?trace_id=…\n\
    GET /traces?request_id=…\n\
    GET /traces/list?component=…&operation=…&failed=…&requests=…&duration_min_ms=…&limit=…\n\
    GET /logs?component=…&trace_id=…&request_id=…&text=…&after=…&limit=…\n\
    GET /events?after=…&limit=…\n\
    GET /dead-letters?after=…&limit=…\n\
    POST /faults\n\
    DELETE /faults\n\
    DELETE /faults/{id}\n\
    POST /dead-letters/{id}/replay\n\
    DELETE /dead-letters/{id}\n\
    POST /subscriptions/{name}/replay?from=…&until=…\n\
    POST /subscriptions/{name}/keys/{key}/replay\n";

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

pub(super) fn nothing_here() -> Reply {
    with_status(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", PATHS)
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
