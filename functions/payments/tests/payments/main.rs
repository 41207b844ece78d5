//! Payments against providers: the sandbox, and one that takes its steps one at a time.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod anticorruption;
mod interleavings;
mod with_sandbox;
