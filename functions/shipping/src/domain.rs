//! What shipping knows, without a store or a clock: how an order is split into parcels, which
//! van carries each of them, and how far they may go.

mod consignment;
mod fleet;
mod packing;
mod parcel;
mod place;
mod simulation;
mod van;

pub use consignment::{Consignment, EVENT_TYPE, Fault, SOURCE};
pub use fleet::{Courier, FLEET, Matching, Room};
pub use packing::{Pack, Warehouse, pack};
pub use parcel::{ATTEMPTS_MAX, Change, Line, Parcel, Status};
pub use place::{Address, Place};
pub use simulation::Simulation;
pub use van::{CLAIM_MS, VAN_PARCELS, VAN_PARCELS_MAX, Van, VanId};

/// Distinct products of one order.
pub const LINES_MAX: usize = 100;
/// Pieces of one product.
pub const QUANTITY_MAX: u32 = 1_000;
/// Longest part of an address, in characters.
pub const ADDRESS_CHARS_MAX: usize = 200;
