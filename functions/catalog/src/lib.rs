//! The catalog: products, categories and search. Stock belongs to inventory; without its response,
//! products are shown without stock.

pub mod domain;
pub mod ports;
pub mod records;
pub mod routes;
pub mod search;
pub mod service;
pub mod text;

#[cfg(target_family = "wasm")]
mod component;
