//! The invariants of the whole business, evaluated over books that are plain values, without I/O and
//! without a clock. Tests can plant any violation and check that it is found.

mod books;
mod entry;
mod log;
mod partition;
mod rules;
mod run;
mod view;

#[cfg(test)]
pub(crate) mod tests;

pub use books::{
    Account, Books, Channel, Claim, Line, Message, MessageStatus, Money, Order, OrderStatus,
    Payment, PaymentStatus, Posting, Projected, Sales, Shipment, ShipmentStatus, Shipping, Side,
    Sku, Standing, Stated, StatementLine,
};
pub use entry::{Entry, sales_of};
pub use log::{
    DeadLetter, Event, Fault, LoggedEvent, ORDERS_SOURCE, OrderState, Reason, SHIPPING_SOURCE,
    Stream, Streams, Subscription,
};
pub use partition::{BUCKETS, Partition};
pub use run::{Audit, Batch, Book, Run, Stage};
pub use view::{IN_FLIGHT_MS_DEFAULT, IN_FLIGHT_MS_MAX, Question};

use rules::Report;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use view::View;

/// The maximum number of violations in a report.
pub const VIOLATIONS_MAX: usize = 1_000;

/// A violation of an invariant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Violation {
    /// The violated rule; a stable name.
    #[cfg_attr(test, schemars(regex(pattern = "^[a-z]+(-[a-z]+)*$")))]
    pub rule: Cow<'static, str>,
    /// A description, for operators.
    pub detail: String,
    /// The ids of the orders, payments, reservations and so on that it is about.
    pub ids: Vec<String>,
}

/// All violations in these books, rule by rule.
pub fn violations(books: &Books, question: &Question) -> Vec<Violation> {
    Report::of(&View::of(books, question))
}
