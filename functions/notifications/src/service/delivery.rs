//! Handing messages to the provider: at once when they are accepted, and in sweeps.
//!
//! A provider that is down or slow must not delay requests that only submit a message. So after a
//! failed attempt, only sweeps use a channel for [`REST_MS`], or until one of them finds that the
//! provider works again; a sweep of it ends after a few consecutive failures. Each channel has its own queue, pause and sweep, so failing mails do not
//! delay push messages.

use std::time::{Duration, Instant};

use chassis::parts::Parts;
use chassis::store::{Store, StoreError};
use serde::Serialize;

use super::{Notifications, key};
use crate::announcement::ALWAYS_SENT;
use crate::domain::{Channel, Notification, Outcome, Pinned};
use crate::ports::{Message, Provider, RenderError, Templates, Users};
use crate::queue::{self, Entry, FAILED, waiting};

/// The maximum number of entries of a channel that one sweep processes. Large, because a burst of
/// messages waits if one of them failed.
pub const SWEEP_LOOK_COUNT_MAX: usize = 500;
/// A sweep ends after so many setbacks in a row.
pub const SWEEP_DEFERRAL_COUNT_MAX: usize = 3;
/// A sweep begins no attempt after this time. Milliseconds.
pub const SWEEP_TIME_MAX_MS: u64 = 10_000;
/// For so long after a setback no message is tried at once. Milliseconds.
pub const REST_MS: u64 = 10_000;

/// A failed entry that has no room in the queue of failed ones is checked again after this time.
/// Milliseconds.
pub(super) const FAILED_FULL_MS: u64 = 3_600_000;

fn rest_key(channel: Channel) -> &'static str {
    match channel {
        Channel::Email => "provider/rest/email",
        Channel::Push => "provider/rest/push",
    }
}

/// What a sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// Attempts that were made.
    pub attempts: usize,
    /// Of those, how many have to be made again.
    pub deferred: usize,
    /// Failed messages that were forgotten.
    pub forgotten: usize,
}

/// How an attempt came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tried {
    /// It was not due, or is over.
    Not,
    /// It is over now.
    Settled,
    /// It has to be made again.
    Deferred,
}

impl<S: Store, T: Templates, U: Users, P: Provider> Notifications<S, T, U, P> {
    /// Tries to deliver what was just accepted, unless the provider had trouble just now. It is
    /// accepted all the same if that fails: the queue has it.
    pub(super) async fn attempt_at_once(&self, notification: &Notification, now_ms: u64) {
        let attempt = async {
            if notification.is_over() || self.is_resting(notification.channel, now_ms).await? {
                return Ok(());
            }
            self.attempt(&notification.request_id, now_ms).await.map(drop)
        };
        if let Err(error) = attempt.await {
            eprintln!("{}: {error}", notification.id);
        }
    }

    /// Whether only sweeps send messages of a channel now.
    pub(super) async fn is_resting(
        &self,
        channel: Channel,
        now_ms: u64,
    ) -> Result<bool, StoreError> {
        let until_ms: Option<u64> = self.store.read(rest_key(channel)).await?;
        // An end that is further away than any rest is of a clock that went wrong.
        Ok(until_ms.is_some_and(|until| until > now_ms && until - now_ms <= REST_MS))
    }

    /// Tries to deliver one notification if it is due.
    pub(super) async fn attempt(&self, request_id: &str, now_ms: u64) -> Result<Tried, StoreError> {
        let begin = |notification: &mut Notification| notification.begin(now_ms);
        let (notification, number) = self.change(request_id, begin).await?;
        let Some(number) = number else {
            self.follow(&notification, now_ms).await?;
            return Ok(Tried::Not);
        };
        let outcome = self.deliver(&notification).await;
        if matches!(outcome, Outcome::Deferred { .. }) {
            self.store.write(rest_key(notification.channel), &(now_ms + REST_MS)).await?;
        }
        let end = |notification: &mut Notification| {
            let ended_ms = chassis::clock::now_ms().max(now_ms);
            notification.end(number, outcome.clone(), ended_ms);
        };
        let (notification, ()) = self.change(request_id, end).await?;
        self.follow(&notification, now_ms).await?;
        Ok(if notification.is_over() { Tried::Settled } else { Tried::Deferred })
    }

    /// Changes a notification that is there; the notification as it is then.
    pub(super) async fn change<R: Send>(
        &self,
        request_id: &str,
        mut change: impl FnMut(&mut Notification) -> R + Send,
    ) -> Result<(Notification, R), StoreError> {
        let key = key(request_id);
        let change = |stored: Option<Notification>| {
            let reason = "a queue names it and it is not there".to_owned();
            let gone = || StoreError::Corrupt { key: key.clone(), reason };
            let mut notification = stored.ok_or_else(gone)?;
            let result = change(&mut notification);
            Ok::<_, StoreError>((notification.clone(), (notification, result)))
        };
        self.store.update(&key, change).await
    }

