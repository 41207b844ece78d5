//! The use cases of identity, over a store and an environment.
//!
//! Keys of the store: `user/<id>` (the account, with what others have still to be told of it),
//! `email/<hash>` (which id an address belongs to), `grants/<id>` (sessions and codes of one
//! user), `keys` (the signing keys), `registrations/<shard>` (accounts that are being made).

mod accounts;
mod profiles;
mod registrations;
mod sessions;
mod signing;

pub use accounts::Registration;
pub use sessions::{Authorization, Tokens};

pub use registrations::{REGISTRATION_AGE_MS, Swept};

use crate::domain::user::User;
use crate::ports::{Environment, Settings};
use chassis::outbox::{Full, Relay};
use chassis::store::{Store, StoreError};

/// Identity, ready to be asked.
#[derive(Clone)]
pub struct Identity<S, E> {
    store: S,
    environment: E,
}

/// Why a use case came to nothing.
#[derive(Clone, Debug, PartialEq)]
pub enum Error {
    /// The store failed; safe to repeat.
    Store(StoreError),
    /// A setting is wrong or missing, or the system has no randomness. For the log.
    Misconfigured(String),
    /// The address has an account.
    EmailTaken,
    /// No account has this address and password.
    WrongCredentials,
    /// No account has this id.
    NoSuchUser,
    /// The account is not what the caller believes it to be.
    Changed,
    /// Too much waits to be told to others; safe to repeat.
    Full(Full),
    /// The refresh token or code is unknown, expired, revoked or used. The text is for the
    /// developer of the client and the same for whatever must not be told apart.
    InvalidGrant(&'static str),
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Full> for Error {
    fn from(full: Full) -> Self {
        Self::Full(full)
    }
}

impl<S: Store, E: Environment> Identity<S, E> {
    /// Identity over this store.
    pub fn new(store: S, environment: E) -> Self {
        Self { store, environment }
    }

    /// The account with this id.
    pub async fn user(&self, id: &str) -> Result<User, Error> {
        if !chassis::id::is("usr", id) {
            return Err(Error::NoSuchUser);
        }
        self.store.read(&user_key(id)).await?.ok_or(Error::NoSuchUser)
    }

    /// The settings in force.
    pub async fn settings(&self) -> Result<Settings, Error> {
        self.environment.settings().await.map_err(Error::Misconfigured)
    }

    fn relay(&self) -> Relay<S, E::Events> {
        Relay::new(self.store.clone(), self.environment.events())
    }

    fn random<const N: usize>(&self) -> Result<[u8; N], Error> {
        let mut bytes = [0; N];
        let filled = self.environment.randomise(&mut bytes);
        filled.then_some(bytes).ok_or_else(|| Error::Misconfigured("no randomness".to_owned()))
    }
}

fn user_key(id: &str) -> String {
    format!("user/{id}")
}

fn grants_key(user_id: &str) -> String {
    format!("grants/{user_id}")
}
