//! The log: a ring of segments.
//!
//! A value of the store has [`SEGMENT_EVENTS_MAX`] events. The values are reused in turn, so the log
//! has a maximum size. Events that a subscription has queued but not finished
//! are copied before their segment is removed. If a subscription has not even queued the oldest
//! events, publishing is refused, so that no event is lost.
//!
//! An event is in the log once, without transactions across values. The open segment is searched
//! before an event is added, in the same compare-and-swap. For sealed segments, there is a key for
//! each event, which is written before an event is added to the next segment. A publication reads
//! the end of the log *before* it looks for these keys, and searches all segments from there on.

use crate::domain::segment::{SEGMENT_EVENTS_MAX, Segment, segment_of};
use crate::error::Result;
use chassis::store::{Store, StoreError};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use tessera_events::{Entry, Error, Event};

/// The number of values in the ring, for 32,768 events.
pub const SEGMENTS_MAX: u64 = 1_024;
/// The maximum number of events in one publication.
pub const PUBLISH_EVENTS_MAX: usize = 100;
/// The maximum number of segments that one publication tries: a segment may have room for a single
/// event, and others publish at the same time.
const PUBLISH_SEGMENTS_MAX: usize = 256;
/// The maximum size of the data in one page, in bytes; a single entry may be larger. A response has
/// to fit into the limit of bridges.
pub const READ_BYTES_MAX: usize = 384 * 1024;

/// The ends of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// All segments before it are removed.
    pub first: u64,
    /// All segments before it are sealed, and the keys of their events are written.
    pub open: u64,
    /// When the last event before `open` was recorded, in milliseconds since the epoch. Later entries
    /// have no earlier time, even if a clock is set back.
    pub sealed_at_ms: u64,
}

impl Head {
    /// Moves the end behind a sealed segment.
    fn follow(&mut self, segment: &Segment) {
        self.open = self.open.max(segment.number + 1);
        let last_ms = segment.entries.last().map_or(0, |entry| entry.recorded_at_ms);
        self.sealed_at_ms = self.sealed_at_ms.max(last_ms);
    }
}

/// The event log in the store.
#[derive(Clone, Debug)]
pub struct Log<S> {
    pub(crate) store: S,
}

const HEAD: &str = "log/head";

pub(crate) fn segment_key(number: u64) -> String {
    format!("log/{}", number % SEGMENTS_MAX)
}

/// The key that says that the log has this event.
pub(crate) fn seen_key(event: &Event) -> String {
    let mut hash = Sha256::new();
    hash.update((event.source.len() as u64).to_le_bytes());
    hash.update(&event.source);
    hash.update(&event.id);
    format!("seen/{}", HEXLOWER.encode(&hash.finalize()[..16]))
}

impl<S: Store> Log<S> {
    /// The log in this store.
    pub fn new(store: S) -> Log<S> {
        Log { store }
    }

    /// The ends of the log.
    pub async fn head(&self) -> Result<Head, StoreError> {
        Ok(self.store.read(HEAD).await?.unwrap_or_default())
    }

    /// Appends events in the given order, without those that the log already has. When it returns,
    /// all are durable; after an error, the first of them may be.
    pub async fn publish(&self, events: &[Event], now_ms: u64) -> Result<()> {
        if events.len() > PUBLISH_EVENTS_MAX {
            let text = format!("at most {PUBLISH_EVENTS_MAX} events can be published at once");
            return Err(Error::Invalid(text).into());
        }
        for event in events {
            event.check().map_err(|error| Error::Invalid(error.to_string()))?;
        }
        let mut head = self.head().await?;
        let mut rest = self.unseen(events).await?;
        for _ in 0..PUBLISH_SEGMENTS_MAX {
            if rest.is_empty() {
                return Ok(());
            }
            let segment = self.append(head, &rest, now_ms).await?;
            let Some((segment, left)) = segment else {
                // Another publication has reused the segment.
                head = self.head().await?;
                rest = self.unseen(events).await?;
                continue;
            };
            rest = left;
            if segment.sealed {
                self.finish(&segment).await?;
                head.follow(&segment);
            }
        }
        if rest.is_empty() { Ok(()) } else { Err(contended().into()) }
    }

