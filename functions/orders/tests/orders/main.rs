//! The orders component in a simulation: participants fail, and processes stop anywhere.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod admin;
mod cancel;
mod checkout;
mod departure;
mod erasure;
mod events;
mod model;
mod parking;
mod returns;
mod routes;
mod simulation;
mod stream;
mod sweep;
