//! The events of a payment.

use chassis::money::Money;
use serde::{Deserialize, Serialize};

/// Why a card was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline))]
pub enum Decline {
    /// Without a reason that may be passed on.
    Card,
    /// Insufficient funds.
    InsufficientFunds,
    /// The payment method does not exist or can't be used.
    InvalidMethod,
    /// For a reason that this version does not know.
    Other,
}

/// Why money moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline))]
pub enum Kind {
    /// Taken from the customer.
    Capture,
    /// Refunded by the shop.
    Refund,
    /// Charged back by the customer's bank.
    Chargeback,
}

/// An event of a payment. Amounts are those that the provider reports, not those that were
/// requested. Old events of captures and refunds have no amount: they were for the whole sum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum Event {
    /// A hold is about to be requested; from now on it may exist.
    AuthorizationAsked { order_id: String, amount: Money, method: String },
    /// The payment must be undone and must not become active again.
    CancelAsked { order_id: String },
    /// The provider holds this amount, under its own reference.
    Authorized {
        reference: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        amount: Option<Money>,
    },
    /// The provider refused. Final.
    Declined { reason: Decline },
    /// This amount was captured.
    Captured {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        amount: Option<Money>,
    },
    /// The hold has ended, or there never was one.
    Voided,
    /// A refund of this amount is about to be requested.
    RefundAsked { refund_id: String, amount: Money },
    /// The provider has made the refund with this id.
    RefundDone { refund_id: String },
    /// This amount was refunded.
    Refunded {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        amount: Option<Money>,
    },
    /// The customer's bank charged this amount back.
    ChargedBack { amount: Money },
    /// A line of the provider's statement is about this payment. Negative if the shop lost money.
    Stated { line: u64, kind: Kind, amount: Money },
}

impl Event {
    /// Whether it changes the ledger.
    pub fn moves_money(&self) -> bool {
        matches!(
            self,
            Self::Captured { .. }
                | Self::Refunded { .. }
                | Self::ChargedBack { .. }
                | Self::Stated { .. }
        )
    }

    /// Whether it is an old movement, from before amounts and the provider's statement were
    /// recorded.
    pub fn is_without_amount(&self) -> bool {
        matches!(self, Self::Captured { amount: None } | Self::Refunded { amount: None })
    }
}

/// An event with its position in the payment's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// 1 for the first event, without gaps.
    pub sequence: u64,
    /// Milliseconds since the epoch.
    pub at_ms: u64,
    /// Its position in the ledger, if it moves money.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<u64>,
    /// The event.
    #[serde(flatten)]
    pub event: Event,
}
