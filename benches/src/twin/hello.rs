//! Five bytes.

use axum::Router;
use axum::routing::get;

pub(crate) fn router() -> Router {
    Router::new().route("/", get(async || "Hello"))
}
