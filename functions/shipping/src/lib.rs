//! Shipping: parcels, the couriers that carry them, and how far they are.

pub mod domain;
pub mod fleet;
pub mod routes;
pub mod service;

#[cfg(target_family = "wasm")]
mod component;
