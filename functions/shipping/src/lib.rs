//! Shipping: parcels, their couriers and their progress.
//!
//! Owns one consignment for each order, and the load of each van. Other functions receive events of
//! changes, and can query shipments.

pub mod domain;
mod records;
pub mod routes;
pub mod service;

#[cfg(target_family = "wasm")]
mod component;
