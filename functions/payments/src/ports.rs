//! What payments needs of a provider, in our words.

use std::future::Future;

use chassis::money::Money;

use crate::domain::{News, Statement};

/// Why the provider did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It has certainly not acted.
    NotDone(String),
    /// It may have acted: ask it.
    Unclear(String),
}

/// What to ask a provider to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Under the same key the provider never holds twice.
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
pub struct GiveBack {
    /// The idempotency key: the provider never refunds twice with the same key.
    pub key: String,
    /// Positive.
    pub amount: Money,
}

/// A payment provider. Results are reported as they are: the caller has to check that the amounts
/// are those that were requested.
pub trait Provider: Clone + Send + Sync + 'static {
    /// Hold money. Repeating it with the same key is safe.
    fn hold(&self, hold: &Hold) -> impl Future<Output = Result<News, Trouble>> + Send;

    /// Captures the money that is held.
    fn take(&self, charge: &Charge) -> impl Future<Output = Result<News, Trouble>> + Send;

    /// Releases the hold or refunds everything that was captured.
    fn undo(&self, charge: &Charge) -> impl Future<Output = Result<News, Trouble>> + Send;

    /// Refunds a part of what was captured.
    fn give_back(
        &self,
        charge: &Charge,
        part: &GiveBack,
    ) -> impl Future<Output = Result<News, Trouble>> + Send;

    /// What the provider knows under this key; none if nothing.
    fn ask(&self, key: &str) -> impl Future<Output = Result<Option<News>, Trouble>> + Send;

    /// The lines of the provider's statement after this number, at most [`STATEMENT_LINES_MAX`].
    fn statement(&self, after: u64) -> impl Future<Output = Result<Statement, Trouble>> + Send;
}

/// The maximum number of lines of one page of the provider's statement.
pub const STATEMENT_LINES_MAX: usize = 100;
