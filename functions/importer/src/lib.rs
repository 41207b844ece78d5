//! Imports the shop's products at its first start, through the API of administrators.
//!
//! Writing to the stores of catalog and inventory instead would bypass the rules of those functions.

pub mod client;
pub mod domain;
pub mod routes;
pub mod service;

#[cfg(target_family = "wasm")]
mod component;
