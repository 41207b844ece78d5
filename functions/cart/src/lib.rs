//! The cart: the products that a user or a guest intends to order.
//!
//! Stores SKUs and quantities, one value for each cart. Names and prices belong to the catalog and
//! are read whenever a cart is shown. At sign-in, the cart of a guest is merged into the user's.

pub mod domain;
pub mod ports;
pub mod routes;
pub mod service;

#[cfg(target_family = "wasm")]
mod component;
#[cfg(test)]
mod testing;
