//! A payment as the fold of its events, and the events that follow from reports of the provider.

mod event;
mod news;
mod payment;
#[cfg(test)]
mod tests;

pub use event::{Decline, Event, Kind, Recorded};
pub use news::{Amounts, Line, News, Standing, Statement};
pub use payment::{Funds, Payment, Refund, Status, Terms};
