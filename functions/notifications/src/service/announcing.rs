//! Acting on what other functions publish.
//!
//! Events come at least once. Nothing is remembered of them here: a message has the order and
//! the status for its request id, a copy of a user has a sequence number, and so a repetition
//! finds its own work done.

use chassis::clock::parse_rfc3339;
use chassis::events::Event;
use chassis::sealed::{Unreadable, readable};
use chassis::store::Store;

use super::people::Change;
use super::{Notifications, Refusal};
use crate::announcement::{Meaning, meaning};
use crate::domain::{Fault, Request};
use crate::ports::{Provider, Templates, User, Users};

impl<S: Store, T: Templates, U: Users, P: Provider> Notifications<S, T, U, P> {
    /// Does what an event calls for. When this answers, what it calls for is durable.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`]: give the event again, later. All others: it can't be acted on
    /// as things are.
    pub async fn receive(&self, event: &Event, now_ms: u64) -> Result<(), Refusal> {
        let unreadable = |detail| Refusal::Invalid(Fault::of("data", detail));
        let event = match readable(event, &self.users).await {
            Ok(Some(event)) => event,
            // It is about a user who was erased.
            Ok(None) => return Ok(()),
            Err(Unreadable::Damaged) => return Err(unreadable(Unreadable::Damaged.to_string())),
            Err(error) => return Err(Refusal::Unavailable(error.to_string())),
        };
        match meaning(&event.kind, &event.data).map_err(unreadable)? {
            Meaning::Nothing => Ok(()),
            Meaning::Gone(id) => Ok(self.forget_person(&id, event.sequence().unwrap_or(0)).await?),
            Meaning::Messages(requests) => self.announce(requests, now_ms).await,
            Meaning::User(id, user, requests) => {
                self.keep(&change(&event, id, user, now_ms), now_ms).await?;
                self.announce(requests, now_ms).await
            }
        }
    }

    /// Accepts all of them before any is tried: what was accepted is not held up by the
    /// provider.
    async fn announce(&self, requests: Vec<Request>, now_ms: u64) -> Result<(), Refusal> {
        let mut accepted = Vec::with_capacity(requests.len());
        for request in requests {
            let user_id = request.user_id.clone();
            // An order outlives the account of the customer who placed it.
            if self.is_gone(&user_id).await? {
                // An earlier delivery may have created the message and crashed.
                self.erase_messages(&user_id, Some(&request.request_id)).await?;
                self.suppress(request, now_ms).await?;
                continue;
            }
            match self.accept(request.clone(), now_ms).await {
                Ok(notification) => accepted.push(notification),
                // The customer was told of this already, in other words.
                Err(Refusal::Conflict) => {}
                // The user has deleted their account in the meantime.
                Err(Refusal::Invalid(_)) if self.is_gone(&user_id).await? => {
                    self.suppress(request, now_ms).await?;
                }
                Err(refusal) => return Err(refusal),
            }
        }
        for notification in accepted {
            self.attempt_at_once(&notification, now_ms).await;
        }
        Ok(())
    }
}

fn change(event: &Event, id: String, user: User, now_ms: u64) -> Change {
    let at_ms = event.time.as_deref().and_then(parse_rfc3339).unwrap_or(now_ms);
    Change { id, user, sequence: event.sequence().unwrap_or(0), at_ms }
}
