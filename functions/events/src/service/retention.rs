//! Retention: old segments are removed so that the ring has space.
//!
//! A segment is removed when it is old or the ring is full, and when every subscription has queued
//! its events of the segment. Unfinished events, including dead letters, do not keep the segment:
//! they are copied first. So a failing subscriber takes no space in the ring from others. A
//! subscription has at most as many copies as it may have open events and dead letters. Each step
//! can be repeated after a crash.
//!
//! Operators may request a replay while a segment is being removed. One read decides whether a
//! subscription needs the segment and which of its events are copied; it is the last step before
//! the removal. A later replay uses the copy. A later replay of a time span gets what is left of
//! it. A copy whose event was finished in the meantime is removed after the segment.

use crate::domain::segment::Segment;
use crate::log::{SEGMENTS_MAX, Slot, seen_key, segment_key};
use crate::ports::Subscriber;
use crate::service::{Broker, copy_key};
use chassis::clock::Clock;
use chassis::store::{Store, StoreError};
use tessera_events::Subscription;

/// The age after which events may be removed, in milliseconds: a week.
pub const RETENTION_MS: u64 = 7 * 24 * 60 * 60 * 1_000;
/// The number of segments from which on the oldest may be removed, regardless of their age.
pub const SEGMENTS_KEPT_MAX: u64 = SEGMENTS_MAX / 4 * 3;
/// The maximum number of segments that one sweep removes.
const REMOVED_MAX: usize = 8;

impl<S: Store, D: Subscriber, C: Clock> Broker<S, D, C> {
    /// Removes old segments. Returns their number.
    pub async fn tidy(&self) -> Result<usize, StoreError> {
        for removed in 0..REMOVED_MAX {
            let head = self.log.head().await?;
            match self.log.segment(head.first).await? {
                Slot::Segment(segment) if !segment.removed => {
                    if !self.is_removable(&segment, head.open).await? {
                        return Ok(removed);
                    }
                    let Some(copied) = self.copy_needed(&segment).await? else {
                        return Ok(removed);
                    };
                    self.remove(&segment).await?;
                    self.skip(head.first).await?;
                    self.remove_needless(&copied).await?;
                }
                Slot::NotYet => return Ok(removed),
                // The process died after it had removed it.
                Slot::Segment(_) | Slot::Overwritten => self.skip(head.first).await?,
            }
        }
        Ok(REMOVED_MAX)
    }

    async fn is_removable(&self, segment: &Segment, open: u64) -> Result<bool, StoreError> {
        let youngest_ms = segment.entries.last().map_or(0, |entry| entry.recorded_at_ms);
        let old = youngest_ms + RETENTION_MS < self.clock.now_ms();
        let many = open - segment.number.min(open) > SEGMENTS_KEPT_MAX;
        if segment.number >= open || !(old || many) {
            return Ok(false);
        }
        for subscription in self.subscriptions.iter() {
            if self.load(subscription).await?.needs_from() <= segment.end() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn skip(&self, number: u64) -> Result<(), StoreError> {
        self.log.advance(|head| head.first = head.first.max(number + 1)).await
    }

    /// Copies the unfinished events of a subscription; `None` if some are not queued yet.
    async fn copy_needed(&self, segment: &Segment) -> Result<Option<Vec<Copied>>, StoreError> {
        let mut copied = Vec::new();
        for subscription in self.subscriptions.iter() {
            let progress = self.load(subscription).await?;
            if progress.needs_from() <= segment.end() {
                return Ok(None);
            }
            for entry in &segment.entries {
                let key = entry.event.partition_key();
                if progress.holds(key, entry.position) {
                    let copy = copy_key(&subscription.name, entry.position);
                    self.store.write(&copy, entry).await?;
                    let (subscription, key) = (subscription.clone(), key.to_owned());
                    copied.push(Copied { subscription, key, position: entry.position });
                }
            }
        }
        Ok(Some(copied))
    }

    /// Removes copies of events that were finished while they were copied.
    async fn remove_needless(&self, copied: &[Copied]) -> Result<(), StoreError> {
        for Copied { subscription, key, position } in copied {
            if !self.load(subscription).await?.holds(key, *position) {
                self.store.delete(&copy_key(&subscription.name, *position)).await?;
            }
        }
        Ok(())
    }

    async fn remove(&self, segment: &Segment) -> Result<(), StoreError> {
        for entry in &segment.entries {
            self.store.delete(&seen_key(&entry.event)).await?;
        }
        let empty = |current: Option<Segment>| {
            let mut current = current.unwrap_or_else(|| segment.clone());
            if current.number == segment.number {
                current.removed = true;
                current.entries.clear();
            }
            Ok((current, ()))
        };
        self.store.update(&segment_key(segment.number), empty).await
    }
}

/// An event that was copied for a subscription.
struct Copied {
    subscription: Subscription,
    key: String,
    position: u64,
}
