//! Fills the shop at its first start, through the same API that an admin uses.
//!
//! The alternative, writing into the stores of catalogue and inventory, would go around
//! every rule that those functions keep, and would need keys that belong to others.

pub mod client;
pub mod domain;
pub mod ports;
pub mod routes;
pub mod service;

#[cfg(target_family = "wasm")]
mod component;
