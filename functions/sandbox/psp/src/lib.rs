//! A payment provider for development.
//!
//! It is deliberately foreign: its own terms, its own errors, its own states, so that the code that
//! calls it is the code that a real provider needs. Test cards make it decline, respond slowly or
//! not at all, or do only a part of what was requested. It keeps its books in its own store,
//! reports changes through signed webhooks, and lists every movement of money in a statement.

pub mod card;
pub mod charge;
pub mod ports;
pub mod routes;
pub mod sandbox;
pub mod signature;
pub mod statement;

#[cfg(target_family = "wasm")]
mod component;
