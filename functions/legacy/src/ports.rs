//! What the older shop needs from outside.

use std::future::Future;

use chassis::Clock;
use chassis::events::Producer;
use chassis::store::Store;

/// A mail ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// The provider sends one mail for it.
    pub key: String,
    /// The address.
    pub to: String,
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// BCP 47 tag.
    pub language: String,
}

/// It does not respond now; the text is for operators. Repeating is safe.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(pub String);

/// All ports.
pub trait Ports: Clone + Send + Sync + 'static {
    /// The one store.
    type Store: Store;
    /// The log of events.
    type Producer: Producer;
    /// The clock.
    type Clock: Clock;

    /// The store.
    fn store(&self) -> &Self::Store;

    /// The log of events.
    fn producer(&self) -> &Self::Producer;

    /// The clock.
    fn clock(&self) -> &Self::Clock;

    /// Random bytes for a session.
    ///
    /// # Errors
    /// There is no source of randomness.
    fn random(&self) -> Result<[u8; 16], Unavailable>;

    /// What to store of a password.
    fn hash(&self, password: &str) -> impl Future<Output = Result<String, Unavailable>> + Send;

    /// Whether a password is the stored one. None stands for an account that does not exist.
    fn verify(
        &self,
        password: &str,
        stored: Option<&str>,
    ) -> impl Future<Output = Result<bool, Unavailable>> + Send;

    /// Sends a mail. Returns once the provider has accepted it, or will never accept it.
    fn send(&self, mail: &Mail) -> impl Future<Output = Result<(), Unavailable>> + Send;
}
