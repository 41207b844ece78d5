//! The progress of a subscription: pure steps of one value.
//!
//! Each unfinished event of the subscription's types is in the queue of its key. The first event of a
//! queue is delivered until it is processed or dead; the others wait for it, and other keys do not. Events after a dead letter of their key wait until an operator replays or discards
//! it. The number of waiting events is bounded. When the queue is full, no more events are queued;
//! even before that, publishing of further events for the subscription is refused.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use tessera_events::{Entry, Reason, Subscription};

/// The maximum number of events in all queues of a subscription.
pub const OPEN_EVENTS_MAX: usize = 2_048;
/// With this many events in the queues of a subscription, publishing more events for it is refused.
pub const BACKLOG_EVENTS_MAX: usize = 1_024;
/// The maximum number of dead letters of a subscription. Beyond it, a failed event stays in its
/// queue and is tried again after [`FULL_PAUSE_MS`].
pub const DEAD_LETTERS_MAX: usize = 256;
/// The pause before another attempt of an event that can't become a dead letter, in milliseconds.
pub const FULL_PAUSE_MS: u64 = 300_000;
/// The maximum length of the stored response of a subscriber, in bytes.
pub const DETAIL_BYTES_MAX: usize = 240;
/// The maximum number of concurrent replays.
pub const REPLAYS_MAX: usize = 4;

/// The progress of a subscription.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    /// All matching events up to this position were queued.
    pub cursor: u64,
    /// The unfinished events, by partition key.
    pub open: BTreeMap<String, Queue>,
    /// Ranges that are queued again.
    pub replays: Vec<Replay>,
    /// The dead letters, oldest first.
    pub dead: VecDeque<Dead>,
    /// The lease of the worker.
    pub lease: Option<Lease>,
}

/// The events of a key in order, and the state of the first one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queue {
    /// Positions, ascending.
    pub positions: VecDeque<u64>,
    /// The number of deliveries of the first event.
    pub attempts: u32,
    /// The time of the first delivery of the first event, in milliseconds since the epoch; 0 before.
    pub first_seen_at_ms: u64,
    /// The time of its next delivery, in milliseconds since the epoch.
    pub due_at_ms: u64,
}

/// The events after the position `after` up to `through` are delivered again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replay {
    /// All matching events up to this position were queued again.
    pub after: u64,
    /// The last position.
    pub through: u64,
}

/// A dead letter, without the event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dead {
    /// The position of the event.
    pub position: u64,
    /// Its partition key.
    pub key: String,
    /// The reason.
    pub reason: Reason,
    /// The last response of the subscriber.
    pub detail: String,
    /// The number of deliveries.
    pub attempts: u32,
    /// In milliseconds since the epoch.
    pub first_seen_at_ms: u64,
    /// In milliseconds since the epoch.
    pub died_at_ms: u64,
}

/// The right to deliver. There is one worker at a time, so that no key is delivered twice at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The worker.
    pub holder: String,
    /// When it ends, in milliseconds since the epoch.
    pub until_ms: u64,
    /// The run of the host in which it was acquired. In a later run, the holder is dead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incarnation: Option<u64>,
}

/// Events of one key that are delivered together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Work {
    /// The key.
    pub key: String,
    /// The first positions of the queue.
    pub positions: Vec<u64>,
    /// The number of earlier deliveries of the first event.
    pub attempts: u32,
}

/// The end of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All events are processed.
    Done,
    /// It is retried at this time, in milliseconds since the epoch.
    Retry(u64),
    /// The event becomes a dead letter, with the response of the subscriber.
    Dead(Reason, String),
}

impl Progress {
    /// Queues the next events of the log, as far as there is room.
    pub fn enqueue_new(&mut self, subscription: &Subscription, entries: &[Entry]) {
        let mut waiting = self.waiting();
        for entry in entries {
            if entry.position <= self.cursor {
                continue;
            }
            if subscription.wants(&entry.event.kind) {
                if waiting >= OPEN_EVENTS_MAX {
                    return;
                }
                waiting += 1;
                self.enqueue(entry.event.partition_key(), entry.position);
            }
            self.cursor = entry.position;
        }
    }

