//! The request's body as the answer, as it comes.
#![cfg(target_family = "wasm")]

use spin_sdk::http::{IntoResponse, Request, Response};
use spin_sdk::http_service;

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    Response::new(request.into_body())
}
