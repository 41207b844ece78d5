//! The event broker as a function, for hosts that have no event log.
//!
//! It has the guarantees of the contract on a key-value store that has no transactions, no listing
//! and no timer:
//!
//! - [`log`] stores events in a ring of segments, each of which is one value. An event is in it once.
//! - [`domain::progress`] is one value for each subscription: its position in the log, the keys with
//!   undelivered events, the dead letters, and the lease of the worker that delivers. Each step is
//!   one compare-and-swap, so a crash loses at most the outcome of a delivery, which is then
//!   repeated.
//! - [`service`] delivers due events. It has no timer: it works after each call of the contract and
//!   on `POST /sweep`, which a cron job has to call every few seconds. Otherwise, failed deliveries
//!   are only retried after the next event.

pub mod domain;
pub mod error;
mod http_subscriber;
pub mod log;
pub mod ports;
pub mod routes;
pub mod service;

pub use http_subscriber::HttpSubscriber;

#[cfg(target_family = "wasm")]
mod component;

#[cfg(test)]
mod tests;
