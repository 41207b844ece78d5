//! An open database: the queue of its writer, and its readers.

use std::{path::PathBuf, sync::Arc};

use parking_lot::Mutex;
use rusqlite::Connection;
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::{
    Engine, Error, ErrorKind, Lock, Opened, Operation, Options, Result, Statistics, Transactions,
    counters::Counters,
    health::Health,
    job::{Job, Pending, Sender},
    readers::Readers,
    writer::{Ended, Writer},
};

/// An open database. Dropping it closes the file in the background, after all accepted operations;
/// [`close`](Self::close) also waits for that.
pub struct Database<E: Engine> {
    path: PathBuf,
    readers: Arc<Readers>,
    counters: Arc<Counters>,
    health: Arc<Health>,
    /// `None` once closed.
    queue: Mutex<Option<Sender<E>>>,
    queue_bytes: Arc<Semaphore>,
    queue_bytes_max: u32,
    ended: Ended,
}

impl<E: Engine> Database<E> {
    /// Starts the writer of a file. The lock is released after the file is closed.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](ErrorKind::Unavailable) if the thread cannot be started, and failures of
    /// SQLite.
    pub fn start(opened: Opened, engine: E, options: &Options, lock: Arc<Lock>) -> Result<Self> {
        let (path, thread_name) = (opened.path.clone(), opened.thread_name);
        let (counters, health) = (Arc::new(Counters::default()), Arc::new(Health::default()));
        if let Some(damage) = &opened.damage {
            health.note(damage);
        }
        let (queue, jobs) = mpsc::channel(options.queue_length_max.max(1));
        let writer = Writer {
            transactions: Transactions::new(opened, engine, Arc::clone(&counters))?,
            operations_max: options.group_operations_max.max(1),
            counters: Arc::clone(&counters),
            health: Arc::clone(&health),
            lock,
        };
        let ended = writer.start(thread_name, jobs)?;
        let queue_bytes_max = options.queue_permits();
        Ok(Self {
            readers: Arc::new(Readers::new(path.clone(), *options, Arc::clone(&health))),
            path,
            counters,
            health,
            queue: Mutex::new(Some(queue)),
            queue_bytes: Arc::new(Semaphore::new(queue_bytes_max as usize)),
            queue_bytes_max,
            ended,
        })
    }

    /// Queues an operation, waiting for space, and returns its answer after the commit.
    ///
    /// # Errors
    ///
    /// [`Closed`](ErrorKind::Closed), and failures of SQLite. If the future is dropped, the
    /// operation may still take effect.
    pub async fn write<O: Operation<E>>(&self, operation: O) -> Result<O::Answer> {
        // An operation that is larger than the queue is queued alone.
        let bytes = u32::try_from(operation.bytes()).unwrap_or(u32::MAX);
        let bytes = bytes.min(self.queue_bytes_max);
        let permit = Arc::clone(&self.queue_bytes).acquire_many_owned(bytes).await;
        let permit = permit.map_err(|_| self.closed())?;
        let (caller, answer) = oneshot::channel();
        self.enqueue(Box::new(Pending::new(operation, caller, permit))).await?;
        answer.await.map_err(|_| self.closed())?
    }

    async fn enqueue(&self, job: Box<dyn Job<E>>) -> Result<()> {
        let queue = self.queue.lock().clone();
        let queue = queue.ok_or_else(|| self.closed())?;
        let slot = queue.reserve().await.map_err(|_| self.closed())?;
        self.counters.count_accepted();
        slot.send(job);
        Ok(())
    }

    /// Runs a query for one key, on the calling thread if a connection is idle.
    ///
    /// # Errors
    ///
    /// [`Closed`](ErrorKind::Closed), and failures of SQLite.
    pub async fn read_inline<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        self.readers.read_inline(query).await
    }

    /// Runs a query of any length on a thread that may block.
    ///
    /// # Errors
    ///
    /// As for [`read_inline`](Self::read_inline).
    pub async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        self.readers.read(query).await
    }

    /// Whether the file was found to be damaged. Further writes would spread the damage.
    pub fn is_damaged(&self) -> bool {
        self.health.is_damaged()
    }

    /// The latest failure that an operator has to know about, if it is at most 30 s old: the file
    /// is damaged or full.
    pub fn recent_failure(&self) -> Option<Error> {
        self.health.recent()
    }

    /// What the writer has done.
    pub fn statistics(&self) -> Statistics {
        self.counters.read()
    }

    /// Waits for running queries and accepted operations, then closes the file. Later calls of
    /// other methods fail.
    ///
    /// # Errors
    ///
    /// Failures of SQLite at the last checkpoint.
    pub async fn close(&self) -> Result<()> {
        self.readers.close().await;
        drop(self.queue.lock().take());
        let mut ended = self.ended.clone();
        let outcome = ended.wait_for(Option::is_some).await;
        match outcome.map(|outcome| outcome.clone()) {
            Ok(outcome) => outcome.unwrap_or(Ok(())),
            Err(_) => {
                let message = format!("the writer of `{}` has panicked", self.path.display());
                Err(Error::new(ErrorKind::Unavailable, message))
            }
        }
    }

    fn closed(&self) -> Error {
        Error::closed(&self.path)
    }
}
