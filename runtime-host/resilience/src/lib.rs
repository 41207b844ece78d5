//! Limits that keep one slow or greedy part of a system from affecting the others.
//!
//! - [`gcra`]: the decisions of a rate limit, as a pure function.
//! - [`Deadline`]: a point in time after which a call is abandoned; a callee inherits it.
//! - [`Bulkhead`]: a limit for concurrent calls and for those that wait, per callee.
//! - [`Streams`]: a limit for concurrent streamed responses, per callee and per client.
//! - [`RateLimiter`]: a limit for calls per window, per caller.
//! - [`breaker`]: a circuit breaker, as a pure state machine.
//! - [`retry`]: when a failed call is tried again; [`budget`]: which share of the calls may be.
//! - [`cache`]: answers that are kept for a while.
//! - [`codel`]: which waiting calls are given up when a queue does not drain.
//! - [`gradient`]: a limit for concurrent calls that follows their latency.
//! - [`Priority`]: which calls give way when there are too many.
//! - [`Choice`]: a limit that is chosen from a range, anew for each use.
//!
//! Without the feature `tokio`, only what takes the time as an argument exists; components use
//! [`gcra`], too.
//!
//! This crate does not depend on WebAssembly, HTTP or the manifest. The time comes from tokio's
//! clock or is an argument, so that all rules are tested without waiting.

pub mod breaker;
pub mod budget;
#[cfg(feature = "tokio")]
pub mod bulkhead;
pub mod cache;
pub mod choice;
pub mod codel;
#[cfg(feature = "tokio")]
pub mod deadline;
pub mod gcra;
pub mod gradient;
mod priority;
#[cfg(feature = "tokio")]
pub mod rate_limit;
pub mod retry;
#[cfg(feature = "tokio")]
pub mod streams;
mod window;

pub use self::choice::Choice;
pub use self::priority::Priority;
#[cfg(feature = "tokio")]
pub use self::{bulkhead::Bulkhead, deadline::Deadline, rate_limit::RateLimiter, streams::Streams};
