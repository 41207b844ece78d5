//! Messages to customers.

use std::collections::BTreeMap;

use chassis::store::Store;

use super::{Legacy, Refusal};
use crate::domain::{Content, Message, Row, time};
use crate::ports::{Mail, Ports};

/// The maximum number of messages that wait to be sent.
pub const UNSENT_MAX: usize = 1_000;
/// The key of the messages that wait to be sent.
const UNSENT: &str = "unsent";

/// By request.
type Unsent = BTreeMap<String, Message>;

impl<P: Ports> Legacy<P> {
    /// The last messages to a customer, newest first.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`].
    pub async fn messages(&self, customer: u64) -> Result<Vec<Message>, Refusal> {
        let rows = self.listed(&messages_key(customer), "message").await?;
        let message = |row: Row| match row.content {
            Content::Message(message) => Some(message),
            Content::Order { .. } => None,
        };
        Ok(rows.into_iter().filter_map(message).collect())
    }

    /// Sends a message. Idempotent by its request.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`]: the provider does not respond, or the result is unknown.
    pub async fn send(&self, message: &Message) -> Result<(), Refusal> {
        if self.row(&message_key(&message.request)).await?.is_none() {
            match self.account(message.customer).await {
                Ok(account) => {
                    let mail = Mail {
                        key: message.request.clone(),
                        to: account.email,
                        subject: message.subject(),
                        text: message.text(&account.name),
                        language: account.language,
                    };
                    self.ports.send(&mail).await?;
                }
                // It has no recipient any more.
                Err(Refusal::NotFound(_)) => return Ok(()),
                Err(error) => return Err(error),
            }
            self.record(message).await?;
        }
        Ok(self.list(&messages_key(message.customer), &message.request).await?)
    }

    /// Records that a message was sent, with its event.
    async fn record(&self, message: &Message) -> Result<(), Refusal> {
        let now_ms = self.now_ms();
        let is_publishing = self.is_publishing().await?;
        let sent = Message { sent: time(now_ms), ..message.clone() };
        self.register("messages").enter(&message.request).await?;
        let record = |row: Option<Row>| {
            let mut row = row.unwrap_or_else(|| Row::own(Content::Message(sent.clone())));
            if is_publishing {
                row.publish(now_ms, false)?;
            }
            Ok::<_, Refusal>((row, ()))
        };
        let key = message_key(&message.request);
        self.relay().change(&key, record).await?;
        match is_publishing {
            true => Ok(()),
            false => self.publish_if_begun(&key).await,
        }
    }

    /// Sends a message now or in a sweep.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`]: the store failed, or [`UNSENT_MAX`] messages wait.
    pub(super) async fn send_soon(&self, message: &Message) -> Result<(), Refusal> {
        let put = |unsent: &mut Unsent| {
            if unsent.len() >= UNSENT_MAX {
                return Err(Refusal::Unavailable(format!("{UNSENT_MAX} messages wait")));
            }
            unsent.insert(message.request.clone(), message.clone());
            Ok(())
        };
        self.store().modify(UNSENT, put).await?;
        if let Err(error) = self.send_unsent(message).await {
            eprintln!("the message {} waits for a sweep: {error:?}", message.request);
        }
        Ok(())
    }

    async fn send_unsent(&self, message: &Message) -> Result<(), Refusal> {
        self.send(message).await?;
        let remove = |unsent: &mut Unsent| {
            unsent.remove(&message.request);
            Ok(())
        };
        self.store().modify(UNSENT, remove).await
    }

    /// Sends the messages that wait, until one fails. Returns how many were sent.
    pub(super) async fn send_waiting(&self) -> Result<usize, Refusal> {
        let unsent: Unsent = self.store().read(UNSENT).await?.unwrap_or_default();
        for message in unsent.values() {
            self.send_unsent(message).await?;
        }
        Ok(unsent.len())
    }

    /// Keeps a copy of a message that another system has sent.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`].
    pub async fn copy_message(&self, message: &Message) -> Result<(), Refusal> {
        let copy = |row: Option<Row>| {
            let copy = || Row::copy(Content::Message(message.clone()), 1);
            Ok::<_, Refusal>((row.unwrap_or_else(copy), ()))
        };
        self.store().update(&message_key(&message.request), copy).await?;
        Ok(self.list(&messages_key(message.customer), &message.request).await?)
    }
}

pub(super) fn message_key(request: &str) -> String {
    format!("message/{request}")
}

fn messages_key(customer: u64) -> String {
    format!("messages-of/{customer}")
}
