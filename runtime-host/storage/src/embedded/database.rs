//! One file: its database, and its part of the cache.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use rusqlite::Connection;
use tessera_sqlite::{Lock, Operation};

use super::{
    Options, Statistics,
    cache::Cache,
    coherence::Coherence,
    expiry,
    operation::{In, Sweep, Write},
    schema,
    writes::Writes,
};
use crate::{Error, ErrorKind, Health, Limits, Result, versions::Deletions};

pub(super) struct Database {
    options: Arc<Options>,
    deletions: Arc<Deletions>,
    coherence: Arc<Coherence>,
    file_reads: AtomicU64,
    file: tessera_sqlite::Database<Writes>,
}

impl Database {
    /// Opens the file, creating it if it does not exist, and starts its writer. Blocks.
    pub(super) fn open(
        path: &Path,
        options: Arc<Options>,
        cache: &Arc<Cache>,
        lock: Arc<Lock>,
    ) -> Result<Self> {
        let explain = |error| tessera_sqlite::Error::sqlite(path, &error);
        let opened = tessera_sqlite::open(path, &schema::FORMAT, &options.database)?;
        let version = schema::first_version(&opened.connection).map_err(explain)?;
        let uses_expiry = expiry::is_used(&opened.connection).map_err(explain)?;
        let (coherence, deletions) = (Arc::new(Coherence::new(cache)), Arc::new(Deletions::new()));
        let writes = Writes {
            coherence: Arc::clone(&coherence),
            deletions: Arc::clone(&deletions),
            version,
            uses_expiry,
        };
        let file = tessera_sqlite::Database::start(opened, writes, &options.database, lock)?;
        Ok(Self { options, deletions, coherence, file_reads: AtomicU64::new(0), file })
    }

    /// Queues a write to a store, waiting for space, and returns its answer after the commit.
    pub(super) async fn write<W: Write>(&self, store: &Arc<str>, write: W) -> Result<W::Answer> {
        self.write_all(store, In { store: Arc::clone(store), write }).await
    }

    /// Removes expired keys. Returns their number, at most [`SWEPT_MAX`](expiry::SWEPT_MAX).
    pub(super) async fn sweep(&self, now_ms: u64) -> Result<usize> {
        self.write_all("", Sweep { now_ms }).await
    }

    async fn write_all<O: Operation<Writes>>(
        &self,
        store: &str,
        operation: O,
    ) -> Result<O::Answer> {
        if self.file.is_damaged() {
            let message = format!(
                "the store `{store}` is damaged and read-only; restore its file from a backup or \
                 move it away, and start again"
            );
            return Err(Error::new(ErrorKind::Corrupt, message));
        }
        Ok(self.file.write(operation).await?)
    }

    /// Runs a query for one key.
    pub(super) async fn read_key<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        Ok(self.file.read_inline(query).await?)
    }

    /// Runs a query of any length.
    pub(super) async fn read_many<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        Ok(self.file.read(query).await?)
    }

    pub(super) fn deletions(&self) -> &Deletions {
        &self.deletions
    }

    pub(super) fn coherence(&self) -> &Coherence {
        &self.coherence
    }

    /// Counts a read by key that the cache could not answer.
    pub(super) fn count_file_read(&self) {
        self.file_reads.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.options.limits
    }

    pub(super) fn health(&self) -> Health {
        if self.file.is_damaged() {
            return Health::Damaged;
        }
        match self.file.recent_failure() {
            Some(error) if error.kind == tessera_sqlite::ErrorKind::Full => Health::Full,
            _ => Health::Sound,
        }
    }

    pub(super) fn statistics(&self) -> Statistics {
        let tessera_sqlite::Statistics { writes, commits, queued } = self.file.statistics();
        let file_reads = self.file_reads.load(Ordering::Relaxed);
        Statistics { writes, commits, queued, file_reads }
    }

    /// Waits for running reads and accepted writes, then closes the file.
    pub(super) async fn close(&self) -> Result<()> {
        Ok(self.file.close().await?)
    }
}