    /// Queues the next events of a replay. `entries` follow its `after`; none mean that the rest of its
    /// range was removed.
    pub fn enqueue_replay(
        &mut self,
        subscription: &Subscription,
        replay: Replay,
        entries: &[Entry],
    ) {
        let Some(index) = self.replays.iter().position(|known| *known == replay) else { return };
        let mut waiting = self.waiting();
        let (mut after, mut full) = (replay.after, false);
        for entry in entries.iter().filter(|one| one.position <= replay.through) {
            if subscription.wants(&entry.event.kind) {
                full = waiting >= OPEN_EVENTS_MAX;
                if full {
                    break;
                }
                waiting += 1;
                self.dead.retain(|dead| dead.position != entry.position);
                self.enqueue(entry.event.partition_key(), entry.position);
            }
            after = entry.position;
        }
        let ended = entries.last().is_none_or(|last| last.position >= replay.through);
        if ended && !full {
            self.replays.remove(index);
        } else {
            self.replays[index].after = after;
        }
    }

    /// Adds a position to the queue of its key, in order and once.
    pub fn enqueue(&mut self, key: &str, position: u64) {
        let queue = self.open.entry(key.to_owned()).or_default();
        let index = queue.positions.partition_point(|other| *other < position);
        if queue.positions.get(index) == Some(&position) {
            return;
        }
        queue.positions.insert(index, position);
        if index == 0 {
            queue.restart();
        }
    }

    /// The due events: at most `keys_max` keys in the order of their oldest event, and at most
    /// `events_max` events of each key.
    pub fn due(
        &self,
        now_ms: u64,
        keys_max: usize,
        events_max: impl Fn(&str) -> usize,
    ) -> Vec<Work> {
        let dead = self.oldest_dead();
        let before = |key: &str| dead.get(key).copied().unwrap_or(u64::MAX);
        let is_due = |key: &str, queue: &Queue| {
            queue.due_at_ms <= now_ms && queue.positions.front() < Some(&before(key))
        };
        let mut due: Vec<(&String, &Queue)> =
            self.open.iter().filter(|(key, queue)| is_due(key, queue)).collect();
        due.sort_by_key(|(_, queue)| queue.positions.front().copied());
        let work = |(key, queue): (&String, &Queue)| {
            // After a failure one at a time, to find the failing one.
            let events = if queue.attempts == 0 { events_max(key).max(1) } else { 1 };
            let positions = queue.positions.iter().take(events).copied();
            let positions = positions.take_while(|one| *one < before(key)).collect();
            Work { key: key.clone(), positions, attempts: queue.attempts }
        };
        due.into_iter().take(keys_max).map(work).collect()
    }

    /// Records the result of a delivery that began at `began_at_ms`. If an operator has put an
    /// older event before it in the meantime, a failure is ignored, because the older event is
    /// next.
    pub fn settle(&mut self, work: &Work, ending: Ending, began_at_ms: u64, now_ms: u64) {
        let full = self.dead.len() >= DEAD_LETTERS_MAX;
        let Some(queue) = self.open.get_mut(&work.key) else { return };
        let first = queue.positions.front().copied();
        let is_first = first.is_some() && first == work.positions.first().copied();
        let first_seen_at_ms = match queue.first_seen_at_ms {
            0 => began_at_ms,
            known => known,
        };
        match ending {
            Ending::Done => {
                queue.positions.retain(|position| !work.positions.contains(position));
                if is_first {
                    queue.restart();
                }
            }
            Ending::Retry(due_at_ms) if is_first => {
                queue.attempts += 1;
                queue.first_seen_at_ms = first_seen_at_ms;
                queue.due_at_ms = due_at_ms;
            }
            Ending::Dead(..) if is_first && full => {
                queue.attempts += 1;
                queue.first_seen_at_ms = first_seen_at_ms;
                queue.due_at_ms = now_ms + FULL_PAUSE_MS;
            }
            Ending::Dead(reason, detail) if is_first => {
                queue.positions.pop_front();
                queue.restart();
                self.dead.push_back(Dead {
                    position: first.unwrap_or_default(),
                    key: work.key.clone(),
                    reason,
                    detail: cut(detail),
                    attempts: work.attempts + 1,
                    first_seen_at_ms,
                    died_at_ms: now_ms,
                });
            }
            Ending::Retry(_) | Ending::Dead(..) => {}
        }
        self.open.retain(|_, queue| !queue.positions.is_empty());
    }

