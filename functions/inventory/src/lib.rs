//! Inventory: how many pieces there are of each product, and who has a claim on them.
//!
//! Promise: no piece is sold twice, whatever runs at once and whenever a process dies. Each
//! SKU is one aggregate ([`domain::Stock`]) and each reservation another
//! ([`domain::Record`]); the store can change only one of them at a time. The record decides:
//! a reservation is sold when its record says so, and a hold on a SKU is given up only after
//! its record was closed. So every half-finished step has one meaning, and whoever touches
//! the SKU next finishes it.

pub mod domain;
pub mod routes;
pub mod service;

#[cfg(target_family = "wasm")]
mod component;
