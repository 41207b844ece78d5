//! The texts of messages: variables, languages with fallback, and versions that never change.
//!
//! Whoever sends messages asks for a rendering and gets the number of the version that was
//! used; asking again with that number gives the same text for as long as the shop lives.
//! Administrators publish versions over REST; five templates come with the program.

mod builtin;
pub mod domain;
pub mod markup;
pub mod routes;
pub mod service;

#[cfg(target_family = "wasm")]
mod component;
