//! Misbehavior.

use super::{Answer, text};
use std::hint::black_box;
use std::time::Duration;

pub(crate) fn compute_for_ever() -> ! {
    let mut n = 0_u64;
    loop {
        n = black_box(n.wrapping_add(1));
    }
}

/// Computes for this long.
pub(crate) fn compute_for(ms: u64) {
    let begun = std::time::Instant::now();
    while begun.elapsed() < Duration::from_millis(ms) {
        black_box(begun);
    }
}

/// Busy too, but gives way to the event loop again and again.
pub(crate) async fn compute_and_yield_for_ever() -> ! {
    loop {
        for n in 0..100_000_u64 {
            black_box(n);
        }
        wit_bindgen::yield_async().await;
    }
}

/// Allocates this number of MiB. Traps if there is not enough memory.
pub(crate) fn take_memory(mib: usize) -> Answer {
    let mut taken = Vec::new();
    for _ in 0..mib {
        taken.push(black_box(vec![1_u8; 1 << 20]));
    }
    text(taken.len().to_string())
}

pub(crate) fn trap() -> ! {
    core::arch::wasm32::unreachable()
}

/// Until the stack is full.
#[expect(unconditional_recursion, reason = "that is its purpose")]
pub(crate) fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    recurse(depth + 1) + black_box(frame)[0]
}

/// A failure that is no trap and no response.
pub(crate) fn give_up() -> spin_sdk::http::Error {
    let reason = Some("the guest gave up".to_owned());
    spin_sdk::wasip3::http::types::ErrorCode::InternalError(reason).into()
}

pub(crate) async fn sleep(ms: u64) -> Answer {
    spin_sdk::time::sleep(Duration::from_millis(ms)).await;
    text("awake")
}

/// Prints a line on each stream, and this number of KiB.
pub(crate) fn print(kib: usize) -> Answer {
    println!("an ordinary line");
    eprintln!("a line with \u{1b}[31mcolour\u{1b}[0m\rand a return");
    for _ in 0..kib {
        println!("{}", "x".repeat(1023));
    }
    text("printed")
}

/// Holds `count` header fields with values of `kib` KiB each, in host memory.
pub(crate) fn hold_fields(count: usize, kib: usize) -> Answer {
    let value = vec![b'x'; kib << 10];
    let mut held = Vec::new();
    for _ in 0..count {
        let entries = [("x-field".to_owned(), value.clone())];
        match spin_sdk::wasip3::http::types::Fields::from_list(&entries) {
            Ok(fields) => held.push(fields),
            Err(error) => return super::status(413, format!("{error:?}")),
        }
    }
    text(held.len().to_string())
}

/// Holds `count` pending requests, each with a field of `kib` KiB, in host memory without a handle.
/// The guest itself keeps none of the fields.
pub(crate) async fn hold_requests(count: usize, kib: usize, url: &str) -> Answer {
    let value = "x".repeat(kib << 10);
    let one = || async {
        let request = http::Request::get(url).header("x-field", value.as_str());
        spin_sdk::http::send(request.body(spin_sdk::http::EmptyBody::new()).unwrap()).await
    };
    let answers = futures::future::join_all((0..count).map(|_| one())).await;
    text(answers.iter().filter(|answer| answer.is_ok()).count().to_string())
}

/// Holds `count` streams of the component model, which are in tables of the host.
pub(crate) fn hold_streams(count: usize) -> Answer {
    let held: Vec<_> = (0..count).map(|_| spin_sdk::wasip3::wit_stream::new::<u8>()).collect();
    text(held.len().to_string())
}
