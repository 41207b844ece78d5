//! The books, in double entry: every movement of money is one transaction of postings that
//! add up to nothing.
//!
//! The books are not written, they are read: each posting follows from an event of a
//! payment, so no crash can book a movement without its counterpart, twice, or not at all.
//! What is written is only the order: before a payment records a movement, it takes the
//! next slot of the ledger and puts its name there. A slot whose movement was never
//! recorded is empty and is passed over.

use chassis::money::Money;
use serde::{Deserialize, Serialize};

use crate::domain::{Event, Payment, Recorded};

/// An account of the books. Debits are positive, credits negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Account {
    /// What the provider has taken for us and owes us.
    PspClearing,
    /// What customers have paid us.
    CustomerFunds,
}

/// One line of the books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posting {
    /// Unique for ever: payment, event, line.
    pub id: String,
    /// The order that the money moved for.
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

/// The postings of one event; they add up to nothing.
fn transaction(payment: &Payment, recorded: &Recorded) -> Vec<Posting> {
    let paid = payment.amount();
    let back = Money::new(-paid.amount, paid.currency.clone());
    let (clearing, customer) = match recorded.event {
        Event::Captured => (paid, back),
        Event::Refunded => (back, paid),
        _ => return Vec::new(),
    };
    let lines = [(Account::PspClearing, clearing), (Account::CustomerFunds, customer)];
    let posting = |(line, (account, amount))| Posting {
        id: format!("{}.{}.{line}", payment.id, recorded.sequence),
        order_id: payment.order_id.clone(),
        account,
        amount,
        at_ms: recorded.at_ms,
    };
    (1..).zip(lines).map(posting).collect()
}