    async fn unseen(&self, events: &[Event]) -> Result<Vec<Event>, StoreError> {
        let mut unseen = Vec::new();
        for event in events {
            if self.store.get(&seen_key(event)).await?.is_none() {
                unseen.push(event.clone());
            }
        }
        Ok(unseen)
    }

    /// The open segment with the events that fit, and the others; `None` if the value already has a
    /// later segment.
    async fn append(
        &self,
        head: Head,
        events: &[Event],
        now_ms: u64,
    ) -> Result<Option<(Segment, Vec<Event>)>> {
        let number = head.open;
        let now_ms = now_ms.max(head.sealed_at_ms);
        let append = |current: Option<Segment>| {
            let mut segment = match current {
                Some(later) if later.number > number => return Ok((later, None)),
                Some(same) if same.number == number => same,
                Some(earlier) if !earlier.removed => {
                    return Err(Error::Full("the log is full".to_owned()).into());
                }
                _ => Segment::new(number),
            };
            let left = segment.append(events, now_ms);
            Ok((segment.clone(), Some((segment, left))))
        };
        self.store.update(&segment_key(number), append).await
    }

    /// Writes the keys of the events of a sealed segment, before events are added to the next one.
    async fn finish(&self, segment: &Segment) -> Result<(), StoreError> {
        if self.head().await?.open > segment.number {
            return Ok(());
        }
        for entry in &segment.entries {
            let position = entry.position.to_string();
            self.store.set(&seen_key(&entry.event), position.as_bytes()).await?;
        }
        self.advance(|head| head.follow(segment)).await
    }

    pub(crate) async fn advance(
        &self,
        advance: impl Fn(&mut Head) + Send + Sync,
    ) -> Result<(), StoreError> {
        let change = |head: &mut Head| {
            advance(head);
            Ok(())
        };
        self.store.modify(HEAD, change).await
    }

    /// The segment with this number.
    pub(crate) async fn segment(&self, number: u64) -> Result<Slot, StoreError> {
        Ok(match self.store.read::<Segment>(&segment_key(number)).await? {
            Some(segment) if segment.number == number => Slot::Segment(segment),
            Some(later) if later.number > number => Slot::Overwritten,
            _ => Slot::NotYet,
        })
    }

    /// Entries after a position, oldest first, at most `limit`, and at most [`READ_BYTES_MAX`].
    pub async fn read(&self, after: u64, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let mut number = after / SEGMENT_EVENTS_MAX;
        let mut bytes = 0;
        let mut read = Vec::new();
        for _ in 0..SEGMENTS_MAX {
            let segment = match self.segment(number).await? {
                Slot::Segment(segment) if !segment.removed => segment,
                Slot::NotYet => break,
                Slot::Segment(_) | Slot::Overwritten => {
                    number = self.head().await?.first.max(number + 1);
                    continue;
                }
            };
            let sealed = segment.sealed;
            for entry in segment.entries.into_iter().filter(|entry| entry.position > after) {
                bytes += entry.event.data.len();
                if read.len() >= limit || (bytes > READ_BYTES_MAX && !read.is_empty()) {
                    return Ok(read);
                }
                read.push(entry);
            }
            if !sealed {
                break;
            }
            number += 1;
        }
        Ok(read)
    }

    /// The last position, 0 in an empty log.
    pub async fn end(&self) -> Result<u64, StoreError> {
        let mut number = self.head().await?.open;
        let mut end = number * SEGMENT_EVENTS_MAX;
        while let Slot::Segment(segment) = self.segment(number).await? {
            end = segment.entries.last().map_or(end, |entry| entry.position);
            number += 1;
        }
        Ok(end)
    }

    /// The existing entries at these positions.
    pub async fn entries(
        &self,
        positions: &BTreeSet<u64>,
    ) -> Result<BTreeMap<u64, Entry>, StoreError> {
        let numbers: BTreeSet<u64> = positions.iter().copied().map(segment_of).collect();
        let mut found = BTreeMap::new();
        for number in numbers {
            if let Slot::Segment(segment) = self.segment(number).await? {
                let wanted =
                    segment.entries.into_iter().filter(|one| positions.contains(&one.position));
                found.extend(wanted.map(|entry| (entry.position, entry)));
            }
        }
        Ok(found)
    }
}

/// The value of a segment's number.
pub(crate) enum Slot {
    Segment(Segment),
    NotYet,
    Overwritten,
}

fn contended() -> StoreError {
    StoreError::Contended("log".to_owned())
}
