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
    /// Our own id of the payment.
    pub key: String,
    /// The provider's name for it.
    pub reference: String,
}

/// A part of the money of a charge that is to go back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GiveBack {
    /// Under the same key the provider never gives back twice.
    pub key: String,
    /// Positive.
    pub amount: Money,
}

/// A provider of payments. What it answers is what it says: that the amounts are those that were
/// asked for is for the caller to check.
pub trait Provider: Clone + Send + Sync + 'static {
    /// Hold money. Repeating it with the same key is safe.
    fn hold(&self, hold: &Hold) -> impl Future<Output = Result<News, Trouble>> + Send;

    /// Take the money that is held.
    fn take(&self, charge: &Charge) -> impl Future<Output = Result<News, Trouble>> + Send;

    /// Lift the hold or give back all that was taken.
    fn undo(&self, charge: &Charge) -> impl Future<Output = Result<News, Trouble>> + Send;

    /// Give a part back of what was taken.
    fn give_back(
        &self,
        charge: &Charge,
        part: &GiveBack,
    ) -> impl Future<Output = Result<News, Trouble>> + Send;

    /// What the provider knows under this key; none if nothing.
    fn ask(&self, key: &str) -> impl Future<Output = Result<Option<News>, Trouble>> + Send;

    /// The lines of the provider's statement after the one with this number, at most
    /// [`STATEMENT_LINES_MAX`].
    fn statement(&self, after: u64) -> impl Future<Output = Result<Statement, Trouble>> + Send;
}

/// Lines of one part of the provider's statement at most.
pub const STATEMENT_LINES_MAX: usize = 100;
