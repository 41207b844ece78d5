//! A payment provider of the outside world, for development.
//!
//! It is deliberately foreign: its own words, its own error shape, its own idea of states,
//! so that the code that talks to it is the code that a real provider needs. Test cards
//! make it decline, dawdle, vanish, or lose an answer. It keeps its books in its own store
//! and reports changes through signed webhooks.

pub mod charge;
pub mod routes;
pub mod sandbox;
pub mod signature;

#[cfg(target_family = "wasm")]
mod component;
