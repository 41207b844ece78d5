//! SQLite files in a directory: the engine for one machine.
//!
//! Each file has one writer thread, which groups writes into commits; see [`tessera_sqlite`].
//!
//! What is read or written often is also kept in memory; `coherence` explains why a read from
//! memory gives the same result as a read from the file.
//!
//! A key may have an expiry time; see `expiry`.
//!
//! SQLite was chosen over a custom log-structured engine because operators can inspect the files
//! with `sqlite3`, back them up with the usual tools, and open them in stock Spin: the table is the
//! one of stock Spin, with one more column.
//!
//! Other programs may read the files at any time, but must not write to them while they are open.
//! The engine detects such a change with its next write to the file or its next sweep. It then
//! discards what it has in memory and logs a warning. Until then, reads may return old values.

mod cache;
mod coherence;
mod database;
mod expiry;
mod file_name;
mod group;
mod operation;
mod options;
mod schema;
mod store;
mod table;
mod writes;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use futures::{
    FutureExt,
    future::{BoxFuture, join_all},
};
use parking_lot::Mutex;
use tessera_sqlite::Lock;

pub use self::options::Options;
use self::{cache::Cache, database::Database, store::Store};
use crate::{Error, ErrorKind, Health, KeyValue, Result, Stores, limits::check_label};

/// What a database has done since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Writes that were answered, with or without success.
    pub writes: u64,
    /// Committed transactions, each with one fsync. Fewer than writes under load.
    pub commits: u64,
    /// Writes that are queued or being applied.
    pub queued: u64,
    /// Reads by key that the cache could not answer.
    pub file_reads: u64,
}

/// The engine: one database file per label, in a directory that no other process may use at the
/// same time.
///
/// A file is opened when its store is opened for the first time. Dropping the engine closes the
/// files in the background; [`close`](Stores::close) also waits for that.
pub struct Embedded {
    files: Arc<Files>,
}

impl Embedded {
    /// Locks a directory, creating it if it does not exist. Blocks for a few system calls.
    ///
    /// # Errors
    ///
    /// [`InUse`](crate::ErrorKind::InUse) with the id of the process that holds the lock,
    /// [`Denied`](crate::ErrorKind::Denied) for a directory that is not writable,
    /// [`Invalid`](crate::ErrorKind::Invalid) for a path that is not a directory, and
    /// [`Unavailable`](crate::ErrorKind::Unavailable) for other failures of the file system.
    pub fn open(directory: &Path, options: Options) -> Result<Self> {
        let lock = Arc::new(Lock::directory(directory)?);
        let opened = Opened { lock: Some(lock), ..Opened::default() };
        let files = Files {
            directory: directory.to_owned(),
            cache: Arc::new(Cache::new(options.cache_bytes_max)),
            options: Arc::new(options),
            opened: Mutex::new(opened),
        };
        Ok(Self { files: Arc::new(files) })
    }

    /// The path of the file of a label. It may not exist yet.
    pub fn path(&self, label: &str) -> PathBuf {
        self.files.path(label)
    }

    /// The health of the database of a label; `None` if it was never opened.
    pub fn health(&self, label: &str) -> Option<Health> {
        self.files.opened.lock().by_label.get(label).map(|database| database.health())
    }

    /// Whether the engine was closed.
    pub fn is_closed(&self) -> bool {
        self.files.opened.lock().lock.is_none()
    }

    /// What the database of a label has done; `None` if it was never opened.
    pub fn statistics(&self, label: &str) -> Option<Statistics> {
        self.files.opened.lock().by_label.get(label).map(|database| database.statistics())
    }
}

impl Stores for Embedded {
    /// Opens the file on the blocking threads of tokio's runtime.
    fn open(&self, label: &str) -> BoxFuture<'_, Result<Arc<dyn KeyValue>>> {
        let files = Arc::clone(&self.files);
        let label = label.to_owned();
        async move {
            let open = move || {
                let store = Store::new(files.database(&label)?, &label);
                Ok(Arc::new(store) as Arc<dyn KeyValue>)
            };
            let opened = tokio::task::spawn_blocking(open).await;
            opened.map_err(|error| Error::new(ErrorKind::Unavailable, error.to_string()))?
        }
        .boxed()
    }

    fn sweep_expired(&self, now_ms: u64) -> BoxFuture<'_, Result<u64>> {
        async move {
            let databases = self.files.opened.lock().by_file.values().cloned().collect::<Vec<_>>();
            let (mut removed, mut failure) = (0, None);
            // A damaged or failing database does not stop the others from being swept.
            let sound = |database: &Arc<Database>| database.health() != Health::Damaged;
            for database in databases.into_iter().filter(sound) {
                loop {
                    match database.sweep(now_ms).await {
                        Ok(part) => {
                            removed += part as u64;
                            if part < expiry::SWEPT_MAX {
                                break;
                            }
                        }
                        Err(error) => {
                            failure.get_or_insert(error);
                            break;
                        }
                    }
                }
            }
            failure.map_or(Ok(removed), Err)
        }
        .boxed()
    }

    fn close(&self) -> BoxFuture<'_, Result<()>> {
        async {
            let databases = self.files.take_all();
            let closing = databases.iter().map(|database| database.close());
            join_all(closing).await.into_iter().collect()
        }
        .boxed()
    }
}

struct Files {
    directory: PathBuf,
    options: Arc<Options>,
    cache: Arc<Cache>,
    opened: Mutex<Opened>,
}

/// The open databases. Two labels may share a file, which has one path here.
#[derive(Default)]
struct Opened {
    /// `None` once closed.
    lock: Option<Arc<Lock>>,
    by_file: HashMap<PathBuf, Arc<Database>>,
    by_label: HashMap<String, Arc<Database>>,
}

impl Files {
    fn path(&self, label: &str) -> PathBuf {
        match self.options.paths.get(label) {
            Some(path) => path.clone(),
            None => self.directory.join(file_name::file_name(label)),
        }
    }

    /// Opens the database of a label, once for all its labels and callers.
    fn database(&self, label: &str) -> Result<Arc<Database>> {
        check_label(label)?;
        let mut opened = self.opened.lock();
        let directory_lock = opened.lock.clone().ok_or_else(|| Error::closed(label))?;
        if let Some(database) = opened.by_label.get(label) {
            return Ok(Arc::clone(database));
        }
        let path = tessera_sqlite::canonical(&self.path(label))?;
        let database = match opened.by_file.get(&path) {
            Some(database) => Arc::clone(database),
            None => {
                let elsewhere = self.options.paths.contains_key(label);
                let lock = if elsewhere { Arc::new(Lock::file(&path)?) } else { directory_lock };
                let options = Arc::clone(&self.options);
                Arc::new(Database::open(&path, options, &self.cache, lock)?)
            }
        };
        opened.by_file.insert(path, Arc::clone(&database));
        opened.by_label.insert(label.to_owned(), Arc::clone(&database));
        Ok(database)
    }

    /// Removes all databases, and releases the directory as soon as they are closed.
    fn take_all(&self) -> Vec<Arc<Database>> {
        let mut opened = self.opened.lock();
        opened.lock = None;
        opened.by_label.clear();
        opened.by_file.drain().map(|(_, database)| database).collect()
    }
}
