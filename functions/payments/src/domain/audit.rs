//! The books of a payment, for checks across functions.

use super::{Amounts, Funds, Payment, Recorded, Status};

/// One payment in figures. Amounts are in minor units of `currency`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The payment's id.
    pub id: String,
    /// The order that it pays; empty if only the provider knows this payment.
    pub order_id: String,
    /// Its status.
    pub status: Status,
    /// `XXX` (no currency) if it was canceled before it was authorized.
    pub currency: String,
    /// The requested amount.
    pub asked: i64,
    /// The captured amount, including refunds and chargebacks.
    pub captured: i64,
    /// The refunded amount.
    pub refunded: i64,
    /// Charged back by the customer's bank.
    pub charged_back: i64,
    /// The amount that is held and not captured.
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
