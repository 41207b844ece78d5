//! What notifications needs from outside.

use std::future::Future;

use chassis::Clock;
use chassis::auth::KeySource;
use chassis::sealed::PersonKeys;
use chassis::store::Store;

use crate::domain::{Channel, Outcome, User};

/// A message ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The template's version.
    pub version: u32,
    /// The language of the template that was used.
    pub language: String,
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// HTML.
    pub html: String,
}

/// Why a template was not rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RenderError {
    /// No such template or version.
    NotFound(String),
    /// Variables of the template without a value.
    MissingVariables(Vec<String>),
    /// No response now.
    Unavailable(String),
}

/// A message for the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The notification's id: the provider sends one message for it.
    pub id: String,
    /// The channel.
    pub channel: Channel,
    /// The recipient.
    pub user_id: String,
    /// The mail address; push messages are addressed by user id.
    pub email: String,
    /// The content.
    pub content: Rendered,
}

/// All ports. The keys of persons are those that personal data in events is sealed with.
pub trait Ports: PersonKeys {
    /// The store.
    type Store: Store;
    /// The clock.
    type Clock: Clock;
    /// The keys of access tokens.
    type Keys: KeySource;

    /// The store of all records.
    fn store(&self) -> &Self::Store;

    /// The keys that callers are authenticated with.
    fn keys(&self) -> &Self::Keys;

    /// The clock.
    fn clock(&self) -> &Self::Clock;

    /// Renders a template in this version, or in the newest one.
    fn render(
        &self,
        code: &str,
        version: Option<u32>,
        language: &str,
        variables: &[(String, String)],
    ) -> impl Future<Output = Result<Rendered, RenderError>> + Send;

    /// The user with this id; `None` if there is none. The error is for operators.
    fn user(&self, id: &str) -> impl Future<Output = Result<Option<User>, String>> + Send;

    /// Delivers a message to the provider.
    fn deliver(&self, message: &Message) -> impl Future<Output = Outcome> + Send;
}
