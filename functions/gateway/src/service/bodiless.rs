//! Requests that change something and have no body.
//!
//! The functions do not read a body of these requests and would ignore its members silently, so a
//! body other than `{}` is refused, as functions refuse unknown members. Only these bodies are read
//! here; all others are streamed.

use crate::domain::route::Route;
use axum::body::Body;
use chassis::Problem;
use chassis::form::{BODY_BYTES_MAX, JsonBody, read_limited, unique_json};
use chassis::problem::Fault;
use http::Request;

/// The request without its body, if its route has none and it is empty or `{}`.
pub(super) async fn check(route: &Route, request: Request<Body>) -> Result<Request<Body>, Problem> {
    if !route.refuses_content() {
        return Ok(request);
    }
    let (parts, body) = request.into_parts();
    refuse_content(&read_limited(body, BODY_BYTES_MAX).await?)?;
    Ok(Request::from_parts(parts, Body::empty()))
}

fn refuse_content(body: &[u8]) -> Result<(), Problem> {
    if body.trim_ascii().is_empty() {
        return Ok(());
    }
    let Ok(value) = unique_json(body) else {
        let detail = "must be empty or {}".to_owned();
        return Err(Problem::unprocessable(vec![Fault { pointer: String::new(), detail }]));
    };
    JsonBody(value).fields().finish()
}
