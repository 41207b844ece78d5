//! The JSON of payments and postings.

use chassis::clock::rfc3339;
use chassis::money::Money;
use serde::Serialize;

use crate::domain::{Account, Event, Payment, Posting, Recorded, Status};
use crate::records::Record;

/// A posting of the ledger.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Posting"))]
pub(crate) struct PostingView {
    id: String,
    /// Empty if the provider reports a payment that the shop does not know.
    order_id: String,
    account: Account,
    /// Minor units; positive for a debit.
    amount: i64,
    #[cfg_attr(test, schemars(regex(pattern = "^[A-Z]{3}$")))]
    currency: String,
    #[cfg_attr(test, schemars(with = "chassis::openapi::Time"))]
    at: String,
}

impl From<Posting> for PostingView {
    fn from(posting: Posting) -> Self {
        Self {
            id: posting.id,
            order_id: posting.order_id,
            account: posting.account,
            amount: posting.amount.amount,
            currency: posting.amount.currency,
            at: rfc3339(posting.at_ms),
        }
    }
}

/// A payment and its history.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "PaymentDetails"))]
pub(crate) struct PaymentView {
    id: String,
    order_id: String,
    status: Status,
    /// The requested amount, in minor units.
    amount: i64,
    #[cfg_attr(test, schemars(regex(pattern = "^[A-Z]{3}$")))]
    currency: String,
    /// The captured amount according to the provider, in minor units.
    captured: i64,
    /// The refunded amount according to the provider, in minor units.
    refunded: i64,
    /// The amount charged back by the customer's bank, in minor units.
    charged_back: i64,
    /// How the provider's actions differ from what was requested. An operator should check it.
    deviation: Option<String>,
    /// Whether it has to be undone and can't become active again.
    barred: bool,
    /// The provider's id of the payment, once there is one.
    reference: Option<String>,
    events: Vec<EventView>,
}

/// An event of a payment. Other members depend on the type.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline))]
struct EventView {
    /// 1 for the first, without gaps.
    #[cfg_attr(test, schemars(range(min = 1)))]
    sequence: u64,
    #[cfg_attr(test, schemars(with = "chassis::openapi::Time"))]
    at: String,
    #[serde(flatten)]
    event: Event,
}

impl From<(Payment, Record)> for PaymentView {
    fn from((payment, record): (Payment, Record)) -> Self {
        let Money { amount, currency } = payment.amount();
        let event = |recorded: Recorded| EventView {
            sequence: recorded.sequence,
            at: rfc3339(recorded.at_ms),
            event: recorded.event,
        };
        Self {
            status: payment.status(),
            captured: payment.known.captured,
            refunded: payment.known.refunded,
            charged_back: payment.known.charged_back,
            deviation: payment.deviation(),
            id: payment.id,
            order_id: payment.order_id,
            amount,
            currency,
            barred: payment.barred,
            reference: payment.reference,
            events: record.events.into_iter().map(event).collect(),
        }
    }
}
