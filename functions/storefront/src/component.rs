//! The component: every request of the host goes to the router.

use chassis::app::{router_with_problems, serve};
use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::http_service;

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    serve(Ok(router_with_problems(crate::router())), request).await
}
