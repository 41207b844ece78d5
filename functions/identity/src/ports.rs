//! What identity needs from outside, besides a store.

use crate::domain::client::Client;
use crate::domain::email::Email;
use chassis::Clock;
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

/// The function that hashes and verifies passwords, a few at a time.
pub trait Passwords {
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

/// Time, the password hasher, the limiter of password attempts, events, randomness and settings.
pub trait Environment: Clock + Passwords + Limiter {
    /// Where events are published.
    type Events: Producer;

    /// The event log.
    fn events(&self) -> Self::Events;

    /// Fills the buffer with random bytes; false if the system has none.
    fn randomize(&self, buffer: &mut [u8]) -> bool;

    /// The current settings. The error names the setting, never its value.
    fn settings(&self) -> impl Future<Output = Result<Settings, String>> + Send;
}

/// The settings of the deployment.
#[derive(Clone)]
pub struct Settings {
    /// The issuer of tokens: the public URL of the shop, without a slash at its end.
    pub issuer: String,
    /// The administrator that exists without having registered.
    pub admin: Option<Admin>,
    /// Third-party applications.
    pub clients: Vec<Client>,
    /// The quotas; `None` if they are switched off.
    pub quotas: Option<Quotas>,
}

/// The first administrator. Not `Debug`, so that no log contains the password.
#[derive(Clone)]
pub struct Admin {
    pub email: Email,
    pub password: String,
}
