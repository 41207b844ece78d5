//! An older shop in one component: users, orders and messages, with one store and one API.
//!
//! It stands for the application that most teams begin with. Its amounts are texts, its times have
//! no zone, its errors are its own, and its parts share their data. Its API is sane, so that clients
//! have no reason to leave it; `functions/facade` replaces what is behind it, part by part.
//!
//! The one preparation for that: once it is told to publish ([`service::Legacy::publish_past`]), each
//! change of an order and each message that was sent is an event, from an outbox. From then on, it
//! does not send messages about its own orders by itself. The receiver of the events decides which system does.

pub mod domain;
pub mod mail;
pub mod ports;
pub mod routes;
pub mod service;

#[cfg(target_family = "wasm")]
mod component;
