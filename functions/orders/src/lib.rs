//! Orders: what customers have ordered, and the checkout that fulfills it.

pub mod domain;
pub mod ports;
pub mod records;
pub mod routes;
pub mod service;

#[cfg(target_family = "wasm")]
mod component;
