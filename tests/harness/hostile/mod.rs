//! Hostile clients of any host, below the level of requests. Each file is one kind.
//!
//! A client continues until the host stops it, and returns what the host did. The host may be
//! killed at any time, so a failed connection is a result and not a failure of the test. Only a
//! host that does nothing for a long time fails the test.

pub mod bodies;
pub mod bodiless;
pub mod fields;
pub mod idle;
pub mod methods;
pub mod prefaces;
pub mod unread;
