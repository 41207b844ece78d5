//! Messages to customers: accepted once, and delivered at least once to the provider, who sends
//! them once.
//!
//! Most messages follow from events, like a registration or a new status of an order. Others are
//! requested by administrators over HTTP, and by functions through the contract.
//!
//! A notification is accepted when it is stored, with the template's version pinned. Delivery is
//! attempted immediately, and if that fails, whenever the user reads their list, and in each
//! `POST /sweep`. Every attempt has the notification's id as `Idempotency-Key`, so a lost response
//! costs an attempt but never a second mail. Messages that can't be sent end in a queue of failed
//! messages, from where an operator can replay them.

pub mod domain;
pub mod ports;
pub mod provider;
pub mod queue;
pub mod routes;
pub mod service;

#[cfg(target_family = "wasm")]
mod component;
