//! SQLite files in a folder: the engine of one machine.
//!
//! A write is worth as much as its fsync, and an fsync costs as much as a thousand writes. So
//! each database has one writer thread that takes whatever has queued up while the last fsync
//! was running, applies it in one transaction, and answers after the commit: under load many
//! writes share an fsync, and a lone write waits for nobody. Readers use connections of their own
//! and, thanks to the write-ahead log, wait for no writer.
//!
//! What is read or written often is kept in memory besides. `coherence` has how that can never
//! be told from reading the file, whoever writes to it.
//!
//! A key may have an expiry time; see `expiry`.
//!
//! SQLite rather than a log-structured engine of our own, because an operator can look into it
//! with `sqlite3`, back it up with the usual tools, and open it in stock Spin: the table is the
//! one that stock Spin uses, with one more column.

mod cache;
mod coherence;
mod database;
mod expiry;
mod folder;
mod group;
mod health;
mod log_space;
mod operation;
mod reader;
mod schema;
mod store;
mod table;
mod wal_index;
mod writer;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::{
    FutureExt,
    future::{BoxFuture, join_all},
};

use self::{cache::Cache, database::Database, folder::Lock, operation::Sweep, store::Store};
use crate::{Error, ErrorKind, Health, KeyValue, Limits, Result, Stores, limits::check_label};

/// How the engine works. The defaults suit a shop on one machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Bounds on single operations.
    pub limits: Limits,
    /// Database files outside of the folder, by label. Two labels may name one file: their keys
    /// stay apart, as in stock Spin. Missing parent folders are created.
    pub paths: HashMap<String, PathBuf>,
    /// Size of one database file in bytes. Beyond it writes are [`Full`](crate::ErrorKind::Full).
    pub database_bytes_max: u64,
    /// Connections that read at the same time, per database, at least 1.
    pub readers_max: usize,
    /// Writes that wait for the writer of a database; more wait to be queued, at least 1.
    pub queue_length_max: usize,
    /// Keys and values of all queued writes of a database, in bytes.
    pub queue_bytes_max: usize,
    /// Writes that share one commit, at least 1.
    pub group_operations_max: usize,
    /// Keys and values kept in memory, of all databases together, in bytes; 0 for none.
    pub cache_bytes_max: usize,
    /// How long to wait when another program has locked the file.
    pub busy_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            paths: HashMap::new(),
            database_bytes_max: 16 * 1024 * 1024 * 1024,
            readers_max: 4,
            queue_length_max: 1_024,
            queue_bytes_max: 64 * 1024 * 1024,
            group_operations_max: 256,
            cache_bytes_max: 64 * 1024 * 1024,
            busy_timeout: Duration::from_secs(5),
        }
    }
}

/// What a database has done since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Writes asked for, done or failed.
    pub writes: u64,
    /// Transactions committed, each with one fsync. Fewer than writes under load.
    pub commits: u64,
    /// Writes waiting at this moment.
    pub queued: u64,
    /// Reads by key that the cache could not answer.
    pub file_reads: u64,
}

/// The engine: one database file per label, in a folder that no other process may use meanwhile.
///
/// Files are opened when first asked for. Drop closes too, in the background;
/// [`close`](Stores::close) waits for it.
pub struct Embedded {
    files: Arc<Files>,
}

impl Embedded {
    /// Takes possession of a folder, creating it if need be. Blocks for a few system calls.
    ///
    /// Errors: [`InUse`](crate::ErrorKind::InUse) with the id of the process that holds the
    /// folder, [`Denied`](crate::ErrorKind::Denied) for a folder that cannot be written to,
    /// [`Invalid`](crate::ErrorKind::Invalid) for something that is no folder, and
    /// [`Unavailable`](crate::ErrorKind::Unavailable) for any other failure of the file system.
    pub fn open(folder: &Path, options: Options) -> Result<Self> {
        let lock = Arc::new(Lock::folder(folder)?);
        let opened = Opened { lock: Some(lock), ..Opened::default() };
        let files = Files {
            folder: folder.to_owned(),
            cache: Arc::new(Cache::new(options.cache_bytes_max)),
            options: Arc::new(options),
            opened: Mutex::new(opened),
        };
        Ok(Self { files: Arc::new(files) })
    }

    /// The file behind a label, whether or not it exists already.
    pub fn path(&self, label: &str) -> PathBuf {
        self.files.path(label)
    }

    /// The health of the database with this label; `None` if it was never opened.
    pub fn health(&self, label: &str) -> Option<Health> {
        self.files.opened().by_label.get(label).map(|database| database.health())
    }

    /// Whether the engine was closed.
    pub fn is_closed(&self) -> bool {
        self.files.opened().lock.is_none()
    }

    /// What the database behind a label has done; `None` if it was never opened.
    pub fn statistics(&self, label: &str) -> Option<Statistics> {
        self.files.opened().by_label.get(label).map(|database| database.statistics())
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
            let databases = self.files.opened().by_file.values().cloned().collect::<Vec<_>>();
            let (mut removed, mut failure, no_store) = (0, None, Arc::from(""));
            // A damaged or failing database does not stop the others from being swept.
            let sound = |database: &Arc<Database>| database.health() != Health::Damaged;
            for database in databases.into_iter().filter(sound) {
                loop {
                    match database.write(&no_store, Sweep { now_ms }).await {
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
    folder: PathBuf,
    options: Arc<Options>,
    cache: Arc<Cache>,
    opened: Mutex<Opened>,
}

/// What is open. Two labels may share a file, and a file has one name here.
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
            None => self.folder.join(folder::file_name(label)),
        }
    }

    /// Opens a database once, however many labels and callers ask for it.
    fn database(&self, label: &str) -> Result<Arc<Database>> {
        check_label(label)?;
        let mut opened = self.opened();
        let folder_lock = opened.lock.clone().ok_or_else(|| Error::closed(label))?;
        if let Some(database) = opened.by_label.get(label) {
            return Ok(Arc::clone(database));
        }
        let path = folder::canonical(&self.path(label))?;
        let database = match opened.by_file.get(&path) {
            Some(database) => Arc::clone(database),
            None => {
                let elsewhere = self.options.paths.contains_key(label);
                let lock = if elsewhere { Arc::new(Lock::file(&path)?) } else { folder_lock };
                let options = Arc::clone(&self.options);
                Arc::new(Database::open(&path, options, &self.cache, lock)?)
            }
        };
        opened.by_file.insert(path, Arc::clone(&database));
        opened.by_label.insert(label.to_owned(), Arc::clone(&database));
        Ok(database)
    }

    /// Gives up all databases, and the folder as soon as they are closed.
    fn take_all(&self) -> Vec<Arc<Database>> {
        let mut opened = self.opened();
        opened.lock = None;
        opened.by_label.clear();
        opened.by_file.drain().map(|(_, database)| database).collect()
    }

    fn opened(&self) -> MutexGuard<'_, Opened> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
