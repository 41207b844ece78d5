//! The log in a SQLite file: the engine for one machine.
//!
//! One writer thread groups publications and outcomes of deliveries into commits; see
//! [`tessera_sqlite`].
//!
//! **Pending events are in the tail or in rows.** Recently published events of a subscription are
//! in its *tail*, in memory and in order by key, and delivery claims them without a query. The file
//! has no row per event of the tail: it has a position up to which the subscription has seen the
//! log, and a short list of open events before that position. Both are written once per commit in
//! which events were processed. So a subscriber that keeps up costs nothing per published event,
//! and a share of one row per processed event. Outcomes are durable before their key continues.
//!
//! A position alone is not enough, because a failing event would delay all later ones. So the
//! events of a failing key get rows (`pending`) with their due time and number of attempts, and so
//! do later events of that key until all of them are processed. A tail that is too long is written
//! to rows as a whole, and so are its remaining events when the log is opened. In addition, each
//! such key has one row in `lanes`, ordered by the due time of its first event. So a claim costs the
//! same with ten pending events as with a million, and memory is limited to the tails and to the
//! events in delivery.
//!
//! **Dead letters hold their key.** After a dead letter, later events of its key would reach the
//! subscriber with a gap. So they wait until an operator replays or discards the dead letter. Their
//! lane is marked as held and exists as long as the dead letter.
//!
//! **Changes of subscriptions.** Progress is stored under the name of the group. A new subscription
//! starts as its `start_at` says. With additional types, a subscription also gets their past events
//! (unless it starts at `Now`), even if it had that type earlier; these events are older than those
//! it has already got. With fewer types, it no longer gets pending events of the removed types. A
//! subscription that is missing when the log is opened is not served and does not prevent the
//! removal of events. When it returns, it continues where it stopped, with the events that still
//! exist. Its dead letters are kept.
//!
//! **Retention.** The oldest events are removed when they are too old or when the log is too large,
//! but not while they are pending or dead letters of a subscription that is served. Beyond the hard
//! limit, they are removed in any case, and lost deliveries are counted.
//!
//! **Other programs** may read the file at any time, but must not write to it while it is open: the
//! engine keeps tails and figures in memory.

mod database;
mod meter;
mod operation;
mod operations;
mod queries;
mod schema;
mod staged;
mod subscriptions;
mod tail;
mod writes;

use std::{path::Path, sync::Arc, time::Duration};

use futures::{FutureExt, future::BoxFuture};

use self::{
    database::Database,
    operations::{Discard, Publish, Replay, ReplayKey, ReplayRange, Settle, Tidy},
};
use crate::{
    DeadLetter, Entry, Error, Event, Log, Options, Progress, Published, Result, Statistics,
    Subscription,
    delivery::{Claimed, Queue, Settlement},
};

/// The maximum number of events that [`Log::read`] returns.
pub const READ_ENTRIES_MAX: u32 = 500;

/// The maximum number of dead letters that [`Log::dead_letters`] returns.
pub const DEAD_LETTERS_MAX: u32 = 100;

/// The engine. Clones share one log; dropping the last one closes it in the background.
#[derive(Clone)]
pub struct Embedded {
    database: Arc<Database>,
}

impl Embedded {
    /// Opens the file, creating it and its directory if they do not exist, and updates its
    /// subscriptions, in one transaction. Blocks: for a new subscription, the whole log is read,
    /// which takes about a second for 200,000 events.
    ///
    /// # Errors
    ///
    /// `Invalid` for a malformed subscription, two subscriptions with the same name, or a file that
    /// is damaged or not an event log; `Unavailable` with the id of the process that holds the lock,
    /// or for failures of the file system; `Full`.
    pub fn open(path: &Path, options: Options, subscriptions: Vec<Subscription>) -> Result<Self> {
        let database = Database::open(path, options, subscriptions)?;
        Ok(Self { database: Arc::new(database) })
    }
}

impl Embedded {
    /// A recent failure that an operator has to know about: the log is full or damaged.
    pub fn trouble(&self) -> Option<String> {
        self.database.trouble()
    }
}

