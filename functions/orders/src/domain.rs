//! What an order is, without any input or output.
//!
//! An order is the fold of its events ([`order`]). The checkout is a saga whose state is
//! part of that fold, and whose next move is a pure function of it ([`saga`]). What others
//! hear of it follows from the same events ([`published`]). Time comes in as a value, so that
//! every interleaving of failures can be tested in memory.

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
pub use parcel::{Carriage, Line, Parcel};
pub use placed::{Address, Item, Placed};
