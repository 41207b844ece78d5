//! A strangler facade: the API of the older shop, answered by it or by the functions that replace
//! it.
//!
//! Requests are sorted into families, and each family has a mode: the older shop answers, or it
//! answers and the answer of the new function is compared, or a percentage of the customers gets the
//! new function, or all do. A mode is a value in the store, so it changes without a deployment, and
//! back in the same way.
//!
//! A request that changes something is never sent to both sides. A *claim* records which side got it
//! first, and a repetition goes to that side whatever the mode is by then. What a side has done
//! reaches the other one as an event ([`service::Facade::handle`]), so that both can answer all reads
//! at any time.
//!
//! `domain` is an anti-corruption layer: the only place that knows the words of both sides.

pub mod domain;
pub mod ports;
pub mod routes;
pub mod service;
pub mod sides;

#[cfg(target_family = "wasm")]
mod component;
