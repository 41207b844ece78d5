//! Tests of the limits, with paused time where time matters and with threads where concurrency does.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod breaker;
mod bulkhead;
mod deadline;
mod gcra;
mod overload;
mod rate_limit;
mod streams;
