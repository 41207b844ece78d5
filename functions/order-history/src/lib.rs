//! The order history: a read model, which is a projection of the events of orders.
//!
//! `orders` stores each order as the events of its saga, under its id. Queries such as "my orders of
//! last spring with a lamp" or "sales per day" need other structures, and would load the store that
//! checkout depends on. So this function processes the events and has its own copy in its own store.
//! It can be deleted and rebuilt from the event log at any time.
//!
//! The projection is a function of the last event of each order, which contains the whole state.
//! Therefore, an event that a crash has applied in part is completed when it is delivered again: it
//! is acknowledged after its last write, and all writes can be repeated. And a rebuild results in the
//! same bytes, however live events and the log are interleaved.

pub mod domain;
pub mod ports;
mod records;
pub mod routes;
pub mod service;

#[cfg(target_family = "wasm")]
mod component;
#[cfg(test)]
mod testing;
