//! The file: its database, and what is known about its subscriptions in memory.

use std::{collections::HashSet, path::Path, sync::Arc, time::Duration};

use rusqlite::Connection;
use tessera_sqlite::{ErrorKind, Lock, Operation};

use super::{
    meter::Meter,
    operation::Served,
    queries::{self, Claim},
    schema, subscriptions,
    tail::Tail,
    writes::Writes,
};
use crate::{Error, Options, Progress, Result, Subscription, delivery::Claimed};

pub(super) struct Database {
    options: Options,
    subscriptions: Vec<Arc<Subscription>>,
    served: Vec<Served>,
    meter: Arc<Meter>,
    /// In the order of `served`.
    tails: Arc<[Tail]>,
    file: tessera_sqlite::Database<Writes>,
}

impl Database {
    /// Opens the file, creating it if it does not exist, and starts its writer. Blocks.
    pub(super) fn open(
        path: &Path,
        options: Options,
        subscriptions: Vec<Subscription>,
    ) -> Result<Self> {
        subscriptions::check(&subscriptions)?;
        let explain = |error| tessera_sqlite::Error::sqlite(path, &error);
        let limits = limits(&options);
        let lock = Lock::file(path)?;
        let mut opened = tessera_sqlite::open(path, &schema::FORMAT, &limits).map_err(unusable)?;
        let connection = &mut opened.connection;
        let served = subscriptions::bring_up_to_date(connection, subscriptions, &options)
            .map_err(explain)?;
        let (statistics, counts) = subscriptions::figures(connection, &served).map_err(explain)?;
        let meter = Arc::new(Meter::new(statistics, &counts));
        let writes = Writes::of(connection, options.clone(), served.clone(), Arc::clone(&meter))
            .map_err(explain)?;
        let tails = writes.tails();
        let file = tessera_sqlite::Database::start(opened, writes, &limits, Arc::new(lock))?;
        let subscriptions = served.iter().map(|served| Arc::clone(&served.subscription)).collect();
        Ok(Self { options, subscriptions, served, meter, tails, file })
    }

    /// Queues an operation, waiting for space, and returns its answer after the commit.
    pub(super) async fn write<O: Operation<Writes>>(&self, operation: O) -> Result<O::Answer> {
        Ok(self.file.write(operation).await?)
    }

    /// Runs a query on one state of the file, independently of the writer.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let on_snapshot = |connection: &Connection| {
            let snapshot = connection.unchecked_transaction()?;
            query(&snapshot)
        };
        Ok(self.file.read(on_snapshot).await?)
    }

    pub(super) fn options(&self) -> &Options {
        &self.options
    }

    pub(super) fn meter(&self) -> &Meter {
        &self.meter
    }

    /// A recent failure that an operator has to know about.
    pub(super) fn trouble(&self) -> Option<String> {
        self.file.recent_failure().map(|failure| failure.message)
    }

    /// The subscriptions that are served.
    pub(super) fn served(&self) -> &[Arc<Subscription>] {
        &self.subscriptions
    }

    /// The index of a subscription in [`served`](Self::served).
    pub(super) fn index_of(&self, name: &str) -> Result<usize> {
        let index = self.subscriptions.iter().position(|subscription| subscription.name == name);
        index.ok_or_else(|| Error::NotFound(format!("there is no subscription `{name}`")))
    }

    pub(super) fn served_at(&self, index: usize) -> Result<&Served> {
        let missing = || Error::NotFound(format!("there is no subscription with index {index}"));
        self.served.get(index).ok_or_else(missing)
    }

    /// Claims due events: first from the rows, which are older, and then from the tail. The tail
    /// needs no query, and there is none if no row can be due.
    pub(super) async fn claim(
        &self,
        index: usize,
        busy: Vec<Arc<str>>,
        limit: usize,
    ) -> Result<Claimed> {
        let (served, tail) = (self.served_at(index)?, &self.tails[index]);
        let now_ms = self.options.clock.now_ms();
        let bytes_max = self.options.delivery_bytes_max;
        let mut busy = busy.into_iter().collect::<HashSet<_>>();
        let mut claimed = match tail.look_for_rows(now_ms) {
            Ok(look) => {
                let served = served.clone();
                let claim = Claim { served, busy: busy.clone(), limit, now_ms, bytes_max };
                let found = self.read(move |connection| claim.run(connection)).await?;
                if found.idle {
                    tail.rows_are_idle(look, found.next_ms.unwrap_or(u64::MAX));
                }
                Claimed { pause: pause(found.next_ms, now_ms), work: found.work }
            }
            Err(next_ms) => Claimed { pause: pause(next_ms, now_ms), work: Vec::new() },
        };
        // A key may have moved from the rows to the tail after the query.
        busy.extend(claimed.work.iter().map(|work| Arc::clone(&work.key)));
        let room = limit.saturating_sub(claimed.work.len());
        claimed.work.append(&mut tail.next(served, &busy, room, bytes_max));
        Ok(claimed)
    }

    /// The progress of each subscription, by name.
    pub(super) async fn progress(&self) -> Result<Vec<Progress>> {
        let numbers = self.served.iter().map(|served| served.number).collect::<Vec<_>>();
        let query = move |connection: &Connection| {
            let figures = |number: &i64| {
                let held = queries::held(connection, *number)?;
                Ok((queries::oldest_pending(connection, *number)?, held))
            };
            numbers.iter().map(figures).collect::<rusqlite::Result<Vec<_>>>()
        };
        let read = self.read(query).await?;
        let now_ms = self.options.clock.now_ms();
        let mut all = Vec::with_capacity(read.len());
        for (index, (subscription, read)) in self.subscriptions.iter().zip(read).enumerate() {
            let (oldest, held) = read;
            let [lag_events, retrying_events, dead_letters] = self.meter.read(index);
            // The figures may be later than the query.
            let oldest = oldest.into_iter().chain(self.tails[index].oldest()).min();
            let oldest = oldest.filter(|_| lag_events > 0);
            all.push(Progress {
                name: subscription.name.clone(),
                components: subscription.members.iter().map(|m| m.component.clone()).collect(),
                types: subscription.types.iter().map(ToString::to_string).collect(),
                lag_events,
                lag_ms: oldest.map_or(0, |oldest| now_ms.saturating_sub(oldest)),
                held_events: held.min(lag_events),
                retrying_events,
                dead_letters,
            });
        }
        all.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(all)
    }

    /// Waits for running reads and accepted operations, then closes the file.
    pub(super) async fn close(&self) -> Result<()> {
        Ok(self.file.close().await?)
    }
}

fn limits(options: &Options) -> tessera_sqlite::Options {
    tessera_sqlite::Options {
        database_bytes_max: options.database_bytes_max,
        readers_max: options.readers_max,
        queue_length_max: options.queue_length_max,
        queue_bytes_max: options.queue_bytes_max,
        group_operations_max: options.group_operations_max,
        busy_timeout: options.busy_timeout,
    }
}

/// Adds what a new file means for the events of a damaged one.
fn unusable(error: tessera_sqlite::Error) -> Error {
    if error.kind != ErrorKind::Corrupt {
        return error.into();
    }
    Error::Invalid(format!(
        "the event log {error}, and start again: the new log is empty, and undelivered events of \
         the old one are lost"
    ))
}

/// The time from now until then.
fn pause(next_ms: Option<u64>, now_ms: u64) -> Option<Duration> {
    next_ms.map(|next_ms| Duration::from_millis(next_ms.saturating_sub(now_ms)))
}
