//! `HEAD` and conditional requests: a body in their answers would break the connection.

use crate::hostile::{Seen, Visitor};
use harness::frames::DATA;
use harness::hostile::bodiless;
use harness::status_of;
use http::Method;

/// A page, a response of the gateway, one of a function, a long one, and a problem.
const PATHS: [&str; 5] =
    ["/", "/livez", "/api/v1/products?limit=5", "/api/v1/openapi.json", "/api/v1/nothing"];

pub(super) async fn visit(visitor: &Visitor) -> Seen {
    let mut seen = Seen::default();
    for path in PATHS {
        by_http1(visitor, "HEAD", path, "", &mut seen).await;
        by_http2(visitor, path, &mut seen).await;
        let whole = visitor.api.try_send(Method::GET, path, None, "").await;
        let tag = whole.map(|whole| whole.header("etag").to_owned()).unwrap_or_default();
        if !tag.is_empty() {
            let field = format!("if-none-match: {tag}\r\n");
            by_http1(visitor, "GET", path, &field, &mut seen).await;
        }
    }
    seen
}

/// Sends a request by HTTP/1.1 with these fields.
async fn by_http1(visitor: &Visitor, method: &str, path: &str, fields: &str, seen: &mut Seen) {
    let answer = bodiless::by_http1(&visitor.stranger, method, path, fields).await;
    let Ok(Some((head, rest))) = answer else { return seen.note(None) };
    let status = status_of(&head);
    // An overloaded shop may answer a conditional request with a problem.
    let is_bodiless = method == "HEAD" || status == Some(304);
    if is_bodiless && !rest.is_empty() {
        seen.fault(format!("{method} {path} has a body by HTTP/1.1: {head}{rest}"));
    }
    seen.note(status);
}

/// Sends `HEAD` by HTTP/2.
async fn by_http2(visitor: &Visitor, path: &str, seen: &mut Seen) {
    let frames = bodiless::by_http2(&visitor.stranger, "HEAD", path, &[]).await;
    if frames.unwrap_or_default().iter().any(|(kind, _)| *kind == DATA) {
        seen.fault(format!("HEAD {path} has a body by HTTP/2"));
    }
}
