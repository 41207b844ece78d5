//! A payment as the fold of its events, and what the provider's word about it adds to them.

mod event;
mod news;
mod payment;
#[cfg(test)]
mod tests;

pub use event::{Decline, Event, Kind, Recorded};
pub use news::{Amounts, Line, News, Standing, Statement};
pub use payment::{Funds, Payment, Refund, Status, Terms};
