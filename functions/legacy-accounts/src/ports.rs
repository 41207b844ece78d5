//! What this component needs from outside.

use std::future::Future;

/// An account of the older shop.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
pub struct Account {
    /// The number of the customer.
    pub id: u64,
    /// The address.
    pub email: String,
    /// For texts.
    pub name: String,
    /// BCP 47 tag.
    pub language: String,
}

/// The older shop does not respond, or not as expected. Repeating is safe.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the accounts of the older shop can't be read: {0}")]
pub struct Unavailable(pub String);

/// The accounts of the older shop.
pub trait Directory: Clone + Send + Sync + 'static {
    /// The account of a session; `None` if there is no such session.
    fn of_session(
        &self,
        session: &str,
    ) -> impl Future<Output = Result<Option<Account>, Unavailable>> + Send;

    /// The account of a customer; `None` if there is none.
    fn account(
        &self,
        customer: u64,
    ) -> impl Future<Output = Result<Option<Account>, Unavailable>> + Send;
}
