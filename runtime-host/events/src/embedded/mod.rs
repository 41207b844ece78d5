//! The log in a SQLite file: the engine of one machine.
//!
//! One thread writes. It takes whatever has queued up while the last fsync was running, publications
//! and outcomes of deliveries alike, applies it in one transaction and answers after the commit:
//! under load many of them share an fsync, and a lone one waits for nobody. Readers have
//! connections of their own and wait for no writer.
//!
//! **Two places for what a subscription still has to get.** What was published a moment ago is in
//! its *tail*, in memory and in order by key, and delivery takes it from there without a query. The
//! file knows it without a row for each: a position up to which the subscription is seen through,
//! and a short list of what is open before that, written once for each commit in which something
//! was done. A subscriber that keeps up therefore costs an event nothing when it comes, and a share
//! of one row when it is done. Outcomes are as durable as ever, before their key goes on.
//!
//! A position alone would not do: one event that fails would hold back all that come after it. So
//! the events of a key that fails are written down one by one (`pending`), with when they are due
//! and how often they were tried, and so are the younger ones of that key until it is done with
//! them. All of a tail goes there when it has become too long, and what is left of it when the log
//! is opened. Beside it stands one row for each such key (`lanes`), by the time at which its first
//! event is due, so that looking for work costs the same with ten events to do as with a million,
//! and memory holds no more than a bounded tail and what is being delivered.
//!
//! **Dead letters hold their key.** After a dead letter, later events of its key would reach the
//! subscriber with a gap. So they wait until an operator replays or discards the dead letter. Their
//! lane is marked as held and exists as long as the dead letter.
//!
//! **Subscriptions that change.** Progress is kept under the name of the group. A subscription
//! that the log sees for the first time begins as its `start_at` says. One that asks for more types
//! than before gets their past as well (unless it starts at `Now`), which is then older than what
//! it has had, even where it had that type at some earlier time; one that asks for fewer no longer
//! gets those that were still to come. One that is
//! not there when the log is opened is not served and holds nothing back from removal; when it
//! returns, it goes on where it stopped, with what the log still has. Its dead letters wait for it.
//!
//! **Retention.** The oldest events go when they are too old or when the log is too large, but not
//! while a subscription that is served has still to get them or has them among its dead letters.
//! Only beyond the hard limit do they go in any case: each delivery lost that way is counted.

mod database;
mod integrity;
mod lock;
mod meter;
mod operation;
mod operations;
mod queries;
mod readers;
mod schema;
mod staged;
mod subscriptions;
mod tail;
mod writer;

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

/// Most events that [`Log::read`] gives at once.
pub const READ_ENTRIES_MAX: u32 = 500;

/// Most dead letters that [`Log::dead_letters`] gives at once.
pub const DEAD_LETTERS_MAX: u32 = 100;

/// The engine. Clones are the same log; dropping the last one closes it in the background.
#[derive(Clone)]
pub struct Embedded {
    database: Arc<Database>,
}

impl Embedded {
    /// Opens the file, creating it and its folder if need be, and brings its subscriptions up to
    /// date with those given, in one transaction. Blocks for that long: reading through the past
    /// for a new subscription takes about a second for 200,000 events.
    ///
    /// Errors: `Invalid` for a malformed subscription, two of the same name, or a file that
    /// belongs to something else; `Unavailable` with the id of the process that holds the file,
    /// or what the file system says; `Full`.
    pub fn open(path: &Path, options: Options, subscriptions: Vec<Subscription>) -> Result<Self> {
        let database = Database::open(path, options, subscriptions)?;
        Ok(Self { database: Arc::new(database) })
    }
}

impl Embedded {
    /// A recent failure that needs an operator: the log is full or damaged.
    pub fn trouble(&self) -> Option<String> {
        self.database.meter().trouble()
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
            let place = self.database.place(&subscription)?;
            let missing = format!("`{subscription}` has no dead letter of the key `{key}`");
            let count = self.database.write(ReplayKey { place, key }).await?;
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
            if from_ms > until_ms {
                return Err(Error::Invalid("the span of time ends before it begins".to_owned()));
            }
            let place = self.database.place(&subscription)?;
            self.database.write(ReplayRange { place, from_ms, until_ms }).await
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
            self.database.check_place(settlement.subscription)?;
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
