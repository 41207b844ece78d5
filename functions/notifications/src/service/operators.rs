//! The queues as operators see them, and the replay of failed messages.

use chassis::store::StoreError;

use super::{Error, Notifications};
use crate::domain::Notification;
use crate::ports::Ports;
use crate::queue::{Entry, Queue};

/// How long a failed message can be replayed, in milliseconds; then its variables are deleted.
pub const FAILED_KEPT_MS: u64 = 7 * 24 * 3_600_000;
/// The maximum number of failed messages that expire in one sweep.
pub const EXPIRE_COUNT_MAX: usize = 50;

/// The outcome of a replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replay {
    /// The message waits to be sent again.
    Pending,
    /// There is no such notification.
    Unknown,
    /// It has not failed: its status.
    NotFailed(&'static str),
    /// It failed more than [`FAILED_KEPT_MS`] ago, and its variables are deleted.
    Expired,
}

impl<P: Ports> Notifications<P> {
    /// The entries of a queue, oldest notification first. Some may be obsolete.
    ///
    /// # Errors
    /// The store failed.
    pub async fn entries(&self, queue: Queue) -> Result<Vec<Entry>, StoreError> {
        let mut entries = queue.list(self.store()).entries().await?;
        entries.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(entries)
    }

    /// At most `limit` notifications of a queue after the one with the id `after`, oldest first,
    /// and the position of the next page.
    ///
    /// # Errors
    /// The store failed.
    pub async fn queued(
        &self,
        queue: Queue,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<Notification>, Option<String>), StoreError> {
        let entries = self.entries(queue).await?;
        let mut rest = entries.into_iter().filter(|it| after.is_none_or(|after| *it.id > *after));
        let mut page: Vec<Notification> = Vec::new();
        while page.len() < limit {
            let Some(entry) = rest.next() else { break };
            let found = self.read(&entry.request_id).await?;
            page.extend(found.filter(|notification| queue.contains(notification)));
        }
        let last = page.last().map(|notification| notification.id.clone());
        let next = last.filter(|_| rest.next().is_some());
        Ok((page, next))
    }

    /// Sends a failed message again, with the same retries as a new one. The provider recognizes it
    /// by its id. Repeating this while it waits changes nothing.
    ///
    /// # Errors
    /// The queue is full or the store failed. Repeating is safe.
    pub async fn replay(&self, id: &str) -> Result<Replay, Error> {
        let Some(notification) = self.find(id).await? else { return Ok(Replay::Unknown) };
        if notification.is_failed() && notification.is_expired() {
            return Ok(Replay::Expired);
        }
        if !notification.is_failed() && !notification.is_replayed() {
            return Ok(Replay::NotFailed(notification.state.as_str()));
        }
        let request_id = &notification.request_id;
        // The entry before the state: a crash leaves an obsolete entry, not a message without one.
        // And after: a concurrent sweep may have removed it.
        let queue = self.queue(&notification);
        queue.put(&Entry::of(&notification)).await?;
        let now_ms = self.now_ms();
        let (notification, _) = self.change(request_id, |it| it.replay(now_ms)).await?;
        if notification.is_failed() {
            return Ok(Replay::Expired);
        }
        if !notification.is_over() {
            queue.put(&Entry::of(&notification)).await?;
        }
        Queue::Failed.list(self.store()).remove(request_id).await?;
        self.try_deliver(&notification).await;
        Ok(Replay::Pending)
    }

    /// Deletes the variables of messages that failed too long ago to be replayed; returns how many.
    pub(super) async fn expire_failed(&self) -> Result<usize, StoreError> {
        let (now_ms, failed) = (self.now_ms(), Queue::Failed.list(self.store()));
        let mut old = failed.entries().await?;
        old.retain(|entry| now_ms.saturating_sub(entry.since_ms) > FAILED_KEPT_MS);
        old.truncate(EXPIRE_COUNT_MAX);
        for entry in &old {
            match self.change(&entry.request_id, Notification::expire).await {
                // An unreadable message can't be replayed and must not stop the others.
                Err(error @ StoreError::Corrupt { .. }) => eprintln!("{}: {error}", entry.id),
                expired => drop(expired?),
            }
            failed.remove(&entry.request_id).await?;
        }
        Ok(old.len())
    }
}
