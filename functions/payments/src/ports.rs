//! What payments needs of a provider, in our words.

use std::future::Future;

use chassis::money::Money;

use crate::domain::News;

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

/// A provider of payments.
pub trait Provider: Clone + Send + Sync + 'static {
    /// Hold money. Repeating it with the same key is safe.
    fn hold(&self, hold: &Hold) -> impl Future<Output = Result<News, Trouble>> + Send;

    /// Take the money that is held under this reference.
    fn take(&self, reference: &str) -> impl Future<Output = Result<News, Trouble>> + Send;

    /// Lift the hold or give back what was taken.
    fn undo(&self, reference: &str) -> impl Future<Output = Result<News, Trouble>> + Send;

    /// What the provider knows under this key; none if nothing.
    fn ask(&self, key: &str) -> impl Future<Output = Result<Option<News>, Trouble>> + Send;
}
