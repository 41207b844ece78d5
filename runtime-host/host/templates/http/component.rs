//! The component: HTTP requests, and the answers to them.

use spin_sdk::http::{IntoResponse, Method, Request, StatusCode};
use spin_sdk::http_service;

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    if request.method() != Method::GET {
        return (StatusCode::METHOD_NOT_ALLOWED, String::new());
    }
    let rest = request.headers().get("spin-path-info").and_then(|rest| rest.to_str().ok());
    (StatusCode::OK, crate::greeting(rest.unwrap_or_default()))
}
