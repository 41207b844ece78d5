//! Shipping over a store: single requests, and many commands in any order.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod commands;
mod parcels;
