//! The rate limiter as a component, for hosts without one.
//!
//! [`tessera_resilience::gcra`] decides, as in the host. [`limiter`] keeps the state in the store, by
//! compare-and-swap: instances come and go, and two of them may get a request for the same key at
//! the same time.

pub mod limiter;

#[cfg(target_family = "wasm")]
mod component;
