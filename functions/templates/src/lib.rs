//! The texts of messages: variables, languages with fallback, and versions that never change.
//!
//! A caller requests a rendering and gets the number of the version that was used; another request
//! with that number has the same result forever. Administrators publish versions over HTTP; the
//! templates of the shop's own messages are built in.

mod builtin;
pub mod domain;
pub mod routes;
pub mod service;

#[cfg(target_family = "wasm")]
mod component;
