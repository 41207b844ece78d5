//! What identity needs from outside, besides a store.

use crate::domain::client::Client;
use crate::domain::email::Email;
use chassis::events::Producer;
use chassis::quota::{Limiter, Quotas};
use std::future::Future;

/// What a comparison of a password with a stored hash says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The password is the one that was hashed.
    pub matches: bool,
    /// It is to be hashed anew, with today's parameters.
    pub outdated: bool,
}

/// There is no answer now: too many passwords are being looked at. For the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no password is looked at now: {0}")]
pub struct Busy(pub String);

/// The function that hashes and judges passwords, few at a time.
pub trait Passwords: Clone + Send + Sync + 'static {
    /// Why nobody should choose this password, who is `about`; none if they may.
    fn weakness(
        &self,
        password: &str,
        about: &[&str],
    ) -> impl Future<Output = Result<Option<String>, Busy>> + Send;

    /// The PHC string to store.
    fn hash(&self, password: &str) -> impl Future<Output = Result<String, Busy>> + Send;

    /// Does the password fit? None stands for an account that does not exist: it never does, and
    /// that takes as long.
    fn verify(
        &self,
        password: &str,
        stored: Option<&str>,
    ) -> impl Future<Output = Result<Verdict, Busy>> + Send;
}

/// Time, chance, settings, the log of events, and the functions that identity needs.
pub trait Environment: Clone + Send + Sync + 'static {
    /// Where events are published.
    type Events: Producer;

    /// Who hashes passwords.
    type Passwords: Passwords;
    /// Who counts attempts.
    type Limiter: Limiter;

    /// Who hashes passwords.
    fn passwords(&self) -> Self::Passwords;

    /// Who counts attempts.
    fn limiter(&self) -> Self::Limiter;

    /// The log of events.
    fn events(&self) -> Self::Events;

    /// Milliseconds since the Unix epoch.
    fn now_ms(&self) -> u64;

    /// Fills the buffer with bytes that nobody can guess; false if the system has none.
    fn randomise(&self, buffer: &mut [u8]) -> bool;

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
    /// The quotas; none where limits are off.
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
