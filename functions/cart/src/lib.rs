//! The cart: what a customer means to buy and has not ordered yet.
//!
//! Owns SKUs and quantities, one value for each user. Names and prices are the
//! catalogue's and are asked for whenever a cart is shown.

pub mod domain;
pub mod ports;
pub mod routes;
pub mod service;
pub mod view;

#[cfg(target_family = "wasm")]
mod component;
