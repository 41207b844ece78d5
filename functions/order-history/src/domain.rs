//! Orders according to their events, and filters of them.

mod event;
mod figures;
mod filter;
mod order;
mod position;

pub use event::{Change, Malformed, ORDERS, USERS, read};
pub use figures::{Figures, day_of};
pub use filter::{Filter, QUERY_CHARS_MAX, STATUSES};
pub use order::{Entry, Item, Order, Parcel, Rejection, SortKey, UserName};
pub use position::Position;
