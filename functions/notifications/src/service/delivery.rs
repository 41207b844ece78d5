//! Delivering messages to the provider: immediately after acceptance, and in sweeps.
//!
//! A provider that is down or slow must not delay requests that only submit a message. So after a
//! failed attempt, the channel is paused: only sweeps use it for [`PAUSE_MS`], or until one of them
//! finds that the provider works again. A sweep ends after a few consecutive failures. Each channel
//! has its own queue, pause and sweep, so failing mails do not delay push messages.

use chassis::parts::Parts;
use chassis::store::{Store, StoreError};
use chassis::worklist::{self, Swept};
use serde::Serialize;

use super::Notifications;
use crate::domain::{ALWAYS_SENT, Channel, Notification, Outcome, Pinned};
use crate::ports::{Message, Ports, RenderError};
use crate::queue::{self, Entry, Queue};

/// The maximum number of entries of a channel that one sweep processes. Large, because a burst of
/// messages waits if one of them failed.
pub const SWEEP_COUNT_MAX: usize = 500;
/// A sweep of a channel ends after this number of consecutive failures.
pub const SWEEP_FAILURE_COUNT_MAX: usize = 3;
/// A sweep begins no attempt after this time, in milliseconds.
pub const SWEEP_TIME_MAX_MS: u64 = 10_000;
/// How long only sweeps use a channel after a failure, in milliseconds.
pub const PAUSE_MS: u64 = 10_000;
/// The delay of the next look at a failed message if the queue of failed messages is full, in
/// milliseconds.
const FAILED_FULL_MS: u64 = 3_600_000;

/// The result of a sweep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SweepReport {
    /// Messages of all channels.
    #[serde(flatten)]
    pub messages: Swept,
    /// Failed messages that have become too old for a replay.
    pub expired: usize,
}

impl<P: Ports> Notifications<P> {
    /// Tries to deliver a new notification, unless its channel is paused. An error is not reported
    /// to the caller, because the notification is in the queue.
    pub(super) async fn try_deliver(&self, notification: &Notification) {
        let attempt = async {
            if !notification.is_over() && !self.is_paused(notification.channel).await? {
                self.attempt(&notification.request_id).await?;
            }
            Ok::<_, StoreError>(())
        };
        if let Err(error) = attempt.await {
            eprintln!("{}: {error}", notification.id);
        }
    }

    /// Whether only sweeps send messages of a channel now.
    pub(super) async fn is_paused(&self, channel: Channel) -> Result<bool, StoreError> {
        let until_ms: Option<u64> = self.store().read(pause_key(channel)).await?;
        let now_ms = self.now_ms();
        // A later end was written with a wrong clock.
        Ok(until_ms.is_some_and(|until| until > now_ms && until - now_ms <= PAUSE_MS))
    }

    /// Tries to deliver a notification; `None` if it is not due.
    pub(super) async fn attempt(
        &self,
        request_id: &str,
    ) -> Result<Option<worklist::Outcome>, StoreError> {
        let now_ms = self.now_ms();
        let begin = |notification: &mut Notification| notification.begin(now_ms);
        let (notification, number) = self.change(request_id, begin).await?;
        let Some(number) = number else {
            self.update_queues(&notification).await?;
            return Ok(None);
        };
        let outcome = self.deliver(&notification).await;
        let now_ms = self.now_ms();
        if matches!(outcome, Outcome::Deferred { .. }) {
            let until_ms = now_ms + PAUSE_MS;
            self.store().write(pause_key(notification.channel), &until_ms).await?;
        }
        let end = |it: &mut Notification| it.end(number, outcome.clone(), now_ms);
        let (notification, ()) = self.change(request_id, end).await?;
        self.update_queues(&notification).await?;
        Ok(Some(match notification.is_over() {
            true => worklist::Outcome::Finished,
            false => worklist::Outcome::Left,
        }))
    }

    /// Moves a notification's entry to the queue of its state. A failed one stays in the queue of
    /// its channel if the queue of failed ones is full; if both are full, no more messages are
    /// accepted.
    async fn update_queues(&self, notification: &Notification) -> Result<(), StoreError> {
        let (queue, entry) = (self.queue(notification), Entry::of(notification));
        if !notification.is_over() {
            return queue.put(&entry).await;
        }
        if notification.is_failed() {
            match Queue::Failed.list(self.store()).put(&entry).await {
                Err(error @ StoreError::Backlog { .. }) => {
                    eprintln!("{}: the queue of failed messages is full: {error}", entry.id);
                    let not_before_ms = self.now_ms() + FAILED_FULL_MS;
                    return queue.put(&Entry { not_before_ms, ..entry }).await;
                }
                put => put?,
            }
        }
        queue.remove(&entry.request_id).await
    }

