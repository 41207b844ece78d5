//! The relay: changes aggregates that have an outbox, publishes its events, and finds events that
//! a crash has left.

use super::marks::{self, MARK_AGE_MS, Mark};
use super::{HasOutbox, Outbox};
use crate::clock::now_ms;
use crate::events::{Event, PUBLISH_EVENTS_MAX, Producer, PublishError};
use crate::store::{Store, StoreError, UPDATE_ATTEMPTS_MAX, decode, encode};
use serde::{Serialize, de::DeserializeOwned};

/// How often one flush checks whether other requests have added events in the meantime.
pub const FLUSH_ROUNDS_MAX: u32 = 8;
/// The maximum size of the data of events that are published at once, in bytes. A longer event is
/// published alone.
pub const PUBLISH_BYTES_MAX: usize = 256 * 1024;

/// Why an outbox was not emptied. The events are not lost: a sweep tries again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RelayError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log did not accept the events.
    #[error(transparent)]
    Publish(#[from] PublishError),
}

/// The result of a flush.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flushed {
    /// Events that the log has acknowledged.
    pub published: usize,
    /// Events that other requests have added in the meantime and will publish.
    pub left: usize,
}

/// The result of a sweep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// Marked keys that were processed.
    pub keys: usize,
    /// Events that the log has acknowledged.
    pub published: usize,
    /// Keys whose outbox could not be flushed.
    pub failed: usize,
    /// Marks that are left.
    pub marks: usize,
}

/// Publishes outboxes. Any number of relays may work on the same store.
#[derive(Clone, Debug)]
pub struct Relay<S, P> {
    store: S,
    producer: P,
}

impl<S: Store, P: Producer> Relay<S, P> {
    /// A relay from the aggregates of `store` to `producer`.
    pub fn new(store: S, producer: P) -> Relay<S, P> {
        Relay { store, producer }
    }

    /// Changes the aggregate at `key` as [`Store::update`] does, and publishes the events that the
    /// change added to its outbox. The change succeeds even if the log is unavailable: a
    /// [`Relay::sweep`] publishes them later.
    pub async fn change<T, R, E>(
        &self,
        key: &str,
        mut change: impl FnMut(Option<T>) -> Result<(T, R), E> + Send,
    ) -> Result<R, E>
    where
        T: HasOutbox + Serialize + DeserializeOwned + Send + Sync,
        R: Send,
        E: From<StoreError> + Send,
    {
        let mut mark = None;
        for _ in 0..UPDATE_ATTEMPTS_MAX {
            let current = self.store.get(key).await?;
            let decoded = current.as_deref().map(|bytes| decode(key, bytes)).transpose()?;
            let changed = change(decoded).and_then(|(next, result)| {
                let bytes = encode(key, &next)?;
                Ok((next, bytes, result))
            });
            let (next, bytes, result) = match changed {
                Ok(changed) => changed,
                Err(error) => {
                    self.let_go(mark).await;
                    return Err(error);
                }
            };
            if current.as_ref() == Some(&bytes) {
                self.let_go(mark).await;
                return Ok(result);
            }
            if !next.outbox().is_empty() && mark.is_none() {
                mark = Some(self.mark(key).await?);
            }
            if self.write(key, current.as_deref(), &bytes, mark.as_ref()).await? {
                self.publish_now(key, next, bytes, mark).await;
                return Ok(result);
            }
        }
        self.let_go(mark).await;
        Err(StoreError::Contended(key.to_owned()).into())
    }

    /// Marks that the outbox at `key` may soon have events. Call this before the change.
    pub async fn mark(&self, key: &str) -> Result<Mark, StoreError> {
        marks::add(&self.store, key, now_ms()).await
    }

    /// Removes the mark, after a successful flush. If this fails, a sweep does it.
    pub async fn unmark(&self, mark: Mark) -> Result<(), StoreError> {
        marks::remove(&self.store, mark).await
    }

    /// Publishes and removes the events in the outbox at `key`, in order. A key without a value has
    /// an empty outbox.
    pub async fn flush<T>(&self, key: &str) -> Result<Flushed, RelayError>
    where
        T: HasOutbox + Serialize + DeserializeOwned + Send + Sync,
    {
        let mut flushed = Flushed::default();
        for _ in 0..FLUSH_ROUNDS_MAX {
            let Some(value) = self.store.read::<T>(key).await? else { break };
            flushed.left = value.outbox().len();
            if flushed.left == 0 {
                break;
            }
            flushed.published += flushed.left;
            self.publish(value.outbox().pending()).await?;
            let settled = settled::<T>(value.outbox().last_sequence());
            flushed.left = self.store.update(key, settled).await?;
            if flushed.left == 0 {
                break;
            }
        }
        Ok(flushed)
    }

