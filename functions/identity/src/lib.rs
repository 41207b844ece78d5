//! Who somebody is and what they may do: accounts, sign-in, tokens and the keys that they
//! are signed with.

pub mod domain;
pub mod ports;
pub mod routes;
pub mod service;

#[cfg(target_family = "wasm")]
mod component;
