//! How far a subscription is: pure steps of one value.
//!
//! Every event that the subscription asks for and that is not done stands in the queue of its key.
//! The first of a queue is delivered until it is done or dead; the others wait for it, and other
//! keys don't. Events after a dead letter of their key wait until an operator replays or discards
//! it. The number of waiting events is bounded. When the queue is full, no more events are queued;
//! even before that, publishing of further events for the subscription is refused.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use tessera_events::{Entry, Reason, Subscription};

/// Most events in all queues of a subscription.
pub const OPEN_EVENTS_MAX: usize = 2_048;
/// With this many events in the queues of a subscription, publishing more events for it is refused.
pub const BACKLOG_EVENTS_MAX: usize = 1_024;
/// The maximum number of dead letters of a subscription. Beyond it, a failed event stays in its
/// queue and is tried again after [`FULL_PAUSE_MS`].
pub const DEAD_LETTERS_MAX: usize = 256;
/// The pause before another attempt of an event that can't become a dead letter, in milliseconds.
pub const FULL_PAUSE_MS: u64 = 300_000;
/// Longest text of what a subscriber said, in bytes.
pub const DETAIL_BYTES_MAX: usize = 240;
/// Most spans of the log that are delivered once more at the same time.
pub const REPLAYS_MAX: usize = 4;

/// The value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    /// Everything up to here was taken in, or is not asked for.
    pub cursor: u64,
    /// What is not done, by partition key.
    pub open: BTreeMap<String, Queue>,
    /// Spans that are taken in once more.
    pub replays: Vec<Replay>,
    /// What was given up, oldest first.
    pub dead: VecDeque<Dead>,
    /// Who delivers.
    pub lease: Option<Lease>,
}

/// The events of a key, in order, and what is known of the first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queue {
    /// Positions, ascending.
    pub positions: VecDeque<u64>,
    /// How often the first was delivered.
    pub attempts: u32,
    /// When the first was first delivered, in milliseconds since the epoch; 0 before.
    pub first_seen_at_ms: u64,
    /// Not before this, in milliseconds since the epoch.
    pub due_at_ms: u64,
}

/// Positions after `after` and up to `through` are to be delivered once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replay {
    /// Everything up to here was taken in again.
    pub after: u64,
    /// The last one.
    pub through: u64,
}

/// A dead letter, without the event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dead {
    /// Where the event stands in the log.
    pub position: u64,
    /// Its partition key.
    pub key: String,
    /// Why it was given up.
    pub reason: Reason,
    /// What the subscriber said last.
    pub detail: String,
    /// How often it was delivered.
    pub attempts: u32,
    /// In milliseconds since the epoch.
    pub first_seen_at_ms: u64,
    /// In milliseconds since the epoch.
    pub died_at_ms: u64,
}

/// The right to deliver: one at a time, so that no key goes to its subscriber twice at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Whose.
    pub holder: String,
    /// Then somebody else may take it, in milliseconds since the epoch.
    pub until_ms: u64,
    /// The run of the host in which the lease was taken. In a later run the holder is dead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incarnation: Option<u64>,
}

/// Events of one key that go to the subscriber together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Work {
    /// The key.
    pub key: String,
    /// Positions, the first of the queue.
    pub positions: Vec<u64>,
    /// How often the first was delivered before.
    pub attempts: u32,
}

/// How a delivery ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All of it is done.
    Done,
    /// Once more, not before this (milliseconds since the epoch).
    Retry(u64),
    /// The event is given up.
    Dead(Reason, String),
}

impl Progress {
    /// Take in what follows in the log, as far as there is room.
    pub fn take_in(&mut self, subscription: &Subscription, entries: &[Entry]) {
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

    /// Take in what a replay asks for once more. `entries` are those after its `after`; none
    /// mean that the rest of its span is gone.
    pub fn take_in_again(
        &mut self,
        subscription: &Subscription,
        replay: Replay,
        entries: &[Entry],
    ) {
        let Some(place) = self.replays.iter().position(|known| *known == replay) else { return };
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
            self.replays.remove(place);
        } else {
            self.replays[place].after = after;
        }
    }

    /// Put a position where it belongs in the queue of its key, once.
    pub fn enqueue(&mut self, key: &str, position: u64) {
        let queue = self.open.entry(key.to_owned()).or_default();
        let place = queue.positions.partition_point(|other| *other < position);
        if queue.positions.get(place) == Some(&position) {
            return;
        }
        queue.positions.insert(place, position);
        if place == 0 {
            queue.restart();
        }
    }

    /// What may be delivered now: keys in the order of their oldest event, at most `keys_max`,
    /// of each at most so many events as `events_max` says for the key.
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
            // After a failure one at a time, so that it shows which is at fault.
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
        let had_its_turn = first.is_some() && first == work.positions.first().copied();
        let first_seen_at_ms = match queue.first_seen_at_ms {
            0 => began_at_ms,
            known => known,
        };
        match ending {
            Ending::Done => {
                queue.positions.retain(|position| !work.positions.contains(position));
                if had_its_turn {
                    queue.restart();
                }
            }
            Ending::Retry(due_at_ms) if had_its_turn => {
                queue.attempts += 1;
                queue.first_seen_at_ms = first_seen_at_ms;
                queue.due_at_ms = due_at_ms;
            }
            Ending::Dead(..) if had_its_turn && full => {
                queue.attempts += 1;
                queue.first_seen_at_ms = first_seen_at_ms;
                queue.due_at_ms = now_ms + FULL_PAUSE_MS;
            }
            Ending::Dead(reason, detail) if had_its_turn => {
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

    /// How many events are not done, of those that were taken in.
    pub fn waiting(&self) -> usize {
        self.open.values().map(|queue| queue.positions.len()).sum()
    }

    /// Whether more can be taken in.
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
    /// Another event is the first now.
    fn restart(&mut self) {
        self.attempts = 0;
        self.first_seen_at_ms = 0;
        self.due_at_ms = 0;
    }
}

/// At most [`DETAIL_BYTES_MAX`] of a text.
fn cut(mut text: String) -> String {
    let fits = |end: &usize| text.is_char_boundary(*end);
    let end = (0..=DETAIL_BYTES_MAX.min(text.len())).rev().find(fits);
    text.truncate(end.unwrap_or_default());
    text
}
