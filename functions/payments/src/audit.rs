//! What the books of payments say, for checks across functions.

use std::collections::BTreeMap;

use chassis::money::Money;

use crate::domain::{Event, Funds, Payment, Recorded, Status};
use crate::ledger::Posting;

/// One payment in figures. Amounts are in minor units of `currency`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The payment's id.
    pub id: String,
    /// The order that it pays.
    pub order_id: String,
    /// How far it has come.
    pub status: Status,
    /// `XXX` (no currency) if it was cancelled before it was authorised.
    pub currency: String,
    /// Taken from the customer, whether or not it went back.
    pub captured: i64,
    /// Given back.
    pub refunded: i64,
    /// Held and not taken.
    pub held: i64,
}

/// The figures of a payment with these events.
pub fn entry(id: &str, events: &[Recorded]) -> Entry {
    let payment = Payment::fold(id, events);
    let Money { amount, currency } = payment.amount();
    let times = |kind: &Event| {
        let count = events.iter().filter(|recorded| recorded.event == *kind).count();
        amount.saturating_mul(i64::try_from(count).unwrap_or(i64::MAX))
    };
    Entry {
        status: payment.status(),
        captured: times(&Event::Captured),
        refunded: times(&Event::Refunded),
        held: if payment.funds == Funds::Held { amount } else { 0 },
        id: payment.id,
        order_id: payment.order_id,
        currency,
    }
}

/// The sum of postings for each currency.
pub fn sums(postings: &[Posting]) -> Vec<Money> {
    let mut sums = BTreeMap::<&str, i64>::new();
    for Posting { amount, .. } in postings {
        let sum = sums.entry(&amount.currency).or_default();
        *sum = sum.saturating_add(amount.amount);
    }
    sums.into_iter().map(|(currency, sum)| Money::new(sum, currency)).collect()
}
