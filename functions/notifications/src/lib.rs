//! Telling people what happened: accepted once, delivered at least once to the provider, who
//! sends it once.
//!
//! Most messages come from events: an order that moves on, somebody who registers. Others are
//! asked for, by administrators over HTTP and by functions through the contract.
//!
//! A notification is accepted when it is stored, with the template's version pinned; delivery
//! is tried at once and, as long as it has not succeeded, at every later touch: the reader
//! looks at the list, somebody asks again, or `POST /sweep` goes through what is due. Every
//! attempt carries the notification's id as `Idempotency-Key`, so a lost answer costs an
//! attempt and never a second mail. What can't be sent ends in a queue of failed messages,
//! from where an operator may send it after all.

pub mod announcement;
pub mod domain;
pub mod ports;
pub mod provider;
pub mod queue;
pub mod routes;
pub mod service;

#[cfg(target_family = "wasm")]
mod component;
