//! What operators see of the business as a whole: whether its books agree, and how its events
//! fare.
//!
//! Each function keeps its own books and its own promises. That they hold *together* (money
//! for every paid order, pieces for every sale, one parcel set, one message) is nobody's own
//! promise, so it is checked here: the books of all are read through their audit contracts,
//! and [`domain`] says what is wrong with them. It only reads; what to do is for a person.

pub mod clock;
pub mod domain;
pub mod ports;
pub mod routes;
pub mod service;

#[cfg(target_family = "wasm")]
mod component;
