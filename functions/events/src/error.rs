//! Why the broker did not do what it was asked.

use chassis::store::StoreError;

/// The result of a call of the broker.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failed call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The call is refused, for a reason of the contract.
    #[error(transparent)]
    Refused(#[from] tessera_events::Error),
    /// The store failed. The call may have taken effect in part; it can be repeated.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Error> for tessera_events::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(error) => error,
            Error::Store(error) => Self::Unavailable(error.to_string()),
        }
    }
}
