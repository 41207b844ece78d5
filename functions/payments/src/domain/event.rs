//! What happens to a payment.

use chassis::money::Money;
use serde::{Deserialize, Serialize};

/// Why a card was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decline {
    /// Without a reason that we may pass on.
    Card,
    /// There is not enough money.
    InsufficientFunds,
    /// The method does not exist or can't be used.
    InvalidMethod,
    /// For a reason that this version does not know.
    Other,
}

/// Why money moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Taken from the customer.
    Capture,
    /// Given back by us.
    Refund,
    /// Taken back by the customer's bank.
    Chargeback,
}

/// Something that has happened to a payment. Amounts are what the provider says, whatever was
/// asked of it. Those of captures and refunds are missing in events that were recorded before
/// amounts were: they were for the whole sum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// The provider is about to be asked for a hold; from now on it may exist.
    AuthorizationAsked { order_id: String, amount: Money, method: String },
    /// The payment is to be undone, and may not come (back) to life.
    CancelAsked { order_id: String },
    /// The provider holds so much money, under its own reference.
    Authorized {
        reference: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        amount: Option<Money>,
    },
    /// The provider refused. Final.
    Declined { reason: Decline },
    /// So much money is ours.
    Captured {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        amount: Option<Money>,
    },
    /// The hold is gone, or there never was one.
    Voided,
    /// The provider is about to be asked to give so much back.
    RefundAsked { refund_id: String, amount: Money },
    /// The provider has done what was asked under this id.
    RefundDone { refund_id: String },
    /// So much money went back.
    Refunded {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        amount: Option<Money>,
    },
    /// The customer's bank took so much back.
    ChargedBack { amount: Money },
    /// A line of the provider's statement is about this payment. Negative if we lost money.
    Stated { line: u64, kind: Kind, amount: Money },
}

impl Event {
    /// Whether the books change with it.
    pub fn moves_money(&self) -> bool {
        matches!(
            self,
            Self::Captured { .. }
                | Self::Refunded { .. }
                | Self::ChargedBack { .. }
                | Self::Stated { .. }
        )
    }

    /// Whether it is a movement from before amounts, and the provider's statement, were
    /// recorded.
    pub fn is_without_amount(&self) -> bool {
        matches!(self, Self::Captured { amount: None } | Self::Refunded { amount: None })
    }
}

/// An event with its place in the payment's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// 1 for the first event, without gaps.
    pub sequence: u64,
    /// Milliseconds since the epoch.
    pub at_ms: u64,
    /// Its place in the ledger, if it moves money.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<u64>,
    /// What has happened.
    #[serde(flatten)]
    pub event: Event,
}
