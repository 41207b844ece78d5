//! The rules of shipping, without a store or a clock: how an order is split into parcels, which van
//! carries each of them, and the steps that they can take.

mod consignment;
mod fleet;
mod location;
mod packing;
mod parcel;
mod simulation;
mod van;

pub use consignment::{Consignment, EVENT_TYPE, SOURCE};
pub use fleet::{Capacity, Courier, CourierSearch, FLEET};
pub use location::{Address, Location};
pub use packing::{Pack, Warehouse, pack};
pub use parcel::{ATTEMPTS_MAX, Change, Line, Parcel, Status};
pub use simulation::Simulation;
pub use van::{CLAIM_MS, VAN_PARCELS, VAN_PARCELS_MAX, Van, VanId};

/// The maximum number of distinct products of one order.
pub const LINES_MAX: usize = 100;
/// The maximum quantity of one product.
pub const QUANTITY_MAX: u32 = 1_000;
/// The maximum length of a part of an address, in characters.
pub const ADDRESS_CHARS_MAX: usize = 200;

/// Why a request failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A parcel is in transit or delivered; it can't be canceled.
    TooLate,
    /// The order's shipping was canceled before.
    Cancelled,
    /// The request is invalid, and why.
    Invalid(String),
    /// There is no such parcel.
    NotFound,
    /// The parcel can't change from the first status to the second.
    WrongStatus(Status, Status),
    /// The store does not respond, or all vans are full. Safe to repeat.
    Unavailable(String),
}
