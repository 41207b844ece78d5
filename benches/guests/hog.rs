//! Uses as much as possible of one resource endlessly: CPU time, memory, time in calls of the host,
//! the log, or streams.
#![cfg(target_family = "wasm")]
#![allow(clippy::print_stdout)]

use bytes::Bytes;
use futures::SinkExt;
use spin_sdk::http::body::stream as channel;
use spin_sdk::http::{BoxBody, FullBody, IntoResponse, Request, Response, box_body};
use spin_sdk::http_service;
use spin_sdk::wasip3::spawn;
use std::hint::black_box;
use std::time::Duration;

/// Random bytes per request.
const RANDOM_BYTES: u64 = 32 << 20;
/// The memory that is written repeatedly.
const MEMORY_BYTES: usize = 96 << 20;
/// The page size; each page is written.
const PAGE_BYTES: usize = 4 << 10;
/// A printed line.
const LINE_BYTES: usize = 1_023;
/// Longer than the row takes.
const STREAM: Duration = Duration::from_secs(3_600);

/// What it can do.
const NAMES: &[u8] = b"loop, memory, random, log or stream";

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    match request.uri().path() {
        "/hog/loop" => compute(),
        "/hog/memory" => thrash(),
        "/hog/random" => ask(),
        "/hog/log" => print(),
        "/hog/stream" => hold(),
        _ => Response::new(box_body(FullBody::new(Bytes::from_static(NAMES)))),
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

fn print() -> ! {
    let line = "x".repeat(LINE_BYTES);
    loop {
        println!("{line}");
    }
}

/// A body of one chunk that does not end.
fn hold() -> Response<BoxBody> {
    let (mut chunks, body) = channel::<Bytes>();
    spawn(async move {
        let _ = chunks.send(Bytes::from_static(b"first")).await;
        spin_sdk::time::sleep(STREAM).await;
        drop(chunks);
    });
    Response::new(box_body(body))
}
