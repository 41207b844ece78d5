//! The transactions of the writer.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use rusqlite::{Connection, TransactionBehavior};

use crate::{Engine, Error, Opened, Result, counters::Counters, wal_space::WalSpace};

/// The interval between two warnings about another program that writes to the file.
const WARNING_INTERVAL: Duration = Duration::from_secs(60);

/// The connection of the writer, and the engine that runs its transactions.
pub struct Transactions<E: Engine> {
    engine: E,
    connection: Connection,
    path: PathBuf,
    wal_space: WalSpace,
    counters: Arc<Counters>,
    changes: Changes,
}

/// Why a transaction was not committed.
pub(crate) enum Failure {
    /// It could not begin, so that none of its operations could succeed on its own.
    Begin(Error),
    /// One of its operations failed, or all of them together were too much.
    Group(Error),
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Begin(error) | Failure::Group(error) => error,
        }
    }
}

impl<E: Engine> Transactions<E> {
    pub(crate) fn new(opened: Opened, engine: E, counters: Arc<Counters>) -> Result<Self> {
        let Opened { path, connection, .. } = opened;
        let version = data_version(&connection).map_err(|error| Error::sqlite(&path, &error))?;
        let changes = Changes { version, has_failed: false, warned_at: None };
        let wal_space = WalSpace::of(&path);
        Ok(Self { engine, connection, path, wal_space, counters, changes })
    }

    /// The engine.
    pub fn engine(&self) -> &E {
        &self.engine
    }

    /// Runs a transaction and returns what `work` returns, after the commit.
    ///
    /// # Errors
    ///
    /// Failures of SQLite. Nothing is committed then.
    pub fn run<T>(
        &mut self,
        work: impl FnOnce(&mut E::Group<'_>) -> rusqlite::Result<T>,
    ) -> Result<T> {
        Ok(self.commit(work)?)
    }

    pub(crate) fn commit<T>(
        &mut self,
        work: impl FnOnce(&mut E::Group<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, Failure> {
        let committed = self.try_commit(work);
        self.changes.has_failed |= committed.is_err();
        if committed.is_ok() {
            self.counters.count_commit();
        }
        committed
    }

    fn try_commit<T>(
        &mut self,
        work: impl FnOnce(&mut E::Group<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, Failure> {
        let path = &self.path;
        let begin_failure = |error| Failure::Begin(Error::sqlite(path, &error));
        let failure = |error| Failure::Group(Error::sqlite(path, &error));
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(begin_failure)?;
        self.wal_space.reserve();
        let version = data_version(&transaction).map_err(begin_failure)?;
        if self.changes.are_new(version) {
            self.engine.file_changed();
            self.changes.learn(version, path);
        }
        let mut group = self.engine.begin(&transaction);
        let answer = work(&mut group).map_err(failure)?;
        let commit = E::finish(group).map_err(failure)?;
        match transaction.commit() {
            Ok(()) => {
                self.engine.committed(commit);
                Ok(answer)
            }
            Err(error) => {
                self.engine.rolled_back(commit);
                Err(failure(error))
            }
        }
    }

    /// Checkpoints the log, so that the file is complete without it, and closes the file.
    pub(crate) fn close(self) -> Result<()> {
        let Self { engine, connection, path, .. } = self;
        drop(engine);
        let explain = |error| Error::sqlite(&path, &error);
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).map_err(explain)?;
        connection.close().map_err(|(_, error)| explain(error))
    }
}

/// Detects changes of the file by other programs.
struct Changes {
    /// The last known `data_version`.
    version: i64,
    /// Whether a transaction has failed since then. SQLite may discard its page cache then, and
    /// this also changes the version.
    has_failed: bool,
    warned_at: Option<Instant>,
}

impl Changes {
    fn are_new(&mut self, version: i64) -> bool {
        let are_new = version != self.version;
        if !are_new {
            self.has_failed = false;
        }
        are_new
    }

    /// Records the version. Warns if another program has changed the file, but not each time.
    fn learn(&mut self, version: i64, path: &std::path::Path) {
        self.version = version;
        let has_failed = std::mem::take(&mut self.has_failed);
        let is_warned = self.warned_at.is_some_and(|at| at.elapsed() < WARNING_INTERVAL);
        if !has_failed && !is_warned {
            self.warned_at = Some(Instant::now());
            let path = path.display();
            tracing::warn!(
                "`{path}` was changed by another program; write to it only while the host is \
                 stopped"
            );
        }
    }
}

/// A number that changes if another connection has changed the file since the last transaction of
/// this one. Reading it in a transaction costs three instructions of SQLite and no system call.
fn data_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))
}
