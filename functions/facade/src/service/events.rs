//! Events of both sides: each side gets what the other one has done.
//!
//! An event is acknowledged when all of its effects are durable. Each effect has a name (the number of
//! an event, the request of a message), so a repetition changes nothing.

use chassis::clock::rfc3339;
use chassis::events::{Event, Producer, PublishError};
use chassis::store::StoreError;
use http::Method;
use serde_json::json;

use super::Facade;
use crate::domain::translate::{self, Announcement, Untranslatable};
use crate::domain::{Family, Side};
use crate::ports::Ports;
use crate::sides::Unavailable;

/// Why an event is not handled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// Repeating does not help.
    #[error("{0}")]
    Refused(String),
    /// Deliver it again.
    #[error("{0}")]
    Unavailable(String),
}

impl From<Untranslatable> for EventError {
    fn from(error: Untranslatable) -> Self {
        EventError::Refused(error.to_string())
    }
}

impl From<Unavailable> for EventError {
    fn from(error: Unavailable) -> Self {
        EventError::Unavailable(error.0)
    }
}

impl From<StoreError> for EventError {
    fn from(error: StoreError) -> Self {
        EventError::Unavailable(error.to_string())
    }
}

impl From<PublishError> for EventError {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::Invalid(reason) => EventError::Refused(reason),
            PublishError::Unavailable(reason) => EventError::Unavailable(reason),
        }
    }
}

impl<P: Ports> Facade<P> {
    /// Handles an event. After this, its effects are durable.
    ///
    /// # Errors
    /// [`EventError`].
    pub async fn handle(&self, event: &Event) -> Result<(), EventError> {
        match (event.source.as_str(), event.kind.as_str()) {
            ("/legacy", "com.shop.legacy.order.changed.v1") => self.legacy_order(event).await,
            ("/legacy", "com.shop.legacy.message.sent.v1") => {
                let imported = translate::imported(event)?;
                Ok(self.ports.producer().publish(std::slice::from_ref(&imported)).await?)
            }
            ("/shop/orders", _) => self.new_order(event).await,
            _ => Ok(()),
        }
    }

    /// An order of the older shop becomes an event of `orders`, for all who read those.
    async fn legacy_order(&self, event: &Event) -> Result<(), EventError> {
        let (translated, is_past) = translate::order_event(event)?;
        self.ports.producer().publish(std::slice::from_ref(&translated)).await?;
        match is_past {
            true => Ok(()),
            false => self.announce(&translated).await,
        }
    }

    /// An order of the functions is copied to the older shop, so that it can answer again.
    async fn new_order(&self, event: &Event) -> Result<(), EventError> {
        let Some(copy) = translate::copied(event)? else { return Ok(()) };
        let told = self.sides.tell_legacy(Method::PUT, "copies/orders", &copy).await?;
        accepted(told, event)?;
        self.announce(event).await
    }

    /// One side sends the message that an event of an order calls for, and the other one gets a copy:
    /// the older shop here, and `notifications` by the event of the older shop.
    async fn announce(&self, event: &Event) -> Result<(), EventError> {
        let Some(message) = translate::announcement(event)? else { return Ok(()) };
        let Announcement { request, customer, mut legacy } = message;
        let name = format!("message/{request}");
        match self.claim(Family::Notifications, customer, &name).await? {
            Side::Legacy => {
                accepted(self.sides.tell_legacy(Method::POST, "messages", &legacy).await?, event)
            }
            Side::New => {
                accepted(self.sides.notify(event).await?, event)?;
                legacy["sent"] = json!(old_time(self.now_ms()));
                let told = self.sides.tell_legacy(Method::PUT, "copies/messages", &legacy).await?;
                accepted(told, event)
            }
        }
    }
}

fn old_time(ms: u64) -> String {
    rfc3339(ms).replace('T', " ").chars().take("2026-01-31 12:00:00".len()).collect()
}

fn accepted(is_accepted: bool, event: &Event) -> Result<(), EventError> {
    let refused = || EventError::Refused(format!("the event {} is refused", event.id));
    is_accepted.then_some(()).ok_or_else(refused)
}
