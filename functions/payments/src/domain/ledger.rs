//! The double-entry ledger. Its two sides come from two sources: the customers' payments are what
//! the provider has acknowledged; the provider's debt is what its statement says. If the two do not
//! add up to zero, one source is wrong.
//!
//! Postings are not stored: each one is derived from an event of a payment, so a crash can't book
//! an event twice or lose it. Only their order is stored: before a payment records a movement, it
//! takes the next slot of the ledger and writes its id there. A slot whose movement was never
//! recorded is skipped.

use chassis::money::Money;
use serde::{Deserialize, Serialize};

use super::{Event, Payment, Recorded};

/// An account of the books. Debits are positive, credits negative. `customer_funds` is what the
/// provider has acknowledged, `psp_clearing` what its statement says. If the two do not add up to
/// zero, one of the books is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline))]
#[serde(rename_all = "snake_case")]
pub enum Account {
    /// What the provider owes the shop, according to its statement.
    PspClearing,
    /// What customers have paid, according to the provider's acknowledgments.
    CustomerFunds,
}

/// One line of the books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posting {
    /// Unique: payment, event, line.
    pub id: String,
    /// The payment that it is derived from.
    pub payment_id: String,
    /// The order of the payment; empty if it is unknown.
    pub order_id: String,
    /// The account that is debited or credited.
    pub account: Account,
    /// Positive for a debit.
    pub amount: Money,
    /// Milliseconds since the epoch.
    pub at_ms: u64,
}

/// The postings of a payment in one slot of the ledger.
pub fn postings(id: &str, events: &[Recorded], slot: u64) -> Vec<Posting> {
    let payment = Payment::fold(id, events);
    let of_slot = events.iter().filter(|recorded| recorded.slot == Some(slot));
    of_slot.flat_map(|recorded| transaction(&payment, recorded)).collect()
}

/// The postings of one event: one line, or both sides for old events without amounts and statement.
fn transaction(payment: &Payment, recorded: &Recorded) -> Vec<Posting> {
    use Account::{CustomerFunds, PspClearing};
    let minus = |amount: &Money| Money::new(-amount.amount, amount.currency.clone());
    let whole = payment.amount();
    let lines = match &recorded.event {
        Event::Captured { amount: None } => {
            vec![(PspClearing, whole.clone()), (CustomerFunds, minus(&whole))]
        }
        Event::Refunded { amount: None } => {
            vec![(PspClearing, minus(&whole)), (CustomerFunds, whole)]
        }
        Event::Captured { amount: Some(amount) } => vec![(CustomerFunds, minus(amount))],
        Event::Refunded { amount: Some(amount) } | Event::ChargedBack { amount } => {
            vec![(CustomerFunds, amount.clone())]
        }
        Event::Stated { amount, .. } => vec![(PspClearing, amount.clone())],
        _ => Vec::new(),
    };
    let posting = |(line, (account, amount))| Posting {
        id: format!("{}.{}.{line}", payment.id, recorded.sequence),
        payment_id: payment.id.clone(),
        order_id: payment.order_id.clone(),
        account,
        amount,
        at_ms: recorded.at_ms,
    };
    (1..).zip(lines).map(posting).collect()
}
