//! The cart: what a customer means to buy and has not ordered yet.
//!
//! Owns SKUs and quantities, one value for each user and one for each guest; a guest's goes
//! into the user's at sign-in. Names and prices are the
//! catalogue's and are asked for whenever a cart is shown.

pub mod domain;
pub mod ports;
pub mod routes;
pub mod service;

#[cfg(target_family = "wasm")]
mod component;
