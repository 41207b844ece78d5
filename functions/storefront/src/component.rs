//! The component: every request of the host goes to the router.

use chassis::app::{Kept, router_with_problems, serve};
use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::http_service;

/// All requests of this instance are answered by one.
static ROUTER: Kept = Kept::new();

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    let router = || Ok(router_with_problems(crate::router()));
    serve(ROUTER.router((), |()| router()), request).await
}
