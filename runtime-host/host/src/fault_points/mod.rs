//! Points at which a build for tests can kill itself: each boundary of durable work, before it
//! and after it.
//!
//! A test that kills a process at a random instant rarely meets the few instants that matter. So
//! they have names: `store/orders/swap/order:*/before`. A run is recorded, and then repeated with
//! the process killing itself at the first of them, the second, and so on. Only what is durable
//! counts as a boundary, because everything else is lost alike wherever the process dies.
//!
//! Without the feature `fault-points` none of this is compiled, and [`around`] is what it is given.

#[cfg(feature = "fault-points")]
mod active;
#[cfg(feature = "fault-points")]
mod allocations;
#[cfg(feature = "fault-points")]
mod delivery;
#[cfg(feature = "fault-points")]
mod log;
#[cfg(feature = "fault-points")]
mod random;
#[cfg(feature = "fault-points")]
mod store;

#[cfg(feature = "fault-points")]
pub(crate) use active::{around, report, set};
#[cfg(feature = "fault-points")]
pub(crate) use {
    allocations::Counting, delivery::DuplicateDeliveries, log::FaultyLog, log::FaultyQueue,
    store::FaultyStore,
};

/// Some work between two points.
#[cfg(not(feature = "fault-points"))]
#[inline(always)]
pub(crate) fn around<F: Future>(_: impl FnOnce() -> String, work: F) -> F {
    work
}
