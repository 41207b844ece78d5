//! The port: what every event log guarantees.

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::{Event, Result};

/// A durable log of events with the progress of its subscriptions.
///
/// All methods except [`statistics`](Self::statistics) have to be called in a tokio runtime. If a
/// future is dropped, its call may still take effect.
pub trait Log: Send + Sync + 'static {
    /// Appends events in the given order, all of them or none, and returns when they are durable.
    /// An event is ignored if the log already has one with the same `source` and `id`, even if
    /// their content differs.
    ///
    /// # Errors
    ///
    /// `Invalid` for too many or malformed events, `Full`, and `Unavailable` (the events may have
    /// been appended: publish them again with the same ids).
    fn publish(&self, events: Vec<Event>) -> BoxFuture<'_, Result<Published>>;

    /// Returns events after a position (0: from the beginning), oldest first, 1 to 500 of them.
    fn read(&self, after: u64, limit: u32) -> BoxFuture<'_, Result<Vec<Entry>>>;

    /// Returns the progress of each subscription, by name. The cost does not grow with the lag.
    fn subscriptions(&self) -> BoxFuture<'_, Result<Vec<Progress>>>;

    /// Returns dead letters after the one with the id `after`, oldest first, 1 to 100 of them.
    /// `Invalid` if `after` is not the id of a dead letter, existing or not.
    fn dead_letters(
        &self,
        after: Option<String>,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<DeadLetter>>>;

    /// Replays a dead letter, with a new set of attempts, and then the events of its key that
    /// waited for it. `NotFound` if it is no longer a dead letter.
    fn replay(&self, dead_letter_id: String) -> BoxFuture<'_, Result<()>>;

    /// Delivers all dead letters of a key again, in order, and the events of the key that wait for
    /// them. Returns the number of events. `NotFound` if the key has no dead letter.
    fn replay_key(&self, subscription: String, key: String) -> BoxFuture<'_, Result<u64>>;

    /// Discards a dead letter permanently, so that the events of its key are delivered without it.
    /// `NotFound` if it is no longer a dead letter.
    fn discard(&self, dead_letter_id: String) -> BoxFuture<'_, Result<()>>;

    /// Delivers the events of a period again to a subscription, as far as they match its types
    /// (milliseconds since the epoch, `until_ms` exclusive). Its dead letters of that period become
    /// pending events. An event that is being delivered is delivered again afterwards. Returns the
    /// number of events. `Invalid` if the period is empty (`from_ms >= until_ms`).
    fn replay_range(
        &self,
        subscription: String,
        from_ms: u64,
        until_ms: u64,
    ) -> BoxFuture<'_, Result<u64>>;

    /// Returns the size of the log and its losses. Does not read the file.
    fn statistics(&self) -> Statistics;

    /// Waits for accepted calls, then closes the file. Later calls are `Unavailable`.
    fn close(&self) -> BoxFuture<'_, Result<()>>;
}

/// The result of a publication.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// New events.
    pub fresh: u32,
    /// Events that the log already had.
    pub duplicates: u32,
}

/// An event in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its position: ascending, from 1. There may be gaps.
    pub position: u64,
    /// When it was appended, in milliseconds since the epoch. Never less than that of an earlier
    /// entry.
    pub recorded_at_ms: u64,
    /// The event.
    pub event: Event,
}

/// The progress of a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The consumer group.
    pub name: String,
    /// The components that share the partition keys.
    pub components: Vec<String>,
    /// The type patterns as written.
    pub types: Vec<String>,
    /// Events that have not been processed yet.
    pub lag_events: u64,
    /// Age of the oldest of them, in milliseconds; 0 without any.
    pub lag_ms: u64,
    /// Of those, events that wait for a dead letter of their key (counted up to 100,000).
    pub held_events: u64,
    /// Of those, events whose delivery has failed and will be retried.
    pub retrying_events: u64,
    /// The number of dead letters.
    pub dead_letters: u64,
}

/// Why an event became a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// The subscriber rejected it.
    Rejected,
    /// Its delivery failed too often.
    AttemptsExhausted,
}

/// An event that could not be delivered to a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its id, for [`Log::replay`].
    pub id: String,
    /// The consumer group.
    pub subscription: String,
    /// The event and its position.
    pub entry: Entry,
    /// The reason.
    pub reason: Reason,
    /// The last response of the subscriber.
    pub detail: String,
    /// The number of deliveries.
    pub attempts: u32,
    /// When it was first delivered, in milliseconds since the epoch.
    pub first_seen_at_ms: u64,
    /// When it became a dead letter, in milliseconds since the epoch.
    pub died_at_ms: u64,
}

/// The size of the log, and its losses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// The number of events in the log.
    pub entries: u64,
    /// Their size: attributes and data, in bytes.
    pub bytes: u64,
    /// The total number of events removed because of age or size.
    pub removed: u64,
    /// The total number of deliveries that were pending when the hard limit removed their event.
    /// Not 0 means that a subscription lagged for too long and has missed events.
    pub lost_deliveries: u64,
    /// The total number of dead letters that the hard limit removed with their events.
    pub lost_dead_letters: u64,
}
