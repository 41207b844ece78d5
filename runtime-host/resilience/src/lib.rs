//! What keeps one slow or greedy part from taking the rest down with it.
//!
//! - [`Deadline`]: until when an answer is of use; travels with a call and only shrinks.
//! - [`Bulkhead`]: how many calls run and how many wait, per callee.
//! - [`Streams`]: a limit for concurrent streamed responses, per callee and per client.
//! - [`rate_limit`]: how many calls per window a caller may make.
//!
//! This crate knows neither WebAssembly nor HTTP nor the manifest: time comes from tokio's clock
//! or as a value, so that every rule is tested without waiting.

pub mod bulkhead;
pub mod deadline;
pub mod rate_limit;
pub mod streams;

pub use bulkhead::Bulkhead;
pub use deadline::Deadline;
pub use rate_limit::RateLimiter;
pub use streams::Streams;
