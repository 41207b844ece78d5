//! What the writer thread keeps between transactions.

use std::sync::Arc;

use rusqlite::Connection;
use tessera_sqlite::{Engine, Operation, Transactions};

use super::{
    meter::{Changes, Counts, Meter},
    operation::{Group, Served},
    operations::Tidy,
    queries, schema,
    staged::{Commit, Staged},
    tail::Tail,
};
use crate::{Options, Statistics};

/// The state of the writer.
pub(super) struct Writes {
    options: Options,
    served: Vec<Served>,
    meter: Arc<Meter>,
    /// In the order of `served`.
    tails: Arc<[Tail]>,
    recorded_at_ms: u64,
    youngest: u64,
    tidied_through: i64,
}

impl Writes {
    /// Reads the state of an open file.
    pub(super) fn of(
        connection: &Connection,
        options: Options,
        served: Vec<Served>,
        meter: Arc<Meter>,
    ) -> rusqlite::Result<Self> {
        let recorded_at_ms = queries::recorded_at_ms(connection)?;
        let youngest = queries::youngest_position(connection)?.cast_unsigned();
        let tails = (0..served.len()).map(|_| Tail::default()).collect::<Arc<[_]>>();
        for (index, tail) in tails.iter().enumerate() {
            tail.state().begin(youngest, meter.read(index)[0]);
        }
        Ok(Self { options, served, meter, tails, recorded_at_ms, youngest, tidied_through: 0 })
    }

    /// The tails of the subscriptions, shared with delivery.
    pub(super) fn tails(&self) -> Arc<[Tail]> {
        Arc::clone(&self.tails)
    }

    fn is_over_hard_limit(&self) -> bool {
        self.meter.statistics().bytes > self.options.hard_bytes_max
    }
}

impl Engine for Writes {
    type Group<'a> = Group<'a>;
    type Commit = Commit;

    fn begin<'a>(&'a mut self, connection: &'a Connection) -> Group<'a> {
        Group {
            connection,
            options: &self.options,
            served: &self.served,
            meter: &self.meter,
            tails: &self.tails,
            now_ms: self.options.clock.now_ms(),
            recorded_at_ms: self.recorded_at_ms,
            youngest: self.youngest,
            tidied_through: self.tidied_through,
            changes: Changes {
                subscriptions: vec![Counts::default(); self.served.len()],
                statistics: self.meter.statistics(),
            },
            staged: (0..self.served.len()).map(|_| Staged::default()).collect(),
        }
    }

    fn finish(mut group: Group<'_>) -> rusqlite::Result<Commit> {
        group.write_cursors()?;
        let statistics = &group.changes.statistics;
        if *statistics != group.meter.statistics() {
            schema::write_statistics(group.connection, statistics, group.youngest)?;
        }
        Ok(group.into_commit())
    }

    fn committed(&mut self, commit: Commit) {
        self.recorded_at_ms = commit.recorded_at_ms;
        self.tidied_through = commit.tidied_through;
        self.youngest = commit.youngest;
        let before = self.meter.statistics();
        // The tails first: delivery looks into them as soon as it is notified.
        let changes = commit.apply(&self.tails);
        self.meter.publish(&changes);
        log_losses(&before, &changes.statistics);
    }

    /// Keeps the hard limit: publishing may be faster than the next retention.
    fn after_group(transactions: &mut Transactions<Self>) {
        while transactions.engine().is_over_hard_limit() {
            match transactions.run(|group| Tidy.apply(group)) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    tracing::warn!(%error, "events: cannot keep the hard limit");
                    break;
                }
            }
        }
    }
}

/// Logs what a transaction has removed undelivered. Nothing else would report it.
fn log_losses(before: &Statistics, after: &Statistics) {
    let deliveries = after.lost_deliveries - before.lost_deliveries;
    if deliveries > 0 {
        tracing::error!(deliveries, "events: the hard limit has removed undelivered events");
    }
    let dead_letters = after.lost_dead_letters - before.lost_dead_letters;
    if dead_letters > 0 {
        tracing::error!(dead_letters, "events: the hard limit has removed dead letters");
    }
}
