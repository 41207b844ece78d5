//! The relay: changes aggregates that have an outbox, publishes what lies in it, and finds
//! after a crash what was left.

use super::marks::{self, Entry, Mark, SHARDS, Shard};
use super::{HasOutbox, Outbox};
use crate::clock::now_ms;
use crate::events::{Event, PUBLISH_EVENTS_MAX, Producer, PublishError};
use crate::parts::Parts;
use crate::store::{Store, StoreError, UPDATE_ATTEMPTS_MAX, decode, encode};
use serde::{Serialize, de::DeserializeOwned};
use std::collections::BTreeMap;

/// How often one flush looks whether others have added events meanwhile.
pub const FLUSH_ROUNDS_MAX: u32 = 8;
/// Data of the events that are published at once, in bytes; a longer event goes alone.
pub const PUBLISH_BYTES_MAX: usize = 256 * 1024;

/// Why an outbox is not empty now. The events are not lost: a sweep tries again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RelayError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log did not take the events.
    #[error(transparent)]
    Publish(#[from] PublishError),
}

/// What a flush did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flushed {
    /// Events that the log has acknowledged.
    pub published: usize,
    /// Events that others have added meanwhile and will publish.
    pub left: usize,
}

/// What a sweep did: the answer of a `/sweep` route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// Marked keys that were looked at.
    pub keys: usize,
    /// Events that the log has acknowledged.
    pub published: usize,
    /// Keys whose outbox could not be flushed.
    pub failed: usize,
    /// Marks that are still there.
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

    /// Change the aggregate at `key` as [`Store::update`] does, and publish what the change
    /// left in its outbox. The change counts as done even if the log is away: a
    /// [`Relay::sweep`] publishes later.
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

    /// Note that the outbox at `key` may soon hold something. Before the change.
    pub async fn mark(&self, key: &str) -> Result<Mark, StoreError> {
        marks::add(&self.store, key, now_ms()).await
    }

    /// Take the mark away, after a successful flush. If this fails, a sweep does it.
    pub async fn unmark(&self, mark: Mark) -> Result<(), StoreError> {
        marks::remove(&self.store, &mark).await
    }

    /// Publish what lies in the outbox at `key`, in order, and take it out. A key without a
    /// value has an empty outbox.
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
        let mut sweep = Sweep { now_ms, left: limit, log_is_away: false, swept: Swept::default() };
        let mut parts = Parts::new();
        for step in 0..SHARDS {
            // Not always the same first: a few bad keys must not use up the limit for ever.
            let first = u8::try_from(now_ms / 1_000 % u64::from(SHARDS)).unwrap_or(0);
            let shard = (first + step) % SHARDS;
            let part = self.sweep_shard::<T>(shard, &mut sweep).await;
            parts.done(&marks::shard_key(shard), part);
        }
        parts.end(sweep.swept)
    }

    async fn sweep_shard<T>(&self, number: u8, sweep: &mut Sweep) -> Result<(), StoreError>
    where
        T: HasOutbox + Serialize + DeserializeOwned + Send + Sync,
    {
        let shard = self.store.read::<Shard>(&marks::shard_key(number)).await?;
        let shard = shard.unwrap_or_default();
        let mut keys = BTreeMap::<&str, Vec<(&String, &Entry)>>::new();
        for (id, entry) in &shard {
            keys.entry(&entry.key).or_default().push((id, entry));
        }
        let skip = usize::try_from(sweep.now_ms / 1_000).unwrap_or(0) % keys.len().max(1);
        let mut gone = Vec::new();
        for (key, marks) in keys.iter().skip(skip).chain(keys.iter().take(skip)) {
            let is_empty = sweep.wants_more() && self.sweep_key::<T>(key, sweep).await;
            let old = marks.iter().filter(|(_, entry)| entry.is_old(sweep.now_ms));
            // One is enough to find what could not be published. A younger one would not do:
            // its request may take it away without having published.
            let kept = usize::from(!is_empty);
            gone.extend(old.skip(kept).map(|(id, _)| (*id).clone()));
        }
        sweep.swept.marks += shard.len() - gone.len();
        if gone.is_empty() { Ok(()) } else { marks::remove_all(&self.store, number, &gone).await }
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

    /// Write the change, unless it took so long that its mark may be gone.
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

    /// Publish what this change left, without reading it again. `bytes` is what was written.
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

    /// In order, in portions that the contract takes. What follows a portion that failed is
    /// not tried.
    async fn publish(&self, mut events: &[Event]) -> Result<(), PublishError> {
        while !events.is_empty() {
            let mut bytes = 0;
            let fits = |event: &&Event| {
                bytes += event.data.len();
                bytes <= PUBLISH_BYTES_MAX
            };
            let fitting = events.iter().take(PUBLISH_EVENTS_MAX).take_while(fits).count();
            let (portion, rest) = events.split_at(fitting.max(1));
            self.producer.publish(portion).await?;
            events = rest;
        }
        Ok(())
    }

    /// Take a mark away whose request has nothing left to publish. If it fails, a sweep does it.
    async fn let_go(&self, mark: Option<Mark>) {
        let Some(mark) = mark else { return };
        if let Err(error) = self.unmark(mark).await {
            eprintln!("a mark stays for a sweep: {error}");
        }
    }
}

/// Takes the first `through` events out; how many are left.
fn settled<T: HasOutbox>(
    through: u64,
) -> impl FnMut(Option<T>) -> Result<(T, usize), StoreError> + Send {
    move |value| {
        let gone = || StoreError::Unavailable("the value was removed meanwhile".to_owned());
        let mut value = value.ok_or_else(gone)?;
        let outbox: &mut Outbox = value.outbox_mut();
        outbox.settle(through);
        let left = outbox.len();
        Ok((value, left))
    }
}

/// A sweep while it goes on.
struct Sweep {
    now_ms: u64,
    left: usize,
    log_is_away: bool,
    swept: Swept,
}

impl Sweep {
    fn wants_more(&self) -> bool {
        self.left > 0 && !self.log_is_away
    }
}
