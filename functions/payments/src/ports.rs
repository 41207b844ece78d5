//! The payment provider, in the terms of this function.

use std::future::Future;

use chassis::money::Money;

use crate::domain::{Report, Statement};

/// The maximum number of lines of one page of the provider's statement.
pub const STATEMENT_LINES_MAX: usize = 100;

/// Why the provider did not confirm a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProviderError {
    /// It was certainly not executed.
    NotExecuted(String),
    /// It may have been executed: look the charge up.
    OutcomeUnknown(String),
}

/// A hold that is requested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The idempotency key: the provider never holds twice with the same key.
    pub key: String,
    /// Positive.
    pub amount: Money,
    /// A token of the provider.
    pub method: String,
}

/// A charge at the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// The id of the payment.
    pub key: String,
    /// The provider's reference.
    pub reference: String,
}

/// A partial refund of a charge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartialRefund {
    /// The idempotency key: the provider never refunds twice with the same key.
    pub key: String,
    /// Positive.
    pub amount: Money,
}

/// A payment provider. It reports what it has done: the caller has to check that the amounts are
/// those that were requested.
pub trait Provider: Clone + Send + Sync + 'static {
    /// Holds money. Repeating it with the same key is safe.
    fn hold(&self, hold: &Hold) -> impl Future<Output = Result<Report, ProviderError>> + Send;

    /// Captures the held money.
    fn capture(
        &self,
        charge: &Charge,
    ) -> impl Future<Output = Result<Report, ProviderError>> + Send;

    /// Releases the hold or refunds everything that was captured.
    fn reverse(
        &self,
        charge: &Charge,
    ) -> impl Future<Output = Result<Report, ProviderError>> + Send;

    /// Refunds a part of what was captured.
    fn refund(
        &self,
        charge: &Charge,
        part: &PartialRefund,
    ) -> impl Future<Output = Result<Report, ProviderError>> + Send;

    /// The charge with this key; `None` if there is none.
    fn find(&self, key: &str)
    -> impl Future<Output = Result<Option<Report>, ProviderError>> + Send;

    /// The lines of the provider's statement after this number, at most [`STATEMENT_LINES_MAX`].
    fn statement(
        &self,
        after: u64,
    ) -> impl Future<Output = Result<Statement, ProviderError>> + Send;
}
