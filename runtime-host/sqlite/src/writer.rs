//! The writer thread.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use tokio::sync::watch;

use crate::{
    Engine, Error, ErrorKind, Lock, Result, Transactions,
    counters::Counters,
    health::Health,
    job::{Job, Receiver},
    transactions::Failure,
};

/// The maximum time that a group waits for further operations.
const GATHER_MAX: Duration = Duration::from_micros(300);

/// It waits for at most this part of the duration of the last commit.
const GATHER_PART: u32 = 4;

/// Everything that the thread owns.
pub(crate) struct Writer<E: Engine> {
    pub(crate) transactions: Transactions<E>,
    pub(crate) operations_max: usize,
    pub(crate) counters: Arc<Counters>,
    pub(crate) health: Arc<Health>,
    /// Released after the file is closed.
    pub(crate) lock: Arc<Lock>,
}

/// How the writer ended; `None` while it runs.
pub(crate) type Ended = watch::Receiver<Option<Result<()>>>;

impl<E: Engine> Writer<E> {
    /// Starts the thread.
    pub(crate) fn start(self, name: &str, queue: Receiver<E>) -> Result<Ended> {
        let (ending, ended) = watch::channel(None);
        let run = move || drop(ending.send(Some(self.run(queue))));
        match thread::Builder::new().name(name.to_owned()).spawn(run) {
            Ok(_) => Ok(ended),
            Err(error) => {
                let message = format!("cannot start the writer of a database: {error}");
                Err(Error::new(ErrorKind::Unavailable, message))
            }
        }
    }

    /// Writes until all senders are dropped and the queue is empty, then closes the file.
    fn run(mut self, mut queue: Receiver<E>) -> Result<()> {
        let mut jobs = Vec::with_capacity(self.operations_max);
        let mut last = LastGroup::default();
        while queue.blocking_recv_many(&mut jobs, self.operations_max) > 0 {
            last.wait_for_more(&queue, jobs.len());
            let start = Instant::now();
            let operations = self.write(&mut jobs, &mut queue);
            last = LastGroup { operations, took: start.elapsed() };
            E::after_group(&mut self.transactions);
        }
        let closed = self.transactions.close();
        drop(self.lock);
        closed
    }

    /// Commits the operations as a group. If the group fails, commits each of them on its own, so
    /// that one that does not fit on the disk does not fail the others. Returns their number.
    fn write(&mut self, jobs: &mut Vec<Box<dyn Job<E>>>, queue: &mut Receiver<E>) -> usize {
        let outcome = self.commit(jobs, queue);
        let operations = jobs.len();
        if operations > 1 && matches!(outcome, Err(Failure::Group(_))) {
            for mut job in jobs.drain(..) {
                let outcome = self.transactions.commit(|group| job.apply(group));
                self.answer(job, outcome.err().map(Error::from));
            }
            return operations;
        }
        let failure = outcome.err().map(Error::from);
        for job in jobs.drain(..) {
            self.answer(job, failure.clone());
        }
        operations
    }

    /// Applies these operations and those that are queued before the last one is applied.
    ///
    /// The callers of the previous group come back one after the other. Without this, the first of
    /// them would get its own commit, and all others would wait for two.
    fn commit(
        &mut self,
        jobs: &mut Vec<Box<dyn Job<E>>>,
        queue: &mut Receiver<E>,
    ) -> Result<(), Failure> {
        let operations_max = self.operations_max;
        self.transactions.commit(|group| {
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

    fn answer(&self, job: Box<dyn Job<E>>, failure: Option<Error>) {
        self.counters.count_answered();
        if let Some(failure) = &failure {
            self.health.note(failure);
        }
        job.answer(failure);
    }
}

/// The previous group, which predicts the next one.
#[derive(Default)]
struct LastGroup {
    operations: usize,
    took: Duration,
}

impl LastGroup {
    /// Waits for a short time until about as many operations are queued as the last group had.
    ///
    /// A single caller never waits, and a group that waited in vain lowers the expectation for the
    /// next one.
    fn wait_for_more<E: Engine>(&self, queue: &Receiver<E>, received: usize) {
        let start = Instant::now();
        let wait_max = (self.took / GATHER_PART).min(GATHER_MAX);
        while received + queue.len() < self.operations && start.elapsed() < wait_max {
            thread::yield_now();
        }
    }
}
