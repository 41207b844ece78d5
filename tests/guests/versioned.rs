//! A guest of which a test makes other versions: it changes the word after `version=` in the file.
//!
//! Each version answers with its word. `failing` fails one of twenty requests, `slow` takes 20 ms, and
//! `leaking` keeps 96 KiB of each request.
#![cfg(target_family = "wasm")]

use spin_sdk::http::{FullBody, IntoResponse, Request, Response};
use spin_sdk::http_service;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// With room for longer words.
static VERSION: [u8; 24] = *b"version=stable          ";

/// An instance serves at most 1,000 requests, so it stays below its limit of memory.
const LEAK_BYTES: usize = 96 * 1024;

#[http_service]
async fn handle(_request: Request) -> Result<impl IntoResponse, spin_sdk::http::Error> {
    static SERVED: AtomicU64 = AtomicU64::new(0);
    let served = SERVED.fetch_add(1, Ordering::Relaxed);
    let text = std::str::from_utf8(black_box(&VERSION)).unwrap_or_default();
    let version = text.trim_start_matches("version=").trim();
    match version {
        "slow" => spin_sdk::time::sleep(Duration::from_millis(20)).await,
        "leaking" => {
            black_box(Box::leak(vec![1_u8; LEAK_BYTES].into_boxed_slice()));
        }
        _ => {}
    }
    let mut response = Response::new(FullBody::<bytes::Bytes>::new(version.to_owned().into()));
    if version == "failing" && served % 20 == 0 {
        *response.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
    }
    Ok(response)
}
