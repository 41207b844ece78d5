//! The thread that writes: one per database, one transaction per group.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use super::{
    Statistics,
    coherence::{Attached, Coherence},
    folder::Lock,
    group::Group,
    health::Known,
    log_space::LogSpace,
    operation::Operation,
    schema::sqlite_error,
};
use crate::{Error, Result, versions::Deletions};

/// How long a group waits for callers that were answered with the last one, at most.
const GATHER_MAX: Duration = Duration::from_micros(300);

/// It waits for no longer than this part of the time that the last commit took.
const GATHER_PART: u32 = 4;

/// A write in the queue, whatever its answer.
pub(super) trait Job: Send {
    /// Applies the write and keeps its answer for later.
    fn apply(&mut self, group: &mut Group<'_>) -> rusqlite::Result<()>;

    /// Sends the answer kept, after the commit, or else this error.
    fn answer(self: Box<Self>, failure: Option<Error>);
}

/// A write, the store that it is for, and who waits for the answer.
pub(super) struct Pending<O: Operation> {
    pub(super) store: Arc<str>,
    pub(super) operation: O,
    pub(super) outcome: Option<O::Answer>,
    pub(super) caller: oneshot::Sender<Result<O::Answer>>,
    /// The share of the queue's bytes that it takes up.
    pub(super) _bytes: OwnedSemaphorePermit,
}

impl<O: Operation> Job for Pending<O> {
    fn apply(&mut self, group: &mut Group<'_>) -> rusqlite::Result<()> {
        self.outcome = Some(self.operation.apply(group, &self.store)?);
        Ok(())
    }

    fn answer(self: Box<Self>, failure: Option<Error>) {
        let answer = match (failure, self.outcome) {
            (None, Some(outcome)) => Ok(outcome),
            (Some(failure), _) => Err(failure),
            (None, None) => Err(Error::closed(&self.store)),
        };
        // A caller that has gone away wants no answer.
        drop(self.caller.send(answer));
    }
}

/// What the writer has done, for all to see.
#[derive(Default)]
pub(super) struct Counters {
    pub(super) accepted: AtomicU64,
    answered: AtomicU64,
    commits: AtomicU64,
    pub(super) file_reads: AtomicU64,
}

impl Counters {
    pub(super) fn read(&self) -> Statistics {
        let answered = self.answered.load(Ordering::Acquire);
        let accepted = self.accepted.load(Ordering::Acquire);
        Statistics {
            writes: answered,
            commits: self.commits.load(Ordering::Acquire),
            queued: accepted.saturating_sub(answered),
            file_reads: self.file_reads.load(Ordering::Acquire),
        }
    }
}

/// The group before, which says what to expect.
#[derive(Default)]
struct Last {
    operations: usize,
    took: Duration,
}

impl Last {
    /// Waits for about as many writes as were answered just now, for a moment.
    ///
    /// Callers that shared a commit come back one after the other. Without this the first of them
    /// gets a commit of its own, and all others wait for two. One that is alone waits for nobody,
    /// and a group that waited in vain lowers what the next one expects.
    fn gather(
        &self,
        queue: &mut mpsc::Receiver<Box<dyn Job>>,
        jobs: &mut Vec<Box<dyn Job>>,
        operations_max: usize,
    ) {
        let start = Instant::now();
        let patience = (self.took / GATHER_PART).min(GATHER_MAX);
        while jobs.len() + queue.len() < self.operations && start.elapsed() < patience {
            thread::yield_now();
        }
        while jobs.len() < operations_max
            && let Ok(job) = queue.try_recv()
        {
            jobs.push(job);
        }
    }
}

/// Everything the thread owns.
pub(super) struct Writer {
    pub(super) path: PathBuf,
    pub(super) coherence: Arc<Coherence>,
    /// Before the connection, so that it is dropped before it.
    pub(super) attached: Attached,
    pub(super) connection: Connection,
    pub(super) log_space: LogSpace,
    pub(super) version: u64,
    pub(super) deletions: Arc<Deletions>,
    pub(super) counters: Arc<Counters>,
    pub(super) group_operations_max: usize,
    /// Whether any key has an expiry time.
    pub(super) uses_expiry: bool,
    pub(super) known: Arc<Known>,
    /// Given back only after the connection is closed.
    pub(super) lock: Arc<Lock>,
}

impl Writer {
    /// Writes until every sender is gone and the queue is empty, then closes the file.
    pub(super) fn run(mut self, mut queue: mpsc::Receiver<Box<dyn Job>>) -> Result<()> {
        let mut jobs = Vec::with_capacity(self.group_operations_max);
        let mut last = Last::default();
        while queue.blocking_recv_many(&mut jobs, self.group_operations_max) > 0 {
            last.gather(&mut queue, &mut jobs, self.group_operations_max);
            let start = Instant::now();
            last.operations = jobs.len();
            self.write(&mut jobs);
            last.took = start.elapsed();
        }
        self.close()
    }

    /// Commits a group as a whole or, where that fails, each of its writes on its own: a write
    /// that does not fit on the disk takes no other with it.
    fn write(&mut self, jobs: &mut Vec<Box<dyn Job>>) {
        let outcome = self.commit(jobs);
        if jobs.len() > 1 && matches!(outcome, Err(Failure::Group(_))) {
            for mut job in jobs.drain(..) {
                let outcome = self.commit(std::slice::from_mut(&mut job));
                self.answer(job, &outcome);
            }
            return;
        }
        for job in jobs.drain(..) {
            self.answer(job, &outcome);
        }
    }

    fn commit(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<(), Failure> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(Failure::Start)?;
        self.log_space.reserve();
        let committing = self.coherence.begin();
        let remembered = committing.scope().map(|scope| (self.coherence.cache(), scope));
        let mut group = Group::new(
            &transaction,
            &self.deletions,
            remembered,
            &mut self.version,
            self.uses_expiry,
        );
        jobs.iter_mut().try_for_each(|job| job.apply(&mut group)).map_err(Failure::Group)?;
        let mut applied = group.finish().map_err(Failure::Group)?;
        transaction.commit().map_err(Failure::Group)?;

        self.uses_expiry = applied.uses_expiry;
        // Only now: a reader that sees the count must see the deletion, too.
        applied.deleted.drain(..).for_each(|cell| self.deletions.publish(cell));
        committing.publish(applied.has_changed, |cache, scope| applied.remember(cache, scope));
        self.counters.commits.fetch_add(1, Ordering::Release);
        Ok(())
    }

    fn answer(&self, job: Box<dyn Job>, outcome: &Result<(), Failure>) {
        self.counters.answered.fetch_add(1, Ordering::Release);
        let failure =
            outcome.as_ref().err().map(|failure| sqlite_error(&self.path, failure.cause()));
        failure.iter().for_each(|failure| self.known.note(failure));
        job.answer(failure);
    }

    /// Carries the log over to the database, so that the file alone is the whole truth.
    fn close(self) -> Result<()> {
        drop(self.attached);
        let explain = |error| sqlite_error(&self.path, &error);
        self.connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .map_err(explain)?;
        self.connection.close().map_err(|(_, error)| explain(error))?;
        drop(self.lock);
        Ok(())
    }
}

/// Why a transaction was not committed.
enum Failure {
    /// It could not begin, so none of its writes could alone.
    Start(rusqlite::Error),
    /// One of the writes, or all of them together, were too much.
    Group(rusqlite::Error),
}

impl Failure {
    fn cause(&self) -> &rusqlite::Error {
        match self {
            Self::Start(error) | Self::Group(error) => error,
        }
    }
}
