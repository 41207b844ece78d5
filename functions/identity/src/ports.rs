//! What identity needs from outside, besides a store.

use crate::domain::client::Client;
use crate::domain::email::Email;
use chassis::events::Producer;
use chassis::quota::{Limiter, Quotas};
use std::future::Future;

/// The result of verifying a password against a stored hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the password matches.
    pub matches: bool,
    /// Whether the hash should be replaced by one with the current parameters.
    pub outdated: bool,
}

/// Too many passwords are being checked. For the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("passwords can't be checked now: {0}")]
pub struct Busy(pub String);

/// The function that hashes and checks passwords, a few at a time.
pub trait Passwords: Clone + Send + Sync + 'static {
    /// Why this password is too weak for the user that `about` describes; `None` if it is
    /// acceptable.
    fn weakness(
        &self,
        password: &str,
        about: &[&str],
    ) -> impl Future<Output = Result<Option<String>, Busy>> + Send;

    /// The PHC string to store.
    fn hash(&self, password: &str) -> impl Future<Output = Result<String, Busy>> + Send;

    /// Verifies the password. `None` stands for an account that does not exist: it never matches,
    /// and takes the same time.
    fn verify(
        &self,
        password: &str,
        stored: Option<&str>,
    ) -> impl Future<Output = Result<Verdict, Busy>> + Send;
}

/// Time, randomness, settings, the event log, and the functions that identity needs.
pub trait Environment: Clone + Send + Sync + 'static {
    /// Where events are published.
    type Events: Producer;

    /// The password hasher.
    type Passwords: Passwords;
    /// The limiter of password attempts.
    type Limiter: Limiter;

    /// The password hasher.
    fn passwords(&self) -> Self::Passwords;

    /// The limiter of password attempts.
    fn limiter(&self) -> Self::Limiter;

    /// The log of events.
    fn events(&self) -> Self::Events;

    /// Milliseconds since the Unix epoch.
    fn now_ms(&self) -> u64;

    /// Fills the buffer with bytes that nobody can guess; false if the system has none.
    fn randomize(&self, buffer: &mut [u8]) -> bool;

    /// The settings in force. The error names the setting, never its value.
    fn settings(&self) -> impl Future<Output = Result<Settings, String>> + Send;
}

/// What the deployment decides.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Who signs: the URL under which the public reaches this shop, without a slash at its
    /// end.
    pub issuer: String,
    /// The administrator that exists without having registered.
    pub admin: Option<Admin>,
    /// Applications of others.
    pub clients: Vec<Client>,
    /// The quotas; `None` if they are switched off.
    pub quotas: Option<Quotas>,
}

/// The first administrator.
#[derive(Clone)]
pub struct Admin {
    pub email: Email,
    pub password: String,
}

impl std::fmt::Debug for Admin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admin").field("email", &self.email).finish_non_exhaustive()
    }
}
