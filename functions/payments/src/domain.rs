//! A payment as the fold of its events, and the events that follow from reports of the provider.

mod event;
mod ledger;
mod payment;
mod report;
#[cfg(test)]
mod tests;

pub use event::{Decline, Event, Kind, Recorded};
pub use ledger::{Account, Posting, postings};
pub use payment::{Funds, Payment, Refund, Status, Terms};
pub use report::{Amounts, ChargeStatus, Line, Report, Statement};
