//! What identity needs from outside, besides a store.

use crate::domain::client::Client;
use crate::domain::email::Email;
use chassis::events::Producer;
use std::future::Future;

/// Time, chance, settings and the log of events.
pub trait Environment: Clone + Send + Sync + 'static {
    /// Where events are published.
    type Events: Producer;

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
