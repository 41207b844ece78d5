//! The view of operators on the whole business: whether its books agree, and how its events are
//! processed.
//!
//! Each function has its own books and its own guarantees. No function can guarantee that they
//! agree *with each other* (money for each paid order, pieces for each sale, one set of parcels,
//! one message), so it is checked here: the books of all functions are read through their audit
//! contracts, and [`domain`] finds the violations. It changes no book; operators decide what to do.

pub mod domain;
pub mod ports;
pub mod routes;
pub mod service;

#[cfg(target_family = "wasm")]
mod component;

contracts::function!("operations");
