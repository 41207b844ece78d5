//! What else a customer may like: learned from the events of orders.
//!
//! Two questions are answered: what is bought together with a product, and what a customer may
//! want next. Both come from counts that are kept up with every confirmed order, and both show
//! products from a local copy of the catalogue: asking the catalogue on every page view would
//! make it a part of the shop that nobody can do without, for something that all can do without.
//!
//! A count must not go up twice when an event comes twice. One order touches many values, and
//! there are no transactions across keys, so each value remembers the last events that it counted,
//! and the order gets a mark of its own once all values have it. The first covers the time until
//! the event is acknowledged, the second everything after.

pub mod domain;
mod records;
pub mod routes;
pub mod service;

#[cfg(target_family = "wasm")]
mod component;
#[cfg(test)]
mod testing;
