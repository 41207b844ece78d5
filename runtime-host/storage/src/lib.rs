//! The key-value port of the host, and its engines.
//!
//! A function sees a store by its label and knows nothing of the engine behind it. What every
//! engine promises is written down once, at the trait [`KeyValue`], and held by one suite of
//! tests, `contract`: compare-and-swap that is right on absent keys, atomic batches, exact
//! counters, and an answer only after the write is durable.
//!
//! - [`embedded`]: SQLite files in a folder, for one process.
//! - [`memory`]: nothing on disk, for stores declared without a path and for tests.
//!
//! This crate knows neither WebAssembly nor HTTP, so that an engine can be tested, measured and
//! replaced without the host.

#[cfg(feature = "contract-tests")]
pub mod contract;
mod counter;
pub mod embedded;
mod error;
mod key_value;
mod limits;
pub mod memory;
mod versions;

pub use error::{Error, ErrorKind, Result};
pub use key_value::{Health, KeyPage, KeyValue, Stores, SwapError, Value, Version, Versioned};
pub use limits::Limits;
