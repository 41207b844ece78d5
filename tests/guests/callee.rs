//! The callee of a live link: answers every kind of value and fails in every way.
#![cfg(target_family = "wasm")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, unused_qualifications)]

mod bindings {
    #![allow(clippy::all, unreachable_pub, unsafe_code)]

    wit_bindgen::generate!({
        world: "callee",
        path: "links.wit",
    });

    export!(Component with_types_in self);

    use super::Component;
}

use bindings::exports::tessera_test::links::{fragile, values};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use values::{Error, Everything};

struct Component;

fn trap() -> ! {
    core::arch::wasm32::unreachable()
}

impl values::Guest for Component {
    async fn echo(value: Everything) -> Result<Everything, Error> {
        Ok(value)
    }

    fn echo_sync(value: Everything) -> Result<Everything, Error> {
        Ok(value)
    }

    async fn describe(value: Everything) -> String {
        format!("{value:?}")
    }

    async fn echo_text(text: String) -> Result<String, Error> {
        Ok(text)
    }

    async fn echo_numbers(numbers: Vec<u32>) -> Result<Vec<u32>, Error> {
        Ok(numbers)
    }

    async fn refuse(reason: String) -> Result<(), Error> {
        Err(Error::Rejected(reason))
    }

    async fn trap() -> Result<(), Error> {
        trap()
    }

    fn trap_sync() -> Result<(), Error> {
        trap()
    }

    async fn sleep(ms: u64) -> Result<(), Error> {
        spin_sdk::time::sleep(Duration::from_millis(ms)).await;
        Ok(())
    }

    async fn compute() -> Result<(), Error> {
        let mut n = 0_u64;
        loop {
            n = black_box(n.wrapping_add(1));
        }
    }

    async fn count() -> Result<u64, Error> {
        static CALLS: AtomicU64 = AtomicU64::new(0);
        Ok(CALLS.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

impl fragile::Guest for Component {
    async fn trap() -> Result<(), fragile::Error> {
        trap()
    }
}
