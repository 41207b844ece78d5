//! Payments: holding money, taking it, giving it back, and keeping the books about it.
//!
//! A provider of the outside world does the moving; everything that is peculiar to it stays in
//! [`provider`]. Whether something happened there is sometimes unknown; then it is asked again
//! under the same key until it is known, and never guessed. What the provider reports is booked as
//! reported, and compared with the request and with its statement.

pub mod audit;
pub mod domain;
pub mod ledger;
pub mod ports;
pub mod provider;
pub mod records;
pub mod routes;
pub mod service;

#[cfg(target_family = "wasm")]
mod component;
