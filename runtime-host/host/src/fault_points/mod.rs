//! Points at which a test build can kill itself: before and after each durable operation.
//!
//! A test that kills a process at a random time rarely hits the few relevant points. So they have
//! names, for example `store/orders/swap/order:*/before`. A run is recorded, and then repeated: the
//! process kills itself at the first point, the second one, and so on. Only durable operations have
//! points, because everything else is lost in the same way at any time.
//!
//! Without the feature `fault-points`, none of this is compiled, and [`around`] returns its
//! argument.

/// Passes calls of a trait on to an inner value.
#[cfg(feature = "fault-points")]
macro_rules! forward {
    ($inner:tt: $(fn $name:ident($($argument:ident: $type:ty),*) -> $output:ty;)*) => {
        $(fn $name(&self, $($argument: $type),*) -> $output {
            self.$inner.$name($($argument),*)
        })*
    };
}

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
