//! The log in a file and its delivery, seen from outside.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod backlog;
mod changes;
mod contract;
mod crash;
mod dead_letters;
mod failures;
mod harness;
mod lifecycle;
mod model;
mod publishing;
mod replay;
mod retention;
mod settling;
mod tail;
