//! The use cases of identity, over a store and an environment.

mod accounts;
mod deletion;
mod grants;
mod mails;
mod passwords;
mod registrations;
mod sessions;
mod signing;

pub use crate::domain::user::Registration;
pub use registrations::REGISTRATION_AGE_MS;
pub use sessions::Tokens;
pub use signing::Rotation;

use crate::domain::user::User;
use crate::ports::{Busy, Environment, Settings};
use crate::records::user_key;
use chassis::outbox::{Full, Relay};
use chassis::parts::Parts;
use chassis::store::{Store, StoreError};
use serde::Serialize;

/// The maximum number of outboxes that one sweep processes.
const SWEEP_KEYS_MAX: usize = 200;
/// The maximum number of entries of each list of pending work that one sweep processes.
const SWEEP_ENTRIES_MAX: usize = 1_000;

/// Identity over a store and an environment.
#[derive(Clone)]
pub struct Identity<S, E> {
    store: S,
    environment: E,
}

/// Why an operation failed.
#[derive(Clone, Debug, PartialEq)]
pub enum Error {
    /// The store failed. Retrying is safe.
    Store(StoreError),
    /// A setting is invalid or missing, or the system has no randomness. For the log.
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
    /// Too many passwords are being checked. Retrying is safe.
    Busy(Busy),
    /// The maximum number of signing keys exists.
    TooManyKeys,
    /// No account has this id.
    NoSuchUser,
    /// The account was changed since the caller has read it.
    Changed,
    /// Too many events are unpublished. Retrying is safe.
    Full(Full),
    /// The refresh token or code is unknown, expired, revoked or used. The text is for the
    /// developer of the client, and does not reveal which of these it is.
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
        existing(self.store.read(&user_key(id)).await?)
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
        let (now_ms, mut parts) = (self.now_ms(), Parts::new());
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

    /// Changes an account and publishes its events.
    async fn update_user<R: Send>(
        &self,
        id: &str,
        mut change: impl FnMut(&mut User) -> Result<R, Error> + Send,
    ) -> Result<R, Error> {
        if !chassis::id::is("usr", id) {
            return Err(Error::NoSuchUser);
        }
        let change = |user: Option<User>| {
            let mut user = existing(user)?;
            let result = change(&mut user)?;
            Ok((user, result))
        };
        self.relay().change(&user_key(id), change).await
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

/// The account, unless there is none or it was deleted.
fn existing(user: Option<User>) -> Result<User, Error> {
    user.filter(|user| !user.is_deleted()).ok_or(Error::NoSuchUser)
}