    /// Flushes the outboxes of at most `limit` marked keys and removes marks that are no longer
    /// needed. A key that can't be flushed does not stop the others, except that relaying stops
    /// when the log is unavailable. If a part of the index can't be read, the other parts are
    /// processed first, and then the error is returned. `now_ms` in milliseconds since the epoch.
    /// For a `/sweep` route; all marked values must be of the type `T`.
    pub async fn sweep<T>(&self, now_ms: u64, limit: usize) -> Result<Swept, StoreError>
    where
        T: HasOutbox + Serialize + DeserializeOwned + Send + Sync,
    {
        let list = marks::list(&self.store);
        let mut sweep = Sweep { left: limit, log_is_away: false, swept: Swept::default() };
        // Not always in the same order: a few bad keys must not use up the limit each time.
        let mut round = list.round(now_ms / 1_000);
        while let Some(shard) = round.next().await {
            let mut gone = Vec::new();
            for group in shard.groups {
                let key = &group.subject;
                let is_empty = sweep.wants_more() && self.sweep_key::<T>(key, &mut sweep).await;
                // One mark is enough to find what could not be published. It has to be an old one:
                // the request of a younger one may remove it without having published.
                let kept = usize::from(!is_empty);
                let old = group.older(MARK_AGE_MS, now_ms).into_iter().skip(kept);
                sweep.swept.marks += group.entries.len();
                gone.extend(old);
            }
            sweep.swept.marks -= gone.len();
            round.note(list.forget(shard.number, &gone).await);
        }
        round.end().map(|()| sweep.swept)
    }

    /// Whether the outbox is empty now.
    async fn sweep_key<T>(&self, key: &str, sweep: &mut Sweep) -> bool
    where
        T: HasOutbox + Serialize + DeserializeOwned + Send + Sync,
    {
        sweep.left -= 1;
        sweep.swept.keys += 1;
        match self.flush::<T>(key).await {
            Ok(flushed) => {
                sweep.swept.published += flushed.published;
                flushed.left == 0
            }
            Err(error) => {
                eprintln!("the outbox of {key} is not published: {error}");
                sweep.log_is_away |=
                    matches!(error, RelayError::Publish(PublishError::Unavailable(_)));
                sweep.swept.failed += 1;
                false
            }
        }
    }

    /// Writes the change, unless it took so long that a sweep may have removed its mark.
    async fn write(
        &self,
        key: &str,
        current: Option<&[u8]>,
        next: &[u8],
        mark: Option<&Mark>,
    ) -> Result<bool, StoreError> {
        if mark.is_some_and(|mark| !mark.is_valid(now_ms())) {
            return Err(StoreError::Unavailable("the change took too long".to_owned()));
        }
        match current {
            Some(bytes) => self.store.compare_and_swap(key, Some(bytes), next).await,
            None => self.store.create_bytes_guarded(key, next).await,
        }
    }

    /// Publishes the events of this change without reading it again. `bytes` is the written value.
    async fn publish_now<T>(&self, key: &str, next: T, bytes: Vec<u8>, mark: Option<Mark>)
    where
        T: HasOutbox + Serialize + DeserializeOwned + Send + Sync,
    {
        if next.outbox().is_empty() {
            return self.let_go(mark).await;
        }
        match self.publish_written(key, next, bytes).await {
            Ok(()) => self.let_go(mark).await,
            Err(error) => eprintln!("the outbox of {key} waits for a sweep: {error}"),
        }
    }

    async fn publish_written<T>(
        &self,
        key: &str,
        mut next: T,
        bytes: Vec<u8>,
    ) -> Result<(), RelayError>
    where
        T: HasOutbox + Serialize + DeserializeOwned + Send + Sync,
    {
        self.publish(next.outbox().pending()).await?;
        let through = next.outbox().last_sequence();
        next.outbox_mut().settle(through);
        let emptied = encode(key, &next)?;
        if !self.store.compare_and_swap(key, Some(&bytes), &emptied).await? {
            self.store.update(key, settled::<T>(through)).await?;
        }
        Ok(())
    }

    /// Publishes in order, in batches of the size that the contract allows. Stops at the first
    /// batch that fails.
    async fn publish(&self, mut events: &[Event]) -> Result<(), PublishError> {
        while !events.is_empty() {
            let mut bytes = 0;
            let fits = |event: &&Event| {
                bytes += event.data.len();
                bytes <= PUBLISH_BYTES_MAX
            };
            let fitting = events.iter().take(PUBLISH_EVENTS_MAX).take_while(fits).count();
            let (batch, rest) = events.split_at(fitting.max(1));
            self.producer.publish(batch).await?;
            events = rest;
        }
        Ok(())
    }

    /// Removes a mark whose request has nothing left to publish. If it fails, a sweep does it.
    async fn let_go(&self, mark: Option<Mark>) {
        let Some(mark) = mark else { return };
        if let Err(error) = self.unmark(mark).await {
            eprintln!("a mark is left for a sweep: {error}");
        }
    }
}

/// Removes the first `through` events and returns how many are left.
fn settled<T: HasOutbox>(
    through: u64,
) -> impl FnMut(Option<T>) -> Result<(T, usize), StoreError> + Send {
    move |value| {
        let gone = || StoreError::Unavailable("the value was removed in the meantime".to_owned());
        let mut value = value.ok_or_else(gone)?;
        let outbox: &mut Outbox = value.outbox_mut();
        outbox.settle(through);
        let left = outbox.len();
        Ok((value, left))
    }
}

/// The state of a running sweep.
struct Sweep {
    left: usize,
    log_is_away: bool,
    swept: Swept,
}

impl Sweep {
    fn wants_more(&self) -> bool {
        self.left > 0 && !self.log_is_away
    }
}
