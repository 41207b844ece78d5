//! The key-value port of the host, and its engines.
//!
//! A component opens a store by its label, and does not know its engine. The trait [`KeyValue`]
//! documents the guarantees of all engines, and one test suite, `contract`, checks them:
//! compare-and-swap that also works on absent keys, atomic batches, exact counters, and an answer
//! only after the write is durable.
//!
//! - [`embedded`]: SQLite files in a directory, for one process.
//! - [`memory`]: no files, for stores that are declared without a path and for tests.
//! - [`redis`]: a database of a Redis server, which several hosts may share.
//!
//! This crate knows neither WebAssembly nor HTTP, so that engines can be tested, measured and
//! replaced without the host.

#[cfg(feature = "contract-tests")]
pub mod contract;
mod counter;
pub mod embedded;
mod error;
mod key_value;
mod limits;
pub mod memory;
pub mod redis;
mod versions;

pub use error::{Error, ErrorKind, Result};
pub use key_value::{Health, KeyPage, KeyValue, Stores, SwapError, Value, Version, Versioned};
pub use limits::Limits;