    /// Moves a notification's entries to the queue of its state. A failed one stays in the waiting
    /// queue if the queue of failed ones is full; when both are full, no more messages are
    /// accepted.
    pub(super) async fn follow(
        &self,
        notification: &Notification,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        let (store, request_id) = (&self.store, &notification.request_id);
        let waiting = waiting(notification.channel);
        if let Some(due_ms) = notification.due_ms() {
            return waiting.postpone(store, request_id, due_ms).await;
        }
        if notification.is_failed() {
            let since_ms = notification.setbacks.last().map_or(0, |setback| setback.at_ms);
            match FAILED.put(store, &Entry::of(notification, since_ms)).await {
                Ok(()) => {}
                Err(queue::Error::Full) => {
                    eprintln!("{}: too many failed messages", notification.id);
                    return waiting.postpone(store, request_id, now_ms + FAILED_FULL_MS).await;
                }
                Err(queue::Error::Store(error)) => return Err(error),
            }
        }
        waiting.remove(store, request_id).await
    }

    /// Asks again what may have changed since acceptance, and hands the message over.
    async fn deliver(&self, notification: &Notification) -> Outcome {
        let later = |detail: String| Outcome::Deferred { detail, retry_after_ms: None };
        match self.preferences(&notification.user_id).await {
            Ok(preferences)
                if !preferences.allow(notification.channel)
                    && !ALWAYS_SENT.contains(&notification.template_code.as_str()) =>
            {
                return Outcome::Unwanted;
            }
            Ok(_) => {}
            Err(error) => return later(error.to_string()),
        }
        let user = match self.person(&notification.user_id).await {
            Ok(Some(user)) => user,
            Ok(None) => return Outcome::Refused("the account does not exist any more".into()),
            Err(detail) => return later(detail),
        };
        let Pinned { version, language, variables, .. } = &notification.pinned;
        let code = &notification.template_code;
        let content = match self.templates.render(code, Some(*version), language, variables).await {
            Ok(content) => content,
            Err(RenderError::Unavailable(detail)) => return later(detail),
            Err(error) => return Outcome::Refused(format!("it can't be rendered: {error:?}")),
        };
        let message = Message {
            id: notification.id.clone(),
            channel: notification.channel,
            user_id: notification.user_id.clone(),
            email: user.email,
            content,
        };
        self.provider.deliver(&message).await
    }

    /// Processes due messages of each channel in order of priority, and removes old failed ones. A
    /// failing part does not stop the others.
    ///
    /// # Errors
    /// The first error of a part: the store did not answer.
    pub async fn sweep(&self, now_ms: u64) -> Result<Swept, StoreError> {
        let mut parts = Parts::new();
        let adopted = match queue::adopt_old(&self.store).await {
            Err(queue::Error::Store(error)) => Err(error),
            // There is room again when some have been sent.
            Ok(()) | Err(queue::Error::Full) => Ok(()),
        };
        parts.done("former queues", adopted);
        let forgotten = self.forget_failed(now_ms).await;
        let forgotten = parts.done("failed messages", forgotten);
        let mails = self.sweep_channel(Channel::Email, now_ms);
        let (mails, pushes) = futures::join!(mails, self.sweep_channel(Channel::Push, now_ms));
        let (mails, pushes) = (parts.done("mails", mails), parts.done("push messages", pushes));
        parts.end(Swept {
            attempts: mails.attempts + pushes.attempts,
            deferred: mails.deferred + pushes.deferred,
            forgotten,
        })
    }

    async fn sweep_channel(&self, channel: Channel, now_ms: u64) -> Result<Swept, StoreError> {
        let began = Instant::now();
        let mut due = waiting(channel).entries(&self.store).await?;
        due.retain(|entry| entry.not_before_ms <= now_ms);
        due.sort_by(|one, other| one.rank(now_ms).cmp(&other.rank(now_ms)));
        let (mut swept, mut in_a_row) = (Swept::default(), 0);
        for entry in due.into_iter().take(SWEEP_LOOK_COUNT_MAX) {
            if in_a_row >= SWEEP_DEFERRAL_COUNT_MAX
                || began.elapsed() > Duration::from_millis(SWEEP_TIME_MAX_MS)
            {
                break;
            }
            match self.attempt(&entry.request_id, now_ms).await {
                Ok(Tried::Not) => {}
                Ok(Tried::Settled) => {
                    swept.attempts += 1;
                    in_a_row = 0;
                }
                Ok(Tried::Deferred) => {
                    swept.attempts += 1;
                    swept.deferred += 1;
                    in_a_row += 1;
                }
                // One that can't be read must not hold up the others.
                Err(error) => eprintln!("{}: {error}", entry.request_id),
            }
        }
        if swept.attempts > 0 && in_a_row == 0 {
            self.store.delete(rest_key(channel)).await?;
        }
        Ok(swept)
    }
}
