//! The invariants of the whole business, evaluated over books that are plain values, without I/O and
//! without a clock. Tests can plant any violation and check that it is found.

mod books;
mod draft;
mod log;
mod partition;
mod rules;
mod view;

#[cfg(test)]
pub(crate) mod tests;

pub use books::{
    Account, Books, Channel, Claim, Line, Message, MessageStatus, Money, Order, OrderStatus,
    Payment, PaymentStatus, Posting, Projected, Sales, Shipment, ShipmentStatus, Shipping, Side,
    Sku, Standing, Stated, StatementLine,
};
pub use draft::Draft;
pub use log::{
    DeadLetter, Event, Fault, LoggedEvent, ORDERS_SOURCE, OrderState, Reason, SHIPPING_SOURCE,
    Stream, Streams, Subscription,
};
pub use partition::Partition;
pub use view::{IN_FLIGHT_MS_DEFAULT, IN_FLIGHT_MS_MAX, Question};

use rules::Report;
use serde::Serialize;
use view::View;

/// The maximum number of violations in a report. A last one has the number of further ones.
pub const VIOLATIONS_MAX: usize = 1_000;

/// A violation of an invariant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Violation {
    /// The violated rule; a stable name.
    #[cfg_attr(test, schemars(regex(pattern = "^[a-z]+(-[a-z]+)*$")))]
    pub rule: &'static str,
    /// A description, for operators.
    pub detail: String,
    /// The ids of the orders, payments, reservations and so on that it is about.
    pub ids: Vec<String>,
}

/// All violations in these books, rule by rule.
pub fn check(books: &Books, question: &Question) -> Vec<Violation> {
    let mut found = Report::of(&View::of(books, question));
    if found.len() > VIOLATIONS_MAX {
        let more = found.len() - VIOLATIONS_MAX;
        found.truncate(VIOLATIONS_MAX);
        let (detail, ids) = (format!("{more} more violations"), Vec::new());
        found.push(Violation { rule: "truncated", detail, ids });
    }
    found
}
