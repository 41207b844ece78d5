//! A payment provider of the outside world, for development.
//!
//! It is deliberately foreign: its own words, its own error shape, its own idea of states, so that
//! the code that talks to it is the code that a real provider needs. Test cards make it decline,
//! respond slowly or not at all, or do only a part of what was requested. It keeps its books in its
//! own store, reports changes through signed webhooks, and lists every movement of money in a
//! statement.

pub mod card;
pub mod charge;
pub mod routes;
pub mod sandbox;
pub mod signature;
pub mod statement;

#[cfg(target_family = "wasm")]
mod component;
