//! The WASI adapter: passes the requests of the host to the router.

use chassis::app::{Kept, router_with_problems, serve};
use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::http_service;

/// The router of this instance, shared by all of its requests.
static ROUTER: Kept = Kept::new();

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    let router = || Ok(router_with_problems(crate::router()));
    serve(ROUTER.router((), |()| router()), request).await
}
