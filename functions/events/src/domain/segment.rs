//! A segment: the events of a range of positions, in one value.

use serde::{Deserialize, Serialize};
use tessera_events::{Entry, Event};

/// The maximum number of events in a segment, and the number of its positions.
pub const SEGMENT_EVENTS_MAX: u64 = 32;
/// The maximum size of the data of a segment, in bytes; a larger event has its own segment. Each
/// publication writes a whole segment.
pub const SEGMENT_BYTES_MAX: usize = 256 * 1024;

/// Events in the order of their publication.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Its number, from 0.
    pub number: u64,
    /// Whether further events go to the next segment.
    pub sealed: bool,
    /// Whether its events were removed.
    pub removed: bool,
    /// Its events.
    pub entries: Vec<Entry>,
}

/// The segment of a position (from 1).
pub fn segment_of(position: u64) -> u64 {
    position.saturating_sub(1) / SEGMENT_EVENTS_MAX
}

impl Segment {
    /// An empty segment.
    pub fn new(number: u64) -> Segment {
        Segment { number, sealed: false, removed: false, entries: Vec::new() }
    }

    /// The last position that belongs to it.
    pub fn end(&self) -> u64 {
        (self.number + 1) * SEGMENT_EVENTS_MAX
    }

    /// Appends events in order as far as they fit, without those that it already has. If one does not
    /// fit, the segment is sealed, so that no later event precedes it. Returns the remaining events.
    pub fn append(&mut self, events: &[Event], now_ms: u64) -> Vec<Event> {
        let missing = events.iter().filter(|event| !self.has(event));
        let mut rest: Vec<Event> = missing.cloned().collect();
        while !self.sealed && !rest.is_empty() {
            if self.fits(&rest[0]) {
                let event = rest.remove(0);
                if !self.has(&event) {
                    self.push(event, now_ms);
                }
            } else {
                self.sealed = true;
            }
        }
        rest
    }

    fn has(&self, event: &Event) -> bool {
        let same = |known: &Event| known.id == event.id && known.source == event.source;
        self.entries.iter().any(|entry| same(&entry.event))
    }

    fn fits(&self, event: &Event) -> bool {
        let bytes: usize = self.entries.iter().map(|entry| entry.event.data.len()).sum();
        let has_room = (self.entries.len() as u64) < SEGMENT_EVENTS_MAX;
        has_room && (self.entries.is_empty() || bytes + event.data.len() <= SEGMENT_BYTES_MAX)
    }

    fn push(&mut self, event: Event, now_ms: u64) {
        let index = self.entries.len() as u64;
        let position = self.number * SEGMENT_EVENTS_MAX + index + 1;
        let before = self.entries.last().map_or(0, |entry| entry.recorded_at_ms);
        self.entries.push(Entry { position, recorded_at_ms: now_ms.max(before), event });
    }
}
