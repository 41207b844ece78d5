//! The event broker as a function, for hosts that have no event log of their own.
//!
//! It keeps the promises of the contract on a key-value store that has no transactions, no
//! listing and no timer:
//!
//! - [`log`] keeps events in a ring of segments, each one value. An event is in it once.
//! - [`progress`] is one value for each subscription: how far it has read, the keys with events
//!   that are not done, the dead letters, and who delivers at present. Each step is one
//!   compare-and-swap, so a crash loses at most the knowledge of an outcome, and the delivery is
//!   made again.
//! - [`broker`] delivers what is due. Nobody wakes it up: it works after every call of the
//!   contract and on `POST /sweep`, which somebody outside should call every few seconds, or
//!   what failed waits for the next event.

pub mod broker;
pub mod error;
mod http_subscriber;
pub mod log;
pub mod operator;
pub mod ports;
pub mod progress;
pub mod routes;
pub mod segment;
pub mod settings;
pub mod tidy;

pub use http_subscriber::HttpSubscriber;

#[cfg(target_family = "wasm")]
mod component;

#[cfg(test)]
mod tests;
