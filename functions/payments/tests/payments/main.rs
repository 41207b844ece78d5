//! Payments against providers: the sandbox, connected by its HTTP API and its webhooks in virtual
//! time, and a simple one for all interleavings of calls.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod anticorruption;
mod any_order;
mod interleavings;
mod ledger;
mod operations;
mod webhooks;
mod wire;
