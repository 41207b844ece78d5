//! The component: every request of the host goes to the router.

use std::sync::OnceLock;

use axum::Router;
use chassis::app::{router_with_problems, serve_with};
use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::http_service;

/// All requests of this instance are answered by one.
static ROUTER: OnceLock<Router> = OnceLock::new();

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    let router = || Ok(router_with_problems(crate::router()));
    serve_with(&ROUTER, router, request).await
}
