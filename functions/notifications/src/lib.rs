//! Telling people what happened: accepted once, delivered at least once to the provider, who
//! sends it once.
//!
//! A notification is accepted when it is stored, with the template's version pinned; delivery
//! is tried at once and, as long as it has not succeeded, at every later touch: the reader
//! looks at the list, somebody asks again, or `POST /sweep` goes through what is due. Every
//! attempt carries the notification's id as `Idempotency-Key`, so a lost answer costs an
//! attempt and never a second mail.

pub mod domain;
pub mod ports;
pub mod provider;
mod queue;
mod routes;
pub mod service;

#[cfg(target_family = "wasm")]
mod component;

pub use routes::{App, router};
