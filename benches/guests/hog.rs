//! Uses as much as possible of one resource endlessly: CPU time, memory, or time in calls of the
//! host.
#![cfg(target_family = "wasm")]

use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::http_service;
use std::hint::black_box;

/// Random bytes per request.
const RANDOM_BYTES: u64 = 32 << 20;
/// The memory that is written repeatedly.
const MEMORY_BYTES: usize = 96 << 20;
/// The page size; each page is written.
const PAGE_BYTES: usize = 4 << 10;

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    match request.uri().path() {
        "/hog/loop" => compute(),
        "/hog/memory" => thrash(),
        "/hog/random" => ask(),
        _ => "loop, memory or random",
    }
}

fn compute() -> ! {
    let mut n = 0_u64;
    loop {
        n = black_box(n.wrapping_add(1));
    }
}

fn thrash() -> ! {
    let mut memory = vec![0_u8; MEMORY_BYTES];
    loop {
        for page in memory.chunks_mut(PAGE_BYTES) {
            page[0] = black_box(page[0].wrapping_add(1));
        }
    }
}

fn ask() -> ! {
    loop {
        black_box(spin_sdk::wasip3::random::random::get_random_bytes(RANDOM_BYTES));
    }
}
