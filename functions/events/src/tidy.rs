//! Retention: old segments go, so that the ring has room.
//!
//! A segment goes when it is old or the ring fills up, and when no subscription needs it any
//! more. Dead letters don't keep it: their events are copied first. Each step can be done again
//! by whoever comes after a crash.
//!
//! Operators may ask for what is just going. Whether a subscription needs the segment and which
//! of its dead letters are copied is told from one and the same reading, the last thing before
//! the removal. A dead letter that is replayed before it keeps the segment, one that is replayed
//! after it is found in its copy. A span that is asked for after it gets what is left of it.

use crate::broker::{Broker, copy_key};
use crate::log::{Place, SEGMENTS_MAX, seen_key, segment_key};
use crate::ports::{Clock, Subscriber};
use crate::segment::Segment;
use chassis::store::{Store, StoreError};

/// Events older than this may go, in milliseconds: a week.
pub const RETENTION_MS: u64 = 7 * 24 * 60 * 60 * 1_000;
/// Of more segments than this the oldest may go, whatever their age.
pub const SEGMENTS_KEPT_MAX: u64 = SEGMENTS_MAX / 4 * 3;
/// Most segments that one sweep removes.
const REMOVED_MAX: usize = 8;

impl<S: Store, D: Subscriber, C: Clock> Broker<S, D, C> {
    /// Remove what may go; how many segments went.
    pub async fn tidy(&self) -> Result<usize, StoreError> {
        for removed in 0..REMOVED_MAX {
            let head = self.log.head().await?;
            match self.log.segment(head.first).await? {
                Place::Here(segment) if !segment.removed => {
                    if !self.may_go(&segment, head.open).await? {
                        return Ok(removed);
                    }
                    if !self.copy_dead(&segment).await? {
                        return Ok(removed);
                    }
                    self.remove(&segment).await?;
                }
                Place::NotYet => return Ok(removed),
                // Somebody died after it had removed it.
                Place::Here(_) | Place::Overwritten => {}
            }
            let first = head.first + 1;
            self.log.advance(|head| head.first = head.first.max(first)).await?;
        }
        Ok(REMOVED_MAX)
    }

    async fn may_go(&self, segment: &Segment, open: u64) -> Result<bool, StoreError> {
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

    /// Copy the events of dead letters; whether nothing else is needed of the segment still.
    async fn copy_dead(&self, segment: &Segment) -> Result<bool, StoreError> {
        for subscription in self.subscriptions.iter() {
            let progress = self.load(subscription).await?;
            if progress.needs_from() <= segment.end() {
                return Ok(false);
            }
            for entry in &segment.entries {
                if progress.dead.iter().any(|dead| dead.position == entry.position) {
                    let key = copy_key(&subscription.name, entry.position);
                    self.store.write(&key, entry).await?;
                }
            }
        }
        Ok(true)
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
