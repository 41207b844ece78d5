//! The catalogue: what the shop sells and for how much.
//!
//! Owns products, categories and search. How many pieces there are is inventory's
//! business; the catalogue asks, and goes on without an answer when it gets none.

pub mod domain;
pub mod ports;
pub mod records;
pub mod routes;
pub mod search;
pub mod service;
pub mod text;

#[cfg(target_family = "wasm")]
mod component;
