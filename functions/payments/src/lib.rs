//! Payments: holding, capturing and refunding money, and the books about it.
//!
//! An external provider moves the money; everything that is specific to it stays in [`provider`]. If
//! the outcome of a request is unknown, the provider is asked again with the same key until it is
//! known. Its reports are booked unchanged, and compared with the request and with its statement.

pub mod domain;
pub mod ports;
pub mod provider;
pub mod records;
pub mod routes;
pub mod service;
mod view;

#[cfg(target_family = "wasm")]
mod component;
