//! The API gateway: routing, authentication, quotas, limits and the description of the API.

pub mod domain;
pub mod openapi;
pub mod ports;
pub mod problems;
pub mod service;

#[cfg(test)]
mod api;

#[cfg(target_family = "wasm")]
mod component;
