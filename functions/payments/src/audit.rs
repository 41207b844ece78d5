//! What the books of payments say, for checks across functions.

use crate::domain::{Amounts, Funds, Payment, Recorded, Status};

/// One payment in figures. Amounts are in minor units of `currency`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The payment's id.
    pub id: String,
    /// The order that it pays; empty if only the provider knows this payment.
    pub order_id: String,
    /// How far it has come.
    pub status: Status,
    /// `XXX` (no currency) if it was canceled before it was authorized.
    pub currency: String,
    /// The requested amount.
    pub asked: i64,
    /// Taken from the customer, whether or not it went back.
    pub captured: i64,
    /// Given back.
    pub refunded: i64,
    /// Charged back by the customer's bank.
    pub charged_back: i64,
    /// Held and not taken.
    pub held: i64,
    /// Whether its movements were recorded before the provider's statement was read, so that they
    /// can't be compared with it.
    pub unstated: bool,
}

/// The figures of a payment with these events.
pub fn entry(id: &str, events: &[Recorded]) -> Entry {
    let payment = Payment::fold(id, events);
    let asked = payment.amount().amount;
    let Amounts { currency, held, captured, refunded, charged_back } = payment.known.clone();
    Entry {
        status: payment.status(),
        held: if payment.funds == Funds::Held { held } else { 0 },
        unstated: events.iter().any(|recorded| recorded.event.is_without_amount()),
        id: payment.id,
        order_id: payment.order_id,
        currency,
        asked,
        captured,
        refunded,
        charged_back,
    }
}
