//! The use cases of identity, over a store and an environment.
//!
//! Keys of the store: `user/<id>` (the account, with what others have still to be told of it),
//! `email/<hash>` (which id an address belongs to), `grants/<id>` (sessions, codes and consents
//! of one user), `keys` (the signing keys), and notes of work that has begun:
//! `registrations/<shard>`, `deletions/<shard>`, `mails/<shard>`.

mod accounts;
mod applications;
mod attempts;
mod deletion;

mod grants;
mod mails;
mod notes;
mod passwords;
mod profiles;
mod registrations;
mod sessions;
mod signing;

pub use accounts::Registration;
pub use registrations::REGISTRATION_AGE_MS;
pub use sessions::{Authorization, Tokens};
pub use signing::Rotation;

use crate::domain::user::User;
use crate::ports::{Busy, Environment, Settings};
use chassis::outbox::{Full, Relay};
use chassis::parts::Parts;
use chassis::store::{Store, StoreError};
use serde::Serialize;

/// The maximum number of outboxes that one sweep processes.
const SWEEP_KEYS_MAX: usize = 200;

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
    /// No account has this address and password.
    WrongCredentials,
    /// The caller sent a wrong password.
    WrongPassword,
    /// The password is too weak; the reason as a predicate.
    WeakPassword(String),
    /// The account's password is set by configuration.
    Managed,
    /// The password reset token is unknown, expired or used.
    BadReset,
    /// Too many passwords are being checked; safe to repeat.
    Busy(Busy),
    /// The maximum number of signing keys exists.
    TooManyKeys,
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

impl From<Busy> for Error {
    fn from(busy: Busy) -> Self {
        Self::Busy(busy)
    }
}

/// The result of a sweep.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// Accounts whose registration was published.
    pub announced: usize,
    /// Mails that were requested.
    pub mails: usize,
    /// Registrations, mails and deletions that are still pending.
    pub waiting: usize,
    /// The result for unpublished changes.
    pub changes: chassis::outbox::Swept,
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
        let user: Option<User> = self.store.read(&user_key(id)).await?;
        user.filter(|user| user.deleted_at_ms.is_none()).ok_or(Error::NoSuchUser)
    }

    /// The key that seals a user's data in events; `None` for unknown and deleted users.
    pub async fn person_key(&self, id: &str) -> Result<Option<String>, Error> {
        match self.user(id).await {
            Ok(user) => Ok(user.person_key().map(str::to_owned)),
            Err(Error::NoSuchUser) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Continues work that a crash or a failure has interrupted, requests noted mails, and rotates
    /// the signing key when it is due. A failing part does not stop the others; the first error is
    /// returned at the end.
    pub async fn sweep(&self) -> Result<Swept, Error> {
        let (now_ms, mut parts) = (self.environment.now_ms(), Parts::new());
        let registrations = self.finish_registrations(now_ms).await;
        let (announced, registrations) = parts.done("registrations", registrations);
        let deletions = self.finish_deletions(now_ms).await;
        let deletions = parts.done("deletions", deletions);
        let mails = self.send_mails(now_ms).await;
        let (mails, requests) = parts.done("mails", mails);
        // If this fails, the old key continues to sign.
        let rotated = self.rotate_when_due(now_ms).await;
        parts.done("signing key", rotated);
        let changes = self.relay().sweep::<User>(now_ms, SWEEP_KEYS_MAX).await;
        let changes = parts.done("outboxes", changes.map_err(Error::from));
        let waiting = registrations + deletions + requests;
        parts.end(Swept { announced, mails, waiting, changes })
    }

    /// Milliseconds since the Unix epoch.
    pub fn now_ms(&self) -> u64 {
        self.environment.now_ms()
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
        let filled = self.environment.randomize(&mut bytes);
        filled.then_some(bytes).ok_or_else(|| Error::Misconfigured("no randomness".to_owned()))
    }
}

fn user_key(id: &str) -> String {
    format!("user/{id}")
}

fn grants_key(user_id: &str) -> String {
    format!("grants/{user_id}")
}
