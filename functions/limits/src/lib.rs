//! The rate limiter as a function, for hosts that have none of their own.
//!
//! [`gcra`] decides, [`limiter`] keeps what it must remember in the store, by compare-and-swap:
//! instances come and go, and two of them may be asked about the same key at once.

pub mod gcra;
pub mod limiter;

#[cfg(target_family = "wasm")]
mod component;
