//! The orders component over a simulated shop: with participants that fail, and processes that stop
//! anywhere.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod checkout;
mod departure;
mod events;
mod forgetting;
mod model;
mod races;
mod returns;
mod routes;
mod saga;
mod upkeep;
mod world;