    /// By key, the position of its oldest dead letter. Later events of the key wait.
    fn oldest_dead(&self) -> BTreeMap<&str, u64> {
        let mut oldest = BTreeMap::new();
        for dead in &self.dead {
            let first = oldest.entry(dead.key.as_str()).or_insert(dead.position);
            *first = dead.position.min(*first);
        }
        oldest
    }

    /// Whether the next event of a key has to wait for a dead letter.
    pub fn is_held(&self, key: &str) -> bool {
        self.dead.iter().any(|dead| dead.key == key)
    }

    /// The number of events that wait behind a dead letter.
    pub fn held(&self) -> usize {
        let behind = |(key, dead): (&str, u64)| {
            let queue = self.open.get(key)?;
            Some(queue.positions.iter().filter(|position| **position > dead).count())
        };
        self.oldest_dead().into_iter().filter_map(behind).sum()
    }

    /// Puts all dead letters of a key back into its queue. Returns the length of the queue; `None`
    /// if the key had no dead letter.
    pub fn revive(&mut self, key: &str) -> Option<usize> {
        let of_key = self.dead.iter().filter(|dead| dead.key == key);
        let positions: Vec<u64> = of_key.map(|dead| dead.position).collect();
        self.dead.retain(|dead| dead.key != key);
        positions.iter().for_each(|position| self.enqueue(key, *position));
        let queue = self.open.get(key).filter(|_| !positions.is_empty());
        queue.map(|queue| queue.positions.len())
    }

    /// The number of queued events.
    pub fn waiting(&self) -> usize {
        self.open.values().map(|queue| queue.positions.len()).sum()
    }

    /// Whether more events can be queued.
    pub fn has_room(&self) -> bool {
        self.waiting() < OPEN_EVENTS_MAX
    }

    /// The oldest position that is not queued yet.
    pub fn needs_from(&self) -> u64 {
        let replays = self.replays.iter().map(|replay| replay.after + 1);
        replays.min().unwrap_or(u64::MAX).min(self.cursor + 1)
    }

    /// Whether the event at this position is undelivered or a dead letter.
    pub fn holds(&self, key: &str, position: u64) -> bool {
        let queue = self.open.get(key);
        queue.is_some_and(|queue| queue.positions.contains(&position))
            || self.dead.iter().any(|dead| dead.position == position)
    }

    /// All positions in queues.
    pub fn positions(&self) -> BTreeSet<u64> {
        self.open.values().flat_map(|queue| queue.positions.iter().copied()).collect()
    }
}

impl Queue {
    /// Resets the state of the first event, because it is another one now.
    fn restart(&mut self) {
        self.attempts = 0;
        self.first_seen_at_ms = 0;
        self.due_at_ms = 0;
    }
}

/// The first [`DETAIL_BYTES_MAX`] bytes of a text.
fn cut(mut text: String) -> String {
    let fits = |end: &usize| text.is_char_boundary(*end);
    let end = (0..=DETAIL_BYTES_MAX.min(text.len())).rev().find(fits);
    text.truncate(end.unwrap_or_default());
    text
}