    /// Reads what may have changed since acceptance, and delivers the message to the provider.
    async fn deliver(&self, notification: &Notification) -> Outcome {
        let code = &notification.template_code;
        match self.preferences(&notification.user_id).await {
            Ok(preferences) => {
                let is_allowed = preferences.allow(notification.channel);
                if !is_allowed && !ALWAYS_SENT.contains(&code.as_str()) {
                    return Outcome::Unwanted;
                }
            }
            Err(error) => return Outcome::deferred(error.to_string()),
        }
        let user = match self.user(&notification.user_id).await {
            Ok(Some(user)) => user,
            Ok(None) => return Outcome::Refused("the account was deleted".to_owned()),
            Err(detail) => return Outcome::deferred(detail),
        };
        let Pinned { version, language, variables, .. } = &notification.pinned;
        let content = match self.ports.render(code, Some(*version), language, variables).await {
            Ok(content) => content,
            Err(RenderError::Unavailable(detail)) => return Outcome::deferred(detail),
            Err(error) => return Outcome::Refused(format!("it can't be rendered: {error:?}")),
        };
        let message = Message {
            id: notification.id.clone(),
            channel: notification.channel,
            user_id: notification.user_id.clone(),
            email: user.email,
            content,
        };
        self.ports.deliver(&message).await
    }

    /// Processes due messages of each channel in order of priority, and expires old failed ones. A
    /// failing part does not stop the others.
    ///
    /// # Errors
    /// The first error of a part: the store failed.
    pub async fn sweep(&self) -> Result<SweepReport, StoreError> {
        let mut parts = Parts::new();
        let migrated = match queue::migrate(self.store()).await {
            // There is room again when some have been sent.
            Err(StoreError::Backlog { .. }) => Ok(()),
            migrated => migrated,
        };
        parts.done("former queues", migrated);
        let expired = parts.done("failed messages", self.expire_failed().await);
        let mails = self.sweep_channel(Channel::Email);
        let (mails, pushes) = futures::join!(mails, self.sweep_channel(Channel::Push));
        let (mails, pushes) = (parts.done("mails", mails), parts.done("push messages", pushes));
        let messages = Swept {
            looked_at: mails.looked_at + pushes.looked_at,
            finished: mails.finished + pushes.finished,
            left: mails.left + pushes.left,
            failed: mails.failed + pushes.failed,
        };
        parts.end(SweepReport { messages, expired })
    }

    async fn sweep_channel(&self, channel: Channel) -> Result<Swept, StoreError> {
        let began_ms = self.now_ms();
        let mut due = Queue::of(channel).list(self.store()).entries().await?;
        due.retain(|entry| entry.not_before_ms <= began_ms);
        due.sort_by(|one, other| one.rank(began_ms).cmp(&other.rank(began_ms)));
        // Consecutive failures since the last success; `None` before the first attempt.
        let (mut swept, mut failures) = (Swept::default(), None);
        for entry in due {
            if swept.looked_at >= SWEEP_COUNT_MAX
                || failures >= Some(SWEEP_FAILURE_COUNT_MAX)
                || self.now_ms().saturating_sub(began_ms) > SWEEP_TIME_MAX_MS
            {
                swept.left += 1;
                continue;
            }
            let attempt = self.attempt(&entry.request_id).await;
            match attempt {
                Ok(Some(worklist::Outcome::Finished)) => failures = Some(0),
                Ok(Some(worklist::Outcome::Left)) => failures = Some(failures.unwrap_or(0) + 1),
                _ => {}
            }
            let done = attempt.map(|outcome| outcome.unwrap_or(worklist::Outcome::Finished));
            swept.count(&entry.request_id, done);
        }
        if failures == Some(0) {
            self.store().delete(pause_key(channel)).await?;
        }
        Ok(swept)
    }
}

fn pause_key(channel: Channel) -> &'static str {
    match channel {
        Channel::Email => "provider/rest/email",
        Channel::Push => "provider/rest/push",
    }
}
