//! The thread that writes: one transaction for each group of operations.

use std::{path::PathBuf, sync::Arc};

use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use super::{
    database::closed,
    lock::Lock,
    meter::{Changes, Counts, Meter},
    operation::{Group, Operation, Served},
    operations::Tidy,
    schema::sqlite_error,
    staged::{Commit, Staged},
    tail::Tail,
};
use crate::{Error, Options, Result, Statistics};

/// An operation in the queue, whatever its answer.
pub(super) trait Job: Send {
    /// Applies it and keeps its answer for later.
    fn apply(&mut self, group: &mut Group<'_>) -> rusqlite::Result<()>;

    /// Sends the answer kept, after the commit, or else this error.
    fn answer(self: Box<Self>, failure: Option<Error>);
}

/// An operation, and who waits for its answer.
pub(super) struct Pending<O: Operation> {
    pub(super) operation: O,
    pub(super) outcome: Option<O::Answer>,
    pub(super) caller: oneshot::Sender<Result<O::Answer>>,
    /// The share of the queue's bytes that it takes up.
    pub(super) _bytes: OwnedSemaphorePermit,
}

impl<O: Operation> Job for Pending<O> {
    fn apply(&mut self, group: &mut Group<'_>) -> rusqlite::Result<()> {
        self.outcome = Some(self.operation.apply(group)?);
        Ok(())
    }

    fn answer(self: Box<Self>, failure: Option<Error>) {
        let answer = match (failure, self.outcome) {
            (None, Some(outcome)) => Ok(outcome),
            (Some(failure), _) => Err(failure),
            (None, None) => Err(closed()),
        };
        // A caller that has gone away wants no answer.
        drop(self.caller.send(answer));
    }
}

type Queue = mpsc::Receiver<Box<dyn Job>>;

/// Everything the thread owns.
pub(super) struct Writer {
    pub(super) path: PathBuf,
    pub(super) connection: Connection,
    pub(super) options: Options,
    pub(super) served: Vec<Served>,
    pub(super) meter: Arc<Meter>,
    /// Of `served`, in that order.
    pub(super) tails: Arc<[Tail]>,
    pub(super) recorded_at_ms: u64,
    pub(super) youngest: u64,
    pub(super) tidied_through: i64,
    /// Given back only after the connection is closed.
    pub(super) lock: Lock,
}

impl Writer {
    /// Writes until every sender is gone and the queue is empty, then closes the file.
    pub(super) fn run(mut self, mut queue: Queue) -> Result<()> {
        let operations_max = self.options.group_operations_max.max(1);
        let mut jobs = Vec::with_capacity(operations_max);
        while queue.blocking_recv_many(&mut jobs, operations_max) > 0 {
            self.write(&mut jobs, &mut queue);
            self.keep_hard_limit();
        }
        self.close()
    }

    /// Commits a group as a whole or, where that fails, each operation on its own: one that does
    /// not fit on the disk takes no other with it.
    fn write(&mut self, jobs: &mut Vec<Box<dyn Job>>, queue: &mut Queue) {
        let outcome = self.commit(jobs, queue);
        if jobs.len() > 1 && matches!(outcome, Err(Failure::Group(_))) {
            for mut job in jobs.drain(..) {
                let outcome = self.transaction(|group| job.apply(group));
                self.answer(job, &outcome);
            }
            return;
        }
        for job in jobs.drain(..) {
            self.answer(job, &outcome);
        }
    }

    /// Applies these and whatever is queued before the last of them is applied: those that an
    /// earlier commit has let go come one by one, and without this the first of them would have a
    /// commit of its own, which the others would wait for.
    fn commit(&mut self, jobs: &mut Vec<Box<dyn Job>>, queue: &mut Queue) -> Result<(), Failure> {
        let operations_max = self.options.group_operations_max.max(1);
        self.transaction(|group| {
            jobs.iter_mut().try_for_each(|job| job.apply(group))?;
            while jobs.len() < operations_max
                && let Ok(mut job) = queue.try_recv()
            {
                let applied = job.apply(group);
                jobs.push(job);
                applied?;
            }
            Ok(())
        })
    }

    fn transaction<T>(
        &mut self,
        work: impl FnOnce(&mut Group<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, Failure> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(Failure::Start)?;
        let before = self.meter.statistics();
        let mut group = Group {
            connection: &transaction,
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
                statistics: before,
            },
            staged: (0..self.served.len()).map(|_| Staged::default()).collect(),
        };
        let answer = work(&mut group).map_err(Failure::Group)?;
        group.write_cursors().map_err(Failure::Group)?;
        let commit = group.into_commit();
        let Commit { changes, youngest, .. } = &commit;
        if changes.statistics != before {
            super::schema::write_statistics(&transaction, &changes.statistics, *youngest)
                .map_err(Failure::Group)?;
        }
        transaction.commit().map_err(Failure::Group)?;

        self.recorded_at_ms = commit.recorded_at_ms;
        self.tidied_through = commit.tidied_through;
        self.youngest = commit.youngest;
        // First the tails, then the bell: whoever hears it finds what there is.
        let changes = commit.apply(&self.tails);
        self.meter.publish(&changes);
        warn_of_losses(&before, &changes.statistics);
        Ok(answer)
    }

    /// Publishing may be faster than the next look at retention.
    fn keep_hard_limit(&mut self) {
        while self.meter.statistics().bytes > self.options.hard_bytes_max {
            match self.transaction(|group| Tidy.apply(group)) {
                Ok(true) => {}
                Ok(false) => break,
                Err(failure) => {
                    let error = sqlite_error(&self.path, failure.cause());
                    tracing::warn!(%error, "events: cannot keep the hard limit");
                    break;
                }
            }
        }
    }

    fn answer(&self, job: Box<dyn Job>, outcome: &Result<(), Failure>) {
        let cause = outcome.as_ref().err().map(Failure::cause);
        let failure = cause.map(|cause| sqlite_error(&self.path, cause));
        let code = cause.and_then(rusqlite::Error::sqlite_error_code);
        if let (Some(failure), Some(ErrorCode::DiskFull | ErrorCode::DatabaseCorrupt)) =
            (&failure, code)
        {
            self.meter.note_trouble(failure.to_string());
        }
        job.answer(failure);
    }

    /// Carries the journal over to the database, so that the file alone is the whole truth.
    fn close(self) -> Result<()> {
        let explain = |error| sqlite_error(&self.path, &error);
        let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
        self.connection.query_row(checkpoint, [], |_| Ok(())).map_err(explain)?;
        self.connection.close().map_err(|(_, error)| explain(error))?;
        drop(self.lock);
        Ok(())
    }
}

/// Says what a transaction has lost for good: nobody else would ever know.
fn warn_of_losses(before: &Statistics, after: &Statistics) {
    let deliveries = after.lost_deliveries - before.lost_deliveries;
    if deliveries > 0 {
        tracing::error!(deliveries, "events: the hard limit has removed events still to deliver");
    }
    let dead_letters = after.lost_dead_letters - before.lost_dead_letters;
    if dead_letters > 0 {
        tracing::error!(dead_letters, "events: the hard limit has removed dead letters");
    }
}

/// Why a transaction was not committed.
enum Failure {
    /// It could not begin, so none of its operations could alone.
    Start(rusqlite::Error),
    /// One of the operations, or all of them together, were too much.
    Group(rusqlite::Error),
}

impl Failure {
    fn cause(&self) -> &rusqlite::Error {
        match self {
            Self::Start(error) | Self::Group(error) => error,
        }
    }
}
