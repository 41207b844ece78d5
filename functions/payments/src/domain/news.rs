//! What the provider says, in our words.

use chassis::money::Money;

use super::event::{Decline, Kind};

/// How far a charge has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Not decided yet.
    Pending,
    /// The provider holds the money.
    Held,
    /// It has taken money for us.
    Taken,
    /// Nothing is held any more, and of what was taken nothing is left.
    Ended,
    /// Refused, at first or later.
    Declined(Decline),
    /// A state that this version does not know, in the provider's own words.
    Unknown(String),
}

/// The sums of a charge, in minor units. All but the first only ever grow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amounts {
    /// ISO 4217.
    pub currency: String,
    /// What is or was held.
    pub held: i64,
    /// Taken so far.
    pub captured: i64,
    /// Given back so far.
    pub refunded: i64,
    /// Taken back by the customer's bank so far.
    pub charged_back: i64,
}

/// What the provider says about one payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// The payment that it is about, by our own id.
    pub payment_id: String,
    /// The provider's own name for the charge.
    pub reference: String,
    /// How far the charge has come.
    pub standing: Standing,
    /// Its sums.
    pub amounts: Amounts,
}

/// A line of the provider's statement: one movement of money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its number.
    pub number: u64,
    /// The payment that it is about, by our own id.
    pub payment_id: String,
    /// Why the money moved.
    pub kind: Kind,
    /// Negative if we lost money.
    pub amount: Money,
    /// Milliseconds since the epoch, by the provider's clock.
    pub at_ms: u64,
}

/// A part of the provider's statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// In their order.
    pub lines: Vec<Line>,
    /// After which number to go on, now or later.
    pub next: u64,
    /// Whether there is more now.
    pub more: bool,
}
