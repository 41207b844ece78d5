//! Waits before it responds, as for another service.

use axum::Router;
use axum::routing::get;
use std::time::Duration;

const WAIT: Duration = Duration::from_secs(2);

pub(crate) fn router() -> Router {
    let wait = async || {
        tokio::time::sleep(WAIT).await;
        "awake"
    };
    Router::new().route("/", get(wait))
}
