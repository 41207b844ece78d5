//! A mail provider for development: it accepts the messages of notifications and shows them, instead
//! of sending them.
//!
//! It behaves like an outside provider: it is called over HTTP, knows no users, and accepts a
//! message once for each `Idempotency-Key`. It stores the last few hundred messages, and anyone can
//! read them, so it must not be deployed where real mails are sent; there the variable
//! `mail_provider_url` of notifications names a real provider.

pub mod inbox;
mod pages;
mod routes;

#[cfg(target_family = "wasm")]
mod component;

pub use routes::{App, router};
