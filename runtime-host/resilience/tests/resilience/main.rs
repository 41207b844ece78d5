//! The rules of this crate, in paused time where time matters and on real threads where they do.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod bulkhead;
mod deadline;
mod rate_limit;
mod streams;
