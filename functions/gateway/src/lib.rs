//! The one way in: what may pass, to whom, as whom, and how much of it.

pub mod domain;
pub mod openapi;
pub mod ports;
pub mod problems;
pub mod service;

#[cfg(test)]
mod api;

#[cfg(target_family = "wasm")]
mod component;
