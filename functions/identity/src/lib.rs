//! Accounts, sign-in, tokens, and the keys that tokens are signed with.

pub mod domain;
pub mod ports;
mod records;
pub mod routes;
pub mod service;

#[cfg(target_family = "wasm")]
mod component;
