//! Recommendations, learned from the events of orders: what is bought together with a product, and
//! what a customer may want next.
//!
//! Both come from counts that are updated with each confirmed order, and show products from a local
//! copy of the catalog: with a call for each page view, the shop would depend on the catalog for
//! something that it can do without.
//!
//! A duplicate event must not increase a count twice. One order changes many values, and there are
//! no transactions across keys. So each value remembers the last events that it counted, and the
//! order is marked as counted once all values have it. The former covers the time until the event
//! is acknowledged, the latter everything after.

pub mod domain;
mod records;
pub mod routes;
pub mod service;

#[cfg(target_family = "wasm")]
mod component;
#[cfg(test)]
mod testing;
