//! Reports of the provider, in the terms of this domain.

use chassis::money::Money;

use super::event::{Decline, Kind};

/// The status of a charge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChargeStatus {
    /// Not decided yet.
    Pending,
    /// The provider holds the money.
    Held,
    /// It has captured money.
    Captured,
    /// Nothing is held, and nothing is left of what was captured.
    Ended,
    /// Refused, immediately or later.
    Declined(Decline),
    /// A state that this version does not know, as the provider names it.
    Unknown(String),
}

/// The amounts of a charge, in minor units. All except the first only grow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amounts {
    /// ISO 4217.
    pub currency: String,
    /// What is or was held.
    pub held: i64,
    /// Captured so far.
    pub captured: i64,
    /// Refunded so far.
    pub refunded: i64,
    /// Charged back so far.
    pub charged_back: i64,
}

/// A report of the provider about one payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The id of the payment.
    pub payment_id: String,
    /// The provider's reference of the charge.
    pub reference: String,
    /// The status of the charge.
    pub status: ChargeStatus,
    /// Its amounts.
    pub amounts: Amounts,
}

/// A line of the provider's statement: one movement of money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its number.
    pub number: u64,
    /// The id of the payment.
    pub payment_id: String,
    /// Why the money moved.
    pub kind: Kind,
    /// Negative if the shop lost money.
    pub amount: Money,
    /// Milliseconds since the epoch, by the provider's clock.
    pub at_ms: u64,
}

/// A part of the provider's statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// In their order.
    pub lines: Vec<Line>,
    /// The number after which to continue, now or later.
    pub next: u64,
    /// Whether there are more lines now.
    pub more: bool,
}
