//! What customers have ordered, shaped for reading: a projection of the events of orders.
//!
//! Orders keeps each order as the story of its saga, under its id. Questions like "mine of last
//! spring with a lamp in them" or "what was sold each day" want another shape, and would load
//! the store that checkout depends on. So this function listens to the events and keeps its
//! own copy, in its own store. Everything here can be thrown away and made again from the log.
//!
//! The projection is a function of the last event of each order, which carries the whole state.
//! Two things follow. What a crash leaves half done is mended by doing it once more, because an
//! event is acknowledged after the last write and every write may be repeated. And a rebuild
//! gives the same bytes, in whatever order live events and the log were mixed.

pub mod domain;
pub mod ports;
mod projection;
pub mod routes;
pub mod service;

#[cfg(target_family = "wasm")]
mod component;
#[cfg(test)]
mod testing;
