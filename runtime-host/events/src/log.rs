//! The port: what every log of events promises.

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::{Event, Result};

/// A durable log of events with the progress of its subscriptions.
///
/// All methods but [`statistics`](Self::statistics) may be called from any task of a tokio
/// runtime; a call that is dropped may still have its effect.
pub trait Log: Send + Sync + 'static {
    /// Keeps events, in the order given, and answers when they are durable: all of them or none.
    /// An event whose `source` and `id` the log has already is passed over, whatever else it
    /// says; its place is that of the first one.
    ///
    /// Errors: `Invalid` for too many or malformed events, `Full`, `Unavailable` (something may
    /// have been kept: publish again with the same ids).
    fn publish(&self, events: Vec<Event>) -> BoxFuture<'_, Result<Published>>;

    /// Events after a position (0: from the beginning), oldest first, 1 to 500 of them.
    fn read(&self, after: u64, limit: u32) -> BoxFuture<'_, Result<Vec<Entry>>>;

    /// How far each subscription is, by name. Cheap: its cost does not grow with the lag.
    fn subscriptions(&self) -> BoxFuture<'_, Result<Vec<Progress>>>;

    /// Dead letters, oldest first, after the one with the id `after`, 1 to 100 of them.
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

    /// Delivers to a subscription once more what it asks for among the events recorded in a span
    /// of time (milliseconds since the epoch, `until_ms` exclusive), dead letters included, which
    /// stop being such. An event that is being delivered meanwhile is delivered again after that.
    /// Gives the number of those events.
    fn replay_range(
        &self,
        subscription: String,
        from_ms: u64,
        until_ms: u64,
    ) -> BoxFuture<'_, Result<u64>>;

    /// What the log holds and has lost. Costs nothing.
    fn statistics(&self) -> Statistics;

    /// Lets accepted calls finish, then releases the file. Calls after that are `Unavailable`.
    fn close(&self) -> BoxFuture<'_, Result<()>>;
}

/// What became of a publication.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// Events that are new.
    pub fresh: u32,
    /// Events that the log had already.
    pub duplicates: u32,
}

/// An event where it stands in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Ascending, from 1, without meaning otherwise; there may be gaps.
    pub position: u64,
    /// When it became durable, in milliseconds since the epoch; never less than that of an
    /// earlier entry.
    pub recorded_at_ms: u64,
    /// The event itself.
    pub event: Event,
}

/// How far a subscription is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The consumer group.
    pub name: String,
    /// The components that take turns, key by key.
    pub components: Vec<String>,
    /// The type patterns as written.
    pub types: Vec<String>,
    /// Events that are not yet done.
    pub lag_events: u64,
    /// Age of the oldest of them, in milliseconds; 0 without any.
    pub lag_ms: u64,
    /// Of those, events that wait behind a dead letter of their key (counted up to 100,000).
    pub held_events: u64,
    /// Of those, events whose delivery has failed and will be tried again.
    pub retrying_events: u64,
    /// Dead letters.
    pub dead_letters: u64,
}

/// Why a delivery was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// The subscriber refused it for good.
    Rejected,
    /// It failed too often.
    AttemptsExhausted,
}

/// An event that a subscription could not be given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its id, to be given to [`Log::replay`].
    pub id: String,
    /// The consumer group.
    pub subscription: String,
    /// The event, at its place.
    pub entry: Entry,
    /// Why it was given up.
    pub reason: Reason,
    /// What the subscriber said last.
    pub detail: String,
    /// How often it was delivered.
    pub attempts: u32,
    /// When it was first delivered, in milliseconds since the epoch.
    pub first_seen_at_ms: u64,
    /// When it was given up, in milliseconds since the epoch.
    pub died_at_ms: u64,
}

/// What the log holds, and what it had to let go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Events in the log.
    pub entries: u64,
    /// Their size: attributes and data, in bytes.
    pub bytes: u64,
    /// Events removed because of age or size, ever.
    pub removed: u64,
    /// Deliveries that were still owed when the hard limit removed their event, ever. Anything
    /// but 0 means that a subscription was behind for too long and has missed events.
    pub lost_deliveries: u64,
    /// The total number of dead letters that the hard limit removed with their events.
    pub lost_dead_letters: u64,
}
