//! The invariants of the whole business, evaluated over books that are plain values: no I/O,
//! no clock. So a test can plant any violation and see it caught.

mod books;
mod draft;
mod log;
mod partition;
mod rules;
mod view;

#[cfg(test)]
pub(crate) mod tests;

pub use books::{
    Account, Books, Claim, Line, Message, MessageStatus, Money, Order, OrderStatus, Payment,
    Posting, Projected, Sales, Shipment, Shipping, Sku, Standing, Stated, StatementLine,
};
pub use draft::Draft;
pub use log::{
    DeadLetter, Event, Fault, LoggedEvent, ORDERS_SOURCE, OrderState, Reason, SHIPPING_SOURCE,
    Stream, Streams, Subscription,
};
pub use partition::Partition;
pub use view::{IN_FLIGHT_MS_DEFAULT, IN_FLIGHT_MS_MAX, Question};

use serde::Serialize;
use view::View;

/// Violations that one check reports; what is beyond is counted in a last one.
pub const VIOLATIONS_MAX: usize = 1_000;

/// A violation of an invariant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Violation {
    /// The rule that is broken; a stable name.
    #[cfg_attr(test, schemars(regex(pattern = "^[a-z]+(-[a-z]+)*$")))]
    pub rule: &'static str,
    /// What was found, for a person.
    pub detail: String,
    /// What it is about: ids of orders, payments, reservations, …
    pub ids: Vec<String>,
}

impl Violation {
    fn new<const N: usize>(
        rule: &'static str,
        detail: impl Into<String>,
        ids: [&str; N],
    ) -> Violation {
        Violation { rule, detail: detail.into(), ids: ids.map(str::to_owned).to_vec() }
    }
}

/// Everything that is wrong with these books, rule by rule.
pub fn check(books: &Books, question: &Question) -> Vec<Violation> {
    let view = View::of(books, question);
    let mut found: Vec<Violation> = rules::RULES.iter().flat_map(|rule| rule(&view)).collect();
    if found.len() > VIOLATIONS_MAX {
        let more = found.len() - VIOLATIONS_MAX;
        found.truncate(VIOLATIONS_MAX);
        found.push(Violation::new("truncated", format!("{more} more violations"), []));
    }
    found
}
