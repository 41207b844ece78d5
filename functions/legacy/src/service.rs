//! The use cases of the older shop.
//!
//! Keys of its store:
//!
//! ```text
//! users                           the number of the last customer
//! user/<customer>                 an account
//! email/<address>                 whose address it is
//! session/<session>               expires
//! order/<number>                  a row
//! reference/<customer>/<text>     the number of the order that a client has placed with it
//! orders-of/<customer>            the last orders of a customer
//! message/<request>               a row
//! messages-of/<customer>          the last messages to a customer
//! unsent                          messages that no provider has accepted yet
//! publishing                      whether changes are published
//! ```

mod carry;
mod messages;
mod orders;
mod users;

pub use carry::{PAGE_ROWS_MAX, Past, Progress, SweepReport};
pub use messages::UNSENT_MAX;
pub use users::{Account, NewUser, SESSION_MS};

use chassis::Clock;
use chassis::outbox::{Full, Relay};
use chassis::register::Register;
use chassis::store::{Store, StoreError};

use crate::domain::Row;
use crate::ports::{Ports, Unavailable};

/// The maximum length of a customer's lists; older entries leave them.
pub const LIST_LENGTH_MAX: usize = 50;
/// The number before that of the first customer and of the first order.
const NUMBER_BEFORE_FIRST: u64 = 1_000;

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such session, or the password is wrong.
    #[error("sign in first")]
    Unauthorized,
    /// There is no such thing, or it belongs to another customer.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The request is wrong.
    #[error("{0}")]
    Invalid(String),
    /// The address has an account.
    #[error("this address has an account")]
    Taken,
    /// The result is unknown. Repeating is safe.
    #[error("try again later")]
    Unavailable(String),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Refusal::Unavailable(error.to_string())
    }
}

impl From<Full> for Refusal {
    fn from(error: Full) -> Self {
        Refusal::Unavailable(error.to_string())
    }
}

impl From<Unavailable> for Refusal {
    fn from(error: Unavailable) -> Self {
        Refusal::Unavailable(error.0)
    }
}

/// The use cases.
#[derive(Clone)]
pub struct Legacy<P> {
    ports: P,
}

impl<P: Ports> Legacy<P> {
    /// The use cases over these ports.
    pub fn new(ports: P) -> Self {
        Self { ports }
    }

    fn store(&self) -> &P::Store {
        self.ports.store()
    }

    fn now_ms(&self) -> u64 {
        self.ports.clock().now_ms()
    }

    fn relay(&self) -> Relay<P::Store, P::Producer> {
        Relay::new(self.store().clone(), self.ports.producer().clone())
    }

    /// All rows of a kind in the order of their creation.
    fn register(&self, kind: &'static str) -> Register<P::Store> {
        Register::new(self.store().clone(), kind)
    }

    async fn row(&self, key: &str) -> Result<Option<Row>, StoreError> {
        self.store().read(key).await
    }

    /// Puts an entry at the beginning of a customer's list, unless it is there.
    async fn list(&self, key: &str, entry: &str) -> Result<(), StoreError> {
        self.store()
            .modify(key, |list: &mut Vec<String>| {
                if !list.iter().any(|listed| listed == entry) {
                    list.insert(0, entry.to_owned());
                    list.truncate(LIST_LENGTH_MAX);
                }
                Ok(())
            })
            .await
    }

    /// The rows of a customer's list.
    async fn listed(&self, list: &str, kind: &str) -> Result<Vec<Row>, StoreError> {
        let entries: Vec<String> = self.store().read(list).await?.unwrap_or_default();
        let mut rows = Vec::with_capacity(entries.len());
        for entry in entries {
            rows.extend(self.row(&format!("{kind}/{entry}")).await?);
        }
        Ok(rows)
    }
}

#[cfg(test)]
pub(crate) mod tests;
