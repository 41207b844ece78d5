//! Inventory: how many pieces there are of each product, and which reservations have a claim on
//! them.
//!
//! No piece is sold twice, in spite of concurrent calls and crashes. Each SKU is an aggregate
//! ([`domain::Stock`]) and so is each reservation ([`domain::Record`]); the store can change only
//! one of them at a time. The record decides: a reservation is sold when its record says so, and a
//! hold on a SKU is released only after its record was closed. So each unfinished step has one
//! meaning, and the next call that uses the SKU finishes it.

pub mod domain;
mod records;
pub mod routes;
pub mod service;

#[cfg(target_family = "wasm")]
mod component;