impl Log for Embedded {
    fn publish(&self, events: Vec<Event>) -> BoxFuture<'_, Result<Published>> {
        async move {
            let publish = Publish::new(events, self.database.options())?;
            if publish.is_empty() {
                return Ok(Published::default());
            }
            self.database.write(publish).await
        }
        .boxed()
    }

    fn read(&self, after: u64, limit: u32) -> BoxFuture<'_, Result<Vec<Entry>>> {
        async move {
            let limit = within(limit, READ_ENTRIES_MAX)?;
            self.database.read(move |connection| queries::entries(connection, after, limit)).await
        }
        .boxed()
    }

    fn subscriptions(&self) -> BoxFuture<'_, Result<Vec<Progress>>> {
        self.database.progress().boxed()
    }

    fn dead_letters(
        &self,
        after: Option<String>,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<DeadLetter>>> {
        async move {
            let limit = within(limit, DEAD_LETTERS_MAX)?;
            let after = after.as_deref().map_or(Ok(0), |id| {
                let malformed = || Error::Invalid(format!("`{id}` is not the id of a dead letter"));
                dead_letter_number(id).ok_or_else(malformed)
            })?;
            let query = move |connection: &_| queries::dead_letters(connection, after, limit);
            self.database.read(query).await
        }
        .boxed()
    }

    fn replay(&self, dead_letter_id: String) -> BoxFuture<'_, Result<()>> {
        async move {
            let missing = || no_dead_letter(&dead_letter_id);
            let number = dead_letter_number(&dead_letter_id).ok_or_else(missing)?;
            let found = self.database.write(Replay { number }).await?;
            found.then_some(()).ok_or_else(missing)
        }
        .boxed()
    }

    fn replay_key(&self, subscription: String, key: String) -> BoxFuture<'_, Result<u64>> {
        async move {
            let index = self.database.index_of(&subscription)?;
            let missing = format!("`{subscription}` has no dead letter of the key `{key}`");
            let count = self.database.write(ReplayKey { index, key }).await?;
            count.ok_or(Error::NotFound(missing))
        }
        .boxed()
    }

    fn discard(&self, dead_letter_id: String) -> BoxFuture<'_, Result<()>> {
        async move {
            let missing = || no_dead_letter(&dead_letter_id);
            let number = dead_letter_number(&dead_letter_id).ok_or_else(missing)?;
            let found = self.database.write(Discard { number }).await?;
            found.then_some(()).ok_or_else(missing)
        }
        .boxed()
    }

    fn replay_range(
        &self,
        subscription: String,
        from_ms: u64,
        until_ms: u64,
    ) -> BoxFuture<'_, Result<u64>> {
        async move {
            if from_ms >= until_ms {
                return Err(Error::Invalid(
                    "the period is empty: `from` must be before `until`".to_owned(),
                ));
            }
            let index = self.database.index_of(&subscription)?;
            self.database.write(ReplayRange { index, from_ms, until_ms }).await
        }
        .boxed()
    }

    fn statistics(&self) -> Statistics {
        self.database.meter().statistics()
    }

    fn close(&self) -> BoxFuture<'_, Result<()>> {
        self.database.close().boxed()
    }
}

impl Queue for Embedded {
    fn served(&self) -> &[Arc<Subscription>] {
        self.database.served()
    }

    fn options(&self) -> &Options {
        self.database.options()
    }

    fn claim(
        &self,
        subscription: usize,
        busy: Vec<Arc<str>>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Claimed>> {
        self.database.claim(subscription, busy, limit).boxed()
    }

    fn settle(&self, settlement: Settlement) -> BoxFuture<'_, Result<()>> {
        async move {
            self.database.served_at(settlement.subscription)?;
            self.database.write(Settle { settlement }).await
        }
        .boxed()
    }

    fn changed(&self, subscription: usize) -> BoxFuture<'_, ()> {
        self.database.meter().changed(subscription).boxed()
    }

    fn tidy(&self) -> BoxFuture<'_, Result<bool>> {
        self.database.write(Tidy).boxed()
    }
}

fn within(limit: u32, limit_max: u32) -> Result<u32> {
    let error = || Error::Invalid(format!("the limit {limit} is not within 1 to {limit_max}"));
    (1..=limit_max).contains(&limit).then_some(limit).ok_or_else(error)
}

fn dead_letter_number(id: &str) -> Option<i64> {
    id.parse().ok().filter(|number| *number > 0)
}

fn no_dead_letter(id: &str) -> Error {
    Error::NotFound(format!("there is no dead letter `{id}`"))
}

/// A duration in milliseconds, for the clock.
fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
