//! What notifications needs from others.

use std::future::Future;

use chassis::sealed::PersonKeys;
use serde::{Deserialize, Serialize};

use crate::domain::{Channel, Outcome};

/// A message ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The template's version.
    pub version: u32,
    /// The language that was found.
    pub language: String,
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// HTML.
    pub html: String,
}

/// Why there is no rendering.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RenderError {
    /// No such template or version.
    NotFound(String),
    /// Variables that were not given.
    MissingVariables(Vec<String>),
    /// No answer now.
    Unavailable(String),
}

/// The templates function.
pub trait Templates: Clone + Send + Sync + 'static {
    /// The message of a template; the newest version if none is named.
    fn render(
        &self,
        code: &str,
        version: Option<u32>,
        language: &str,
        variables: &[(String, String)],
    ) -> impl Future<Output = Result<Rendered, RenderError>> + Send;
}

/// A person with an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Where mails go.
    pub email: String,
    /// How they are addressed.
    pub name: String,
    /// BCP 47 tag.
    pub language: String,
}

/// The identity function, also for the keys that personal data in events is sealed with.
pub trait Users: PersonKeys {
    /// The user with this id, `None` if there is none; an error is text for the log.
    fn get(&self, id: &str) -> impl Future<Output = Result<Option<User>, String>> + Send;
}

/// A message on its way to the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The notification's id: the provider sends one message for it.
    pub id: String,
    /// The way.
    pub channel: Channel,
    /// The reader's id.
    pub user_id: String,
    /// The mail address; push messages are addressed by user id.
    pub email: String,
    /// What it says.
    pub content: Rendered,
}

/// Whoever carries messages to people.
pub trait Provider: Clone + Send + Sync + 'static {
    /// Hands one message over.
    fn deliver(&self, message: &Message) -> impl Future<Output = Outcome> + Send;
}
