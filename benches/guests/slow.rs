//! Waits before it responds, as for another service.
#![cfg(target_family = "wasm")]

use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::http_service;
use std::time::Duration;

const WAIT: Duration = Duration::from_secs(2);

#[http_service]
async fn handle(_: Request) -> impl IntoResponse {
    spin_sdk::time::sleep(WAIT).await;
    "awake"
}
