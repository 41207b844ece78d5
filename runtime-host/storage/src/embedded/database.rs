//! One file: a queue with its writer, and the readers beside it.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    thread,
};

use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use super::{
    Options, Statistics,
    cache::Cache,
    coherence::Coherence,
    expiry,
    folder::{Lock, sync_folder_of},
    health::Known,
    log_space::LogSpace,
    operation::Operation,
    reader::Readers,
    schema,
    writer::{Counters, Job, Pending, Writer},
};
use crate::{Error, ErrorKind, Health, Limits, Result, versions::Deletions};

pub(super) struct Database {
    options: Arc<Options>,
    deletions: Arc<Deletions>,
    coherence: Arc<Coherence>,
    readers: Arc<Readers>,
    counters: Arc<Counters>,
    known: Arc<Known>,
    queue: Mutex<Option<mpsc::Sender<Box<dyn Job>>>>,
    queue_bytes: Arc<Semaphore>,
    /// How the writer ended, once it has.
    ended: watch::Receiver<Option<Result<()>>>,
}

impl Database {
    /// Opens the file, creating it if need be, and starts its writer. Blocks.
    pub(super) fn open(
        path: &Path,
        options: Arc<Options>,
        cache: &Arc<Cache>,
        lock: Arc<Lock>,
    ) -> Result<Self> {
        let (connection, version) = schema::open_writer(path, &options)?;
        sync_folder_of(path)?;
        let known = Arc::new(Known::default());
        if let Err(damage) = schema::check(path, &connection) {
            known.note(&damage);
        }
        let uses_expiry = expiry::is_used(&connection);
        let uses_expiry = uses_expiry.map_err(|error| schema::sqlite_error(path, &error))?;
        let (coherence, attached) = Coherence::attach(cache, &connection);
        let deletions = Arc::new(Deletions::new());
        let counters = Arc::new(Counters::default());
        let writer = Writer {
            path: path.to_owned(),
            coherence: Arc::clone(&coherence),
            attached,
            connection,
            log_space: LogSpace::of(path, schema::LOG_BYTES_RESERVED_MAX),
            version,
            deletions: Arc::clone(&deletions),
            counters: Arc::clone(&counters),
            group_operations_max: options.group_operations_max.max(1),
            uses_expiry,
            known: Arc::clone(&known),
            lock,
        };
        let (queue, jobs) = mpsc::channel(options.queue_length_max.max(1));
        let ended = start(writer, jobs)?;
        let (path, busy) = (path.to_owned(), options.busy_timeout);
        let readers = Readers::new(path, options.readers_max, busy, Arc::clone(&known));
        Ok(Self {
            queue_bytes: Arc::new(Semaphore::new(queue_bytes_max(&options) as usize)),
            options,
            deletions,
            coherence,
            readers: Arc::new(readers),
            counters,
            known,
            queue: Mutex::new(Some(queue)),
            ended,
        })
    }

    /// Queues a write, waiting for room, and gives its answer after the commit.
    pub(super) async fn write<O: Operation>(
        &self,
        store: &Arc<str>,
        operation: O,
    ) -> Result<O::Answer> {
        self.known.check_writable(store)?;
        // A write larger than the whole queue has the queue to itself.
        let bytes = u32::try_from(operation.bytes()).unwrap_or(u32::MAX);
        let bytes = bytes.min(queue_bytes_max(&self.options));
        let room = Arc::clone(&self.queue_bytes).acquire_many_owned(bytes).await;
        let room = room.map_err(|_| Error::closed(store))?;

        let (caller, answer) = oneshot::channel();
        let store = Arc::clone(store);
        let pending =
            Pending { store: Arc::clone(&store), operation, outcome: None, caller, _bytes: room };
        self.enqueue(&store, Box::new(pending)).await?;
        answer.await.map_err(|_| Error::closed(&store))?
    }

    async fn enqueue(&self, store: &str, job: Box<dyn Job>) -> Result<()> {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let queue = queue.ok_or_else(|| Error::closed(store))?;
        let place = queue.reserve().await.map_err(|_| Error::closed(store))?;
        self.counters.accepted.fetch_add(1, Ordering::Release);
        place.send(job);
        Ok(())
    }

    /// The connections beside the writer.
    pub(super) fn readers(&self) -> &Arc<Readers> {
        &self.readers
    }

    pub(super) fn deletions(&self) -> &Arc<Deletions> {
        &self.deletions
    }

    pub(super) fn coherence(&self) -> &Coherence {
        &self.coherence
    }

    /// Takes note of a read that the cache could not answer.
    pub(super) fn count_file_read(&self) {
        self.counters.file_reads.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.options.limits
    }

    /// The health of the database.
    pub(super) fn health(&self) -> Health {
        self.known.health()
    }

    pub(super) fn statistics(&self) -> Statistics {
        self.counters.read()
    }

    /// Lets running reads and accepted writes finish, then closes the file.
    pub(super) async fn close(&self) -> Result<()> {
        self.readers.close().await;
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        let mut ended = self.ended.clone();
        let outcome = ended.wait_for(Option::is_some).await;
        match outcome.map(|outcome| outcome.clone()) {
            Ok(outcome) => outcome.unwrap_or(Ok(())),
            Err(_) => Err(Error::new(ErrorKind::Unavailable, "a database writer has died")),
        }
    }
}

/// Starts the thread of a writer.
fn start(
    writer: Writer,
    jobs: mpsc::Receiver<Box<dyn Job>>,
) -> Result<watch::Receiver<Option<Result<()>>>> {
    let (ending, ended) = watch::channel(None);
    let run = move || drop(ending.send(Some(writer.run(jobs))));
    let started = thread::Builder::new().name("tessera-store".to_owned()).spawn(run);
    match started {
        Ok(_) => Ok(ended),
        Err(error) => Err(Error::new(
            ErrorKind::Unavailable,
            format!("cannot start the writer of a database: {error}"),
        )),
    }
}

fn queue_bytes_max(options: &Options) -> u32 {
    u32::try_from(options.queue_bytes_max.clamp(1, Semaphore::MAX_PERMITS)).unwrap_or(u32::MAX)
}
