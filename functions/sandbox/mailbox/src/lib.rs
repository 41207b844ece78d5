//! A mail provider for development: it takes what notifications sends and shows it to a
//! person, instead of sending it to one.
//!
//! It behaves like a provider of the outside world: it is reached over HTTP, knows nothing of
//! users, and takes a message once for each `Idempotency-Key`. It keeps the last few hundred
//! messages and lets anybody read them, so it must not be deployed where real people's mails
//! go; there the variable `mail_provider_url` of notifications names a real provider.

pub mod inbox;
mod pages;
mod routes;

#[cfg(target_family = "wasm")]
mod component;

pub use routes::{Desk, router};
