//! The request's body as the answer, as it comes.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::routing::post;

pub(crate) fn router() -> Router {
    Router::new().route("/", post(async |request: Request| -> Body { request.into_body() }))
}
