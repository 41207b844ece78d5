//! The rules of orders, without input and output.
//!
//! An order is the fold of its events ([`order`]). The checkout is a saga whose state is part of
//! that fold, and whose next step is a pure function of it ([`saga`]). The published events are
//! derived from the same events ([`published`]). Time is an argument, so that all interleavings of
//! failures can be tested in memory.

pub mod country;
pub mod departure;
pub mod event;
pub mod fold;
pub mod order;
pub mod parcel;
pub mod placed;
pub mod published;
pub mod returns;
pub mod saga;

pub use event::{Event, Recorded, Step, Undo};
pub use order::{Order, Status};
pub use parcel::{Line, Parcel, ShipmentStatus};
pub use placed::{Address, Item, Placed};
