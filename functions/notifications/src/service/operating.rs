//! The queues as operators see them, and sending what failed after all.

use chassis::store::{Store, StoreError};

use super::{Notifications, Refusal};
use crate::domain::{Channel, Notification};
use crate::ports::{Provider, Templates, Users};
use crate::queue::{Entry, FAILED, WAITING_EMAIL, WAITING_PUSH, waiting};

/// For so long a failed message can be replayed; then what it would have said is forgotten.
/// Milliseconds.
pub const FAILED_KEPT_MS: u64 = 7 * 24 * 3_600_000;
/// Most failed messages that one sweep forgets.
pub const FORGET_COUNT_MAX: usize = 50;

/// A queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueName {
    /// Mails that wait.
    Email,
    /// Push messages that wait.
    Push,
    /// Messages that were given up.
    Failed,
}

impl QueueName {
    /// All of them.
    pub const ALL: [QueueName; 3] = [QueueName::Email, QueueName::Push, QueueName::Failed];

    /// As operators write it.
    pub fn as_str(self) -> &'static str {
        match self {
            QueueName::Email => "email.queue",
            QueueName::Push => "push.queue",
            QueueName::Failed => "failed.queue",
        }
    }

    /// Reads a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|queue| queue.as_str() == name)
    }

    fn has(self, notification: &Notification) -> bool {
        match self {
            QueueName::Failed => notification.is_failed(),
            waiting => !notification.is_over() && waiting.takes(notification.channel),
        }
    }

    fn takes(self, channel: Channel) -> bool {
        match self {
            QueueName::Email => channel == Channel::Email,
            QueueName::Push => channel == Channel::Push,
            QueueName::Failed => true,
        }
    }
}

/// What came of asking for a replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replay {
    /// It waits to be sent once more.
    Pending,
    /// There is no such notification.
    Unknown,
    /// It has not failed: its status.
    NotFailed(&'static str),
    /// It failed so long ago that what it would have said is forgotten.
    Forgotten,
}

impl<S: Store, T: Templates, U: Users, P: Provider> Notifications<S, T, U, P> {
    /// The entries of a queue, oldest notification first. Some may be left over from what is
    /// not in the queue any more.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn queued(&self, queue: QueueName) -> Result<Vec<Entry>, StoreError> {
        let stored = match queue {
            QueueName::Email => WAITING_EMAIL,
            QueueName::Push => WAITING_PUSH,
            QueueName::Failed => FAILED,
        };
        let mut entries = stored.entries(&self.store).await?;
        entries.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(entries)
    }

    /// At most `limit` notifications of a queue after the one named `after`, oldest first, and
    /// where the rest begins.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn queue(
        &self,
        queue: QueueName,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<Notification>, Option<String>), StoreError> {
        let entries = self.queued(queue).await?;
        let mut rest = entries.into_iter().filter(|it| after.is_none_or(|after| *it.id > *after));
        let mut page: Vec<Notification> = Vec::new();
        while page.len() < limit {
            let Some(entry) = rest.next() else { break };
            let found = self.read(&entry.request_id).await?;
            page.extend(found.filter(|notification| queue.has(notification)));
        }
        let last = page.last().map(|notification| notification.id.clone());
        let next = last.filter(|_| rest.next().is_some());
        Ok((page, next))
    }

    /// Sends a failed message again, with the same retries as a new one. The provider still knows
    /// it by its id. Repeating this while it waits changes nothing.
    ///
    /// # Errors
    /// The queue is full or the store did not answer: repeat it.
    pub async fn replay(&self, id: &str, now_ms: u64) -> Result<Replay, Refusal> {
        let Some(notification) = self.find(id).await? else { return Ok(Replay::Unknown) };
        let status = notification.state.word();
        if notification.is_forgotten() && notification.is_failed() {
            return Ok(Replay::Forgotten);
        }
        if !notification.is_failed() && !notification.is_replayed() {
            return Ok(Replay::NotFailed(status));
        }
        let request_id = &notification.request_id;
        // The entry before the state: a crash leaves an entry too many, not a message that
        // nobody looks for. And after: a sweep in between may have taken it away.
        let waiting = waiting(notification.channel);
        waiting.put(&self.store, &Entry::of(&notification, now_ms)).await?;
        let (notification, _) = self.change(request_id, |it| it.replay(now_ms)).await?;
        if notification.is_failed() {
            return Ok(Replay::Forgotten);
        }
        if !notification.is_over() {
            waiting.put(&self.store, &Entry::of(&notification, now_ms)).await?;
        }
        FAILED.remove(&self.store, request_id).await?;
        self.attempt_at_once(&notification, now_ms).await;
        Ok(Replay::Pending)
    }

    /// Forgets what failed too long ago to be replayed; how many there were.
    pub(super) async fn forget_failed(&self, now_ms: u64) -> Result<usize, StoreError> {
        let mut old = FAILED.entries(&self.store).await?;
        old.retain(|entry| now_ms.saturating_sub(entry.since_ms) > FAILED_KEPT_MS);
        old.truncate(FORGET_COUNT_MAX);
        for entry in &old {
            match self.change(&entry.request_id, Notification::forget).await {
                // An unreadable message can't be replayed and must not stop the others.
                Err(error @ StoreError::Corrupt { .. }) => eprintln!("{}: {error}", entry.id),
                forgotten => drop(forgotten?),
            }
            FAILED.remove(&self.store, &entry.request_id).await?;
        }
        Ok(old.len())
    }
}
