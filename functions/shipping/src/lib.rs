//! Shipping: parcels, the couriers that carry them, and how far they are.
//!
//! Owns one consignment for each order, and what every van carries. Others learn of changes by
//! events; they may also ask.

mod dispatch;
pub mod domain;
pub mod routes;
pub mod service;

#[cfg(target_family = "wasm")]
mod component;
