//! Events of other functions.
//!
//! Events are delivered at least once, and nothing about them is stored here: the request id of a
//! message is derived from the order and its status, and a copy of a user has a sequence number. So
//! a repetition has no effect.

use chassis::clock::parse_rfc3339;
use chassis::events::Event;
use chassis::sealed::{Unreadable, forgotten, readable};

use super::users::UserChange;
use super::{Error, Notifications};
use crate::domain::{Fault, Meaning, Request, meaning};
use crate::ports::Ports;

impl<P: Ports> Notifications<P> {
    /// Handles an event. After this, its effects are durable.
    ///
    /// # Errors
    /// [`Error::Unavailable`]: deliver the event again later. All others: it can't be handled.
    pub async fn handle(&self, event: &Event) -> Result<(), Error> {
        let invalid = |detail| Error::Invalid(Fault::of("data", detail));
        let sequence = event.sequence().unwrap_or(0);
        if let Some(id) = forgotten(event).map_err(|error| invalid(error.to_string()))? {
            return Ok(self.erase_user(&id, sequence).await?);
        }
        let event = match readable(event, &self.ports).await {
            Ok(Some(event)) => event,
            // It is about a user who was erased.
            Ok(None) => return Ok(()),
            Err(Unreadable::Damaged) => return Err(invalid(Unreadable::Damaged.to_string())),
            Err(error) => return Err(Error::Unavailable(error.to_string())),
        };
        match meaning(&event.kind, &event.data).map_err(invalid)? {
            Meaning::Nothing => Ok(()),
            Meaning::Messages(requests) => self.announce(requests).await,
            Meaning::Sent(request, at_ms) => self.import(request, at_ms).await,
            Meaning::User(id, user, requests) => {
                let at_ms = event.time.as_deref().and_then(parse_rfc3339);
                let at_ms = at_ms.unwrap_or_else(|| self.now_ms());
                self.store_user(&UserChange { id, user, sequence, at_ms }).await?;
                self.announce(requests).await
            }
        }
    }

    /// Accepts all requests before the first attempt, so that the provider does not delay them.
    async fn announce(&self, requests: Vec<Request>) -> Result<(), Error> {
        let mut accepted = Vec::with_capacity(requests.len());
        for request in requests {
            let user_id = request.user_id.clone();
            // An order outlives the account of the customer who placed it.
            if self.is_deleted(&user_id).await? {
                // An earlier delivery may have created the message and crashed.
                self.erase_messages(&user_id, Some(&request.request_id)).await?;
                self.suppress(request).await?;
                continue;
            }
            match self.accept(request.clone()).await {
                Ok(notification) => accepted.push(notification),
                // An earlier version of the event was announced, with a different text.
                Err(Error::Conflict) => {}
                // The user has deleted their account in the meantime.
                Err(Error::Invalid(_)) if self.is_deleted(&user_id).await? => {
                    self.suppress(request).await?;
                }
                Err(error) => return Err(error),
            }
        }
        for notification in accepted {
            self.try_deliver(&notification).await;
        }
        Ok(())
    }
}
