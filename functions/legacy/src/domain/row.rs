//! A row of the one store: an order or a message, with the events that are still to be published.

use chassis::outbox::{Draft, Full, HasOutbox, Outbox};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Message, Order};

/// The source of all events.
pub const SOURCE: &str = "/legacy";
/// An order was placed or has changed.
pub const ORDER_CHANGED: &str = "com.shop.legacy.order.changed.v1";
/// A message was sent.
pub const MESSAGE_SENT: &str = "com.shop.legacy.message.sent.v1";

/// What a row is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Content {
    /// An order of a customer.
    Order {
        /// The customer.
        customer: u64,
        /// The order.
        order: Order,
    },
    /// A message.
    Message(Message),
}

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// What it is about.
    pub content: Content,
    /// For a copy of what another system has: the number of the last change that was copied. Copies
    /// are not published, because the other system has done that.
    #[serde(default)]
    pub copied: Option<u64>,
    /// The content of the last event; none if there was no event yet.
    #[serde(default)]
    pub published: Option<Content>,
    /// The events that are still to be published.
    #[serde(default)]
    pub outbox: Outbox,
}

impl Row {
    /// A row of this shop.
    pub fn own(content: Content) -> Row {
        Row { content, copied: None, published: None, outbox: Outbox::default() }
    }

    /// A copy of change number `sequence` of another system.
    pub fn copy(content: Content, sequence: u64) -> Row {
        Row { copied: Some(sequence), ..Row::own(content) }
    }

    /// Puts an event into the outbox, unless the last one had the same content. `is_past`: it is
    /// about something that has happened long ago, so that it only fills copies. Returns whether
    /// there is an event.
    ///
    /// # Errors
    /// Too many events wait.
    pub fn publish(&mut self, now_ms: u64, is_past: bool) -> Result<bool, Full> {
        if self.copied.is_some() || self.published.as_ref() == Some(&self.content) {
            return Ok(false);
        }
        let (kind, subject, mut data) = event(&self.content);
        data["past"] = Value::Bool(is_past);
        let (source, kind) = (SOURCE.to_owned(), kind.to_owned());
        self.outbox.push(Draft { source, kind, subject, at_ms: now_ms, data })?;
        self.published = Some(self.content.clone());
        Ok(true)
    }
}

fn event(content: &Content) -> (&'static str, String, Value) {
    match content {
        Content::Order { customer, order } => {
            let mut data = json!(order);
            data["customer"] = json!(customer);
            (ORDER_CHANGED, order.order.clone(), data)
        }
        Content::Message(message) => (MESSAGE_SENT, message.request.clone(), json!(message)),
    }
}

impl HasOutbox for Row {
    fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    fn outbox_mut(&mut self) -> &mut Outbox {
        &mut self.outbox
    }
}
