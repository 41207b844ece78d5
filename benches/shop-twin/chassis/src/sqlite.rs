//! The store of one process: a SQLite file in WAL mode with `synchronous = FULL`.
//!
//! One thread writes. Whatever has queued up while the last commit was on its way to the disk
//! goes into the next transaction, so that many writers share one fsync; they are answered after
//! it. Reads happen on the thread that asks, with a connection of its own: they find their page
//! in memory, and a switch to another thread would cost more than they do.

use chassis::store::{Store, StoreError};
use rusqlite::{Connection, OptionalExtension, params};
use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError, mpsc};
use tokio::sync::oneshot;

/// Writes that share one transaction.
const GROUP_MAX: usize = 256;

/// Clones are the same store.
#[derive(Clone)]
pub struct SpinStore {
    writer: mpsc::Sender<Write>,
}

struct Write {
    operation: Operation,
    key: String,
    answer: oneshot::Sender<Result<Done, String>>,
}

enum Operation {
    Set(Vec<u8>),
    Delete,
    Increment(i64),
    Swap { expected: Option<Vec<u8>>, new: Vec<u8> },
}

/// The new value of a counter, and whether something was written.
#[derive(Clone, Copy)]
struct Done {
    counter: i64,
    written: bool,
}

/// A process has one store, whatever is asked of it.
static OPENED: OnceLock<PathBuf> = OnceLock::new();
static WRITER: Mutex<Option<mpsc::Sender<Write>>> = Mutex::new(None);

thread_local! {
    static READER: OnceCell<Connection> = const { OnceCell::new() };
}

impl SpinStore {
    /// Opens the store of this process.
    ///
    /// # Errors
    /// When the file can't be opened.
    pub fn open(label: &str) -> Result<Self, StoreError> {
        let mut writer = WRITER.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(writer) = &*writer {
            return Ok(Self { writer: writer.clone() });
        }
        let path = crate::registry::folder().join(format!("{label}.db"));
        let connection = connect(&path).map_err(unavailable)?;
        let (sender, receiver) = mpsc::channel();
        let thread = std::thread::Builder::new().name("writer".to_owned());
        let thread = thread.spawn(move || write_all(&connection, &receiver));
        thread.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        OPENED.get_or_init(|| path);
        *writer = Some(sender.clone());
        Ok(Self { writer: sender })
    }

    async fn write(&self, key: &str, operation: Operation) -> Result<Done, StoreError> {
        let (answer, answered) = oneshot::channel();
        let gone = |_| StoreError::Unavailable("the writer is gone".to_owned());
        let write = Write { operation, key: key.to_owned(), answer };
        self.writer.send(write).map_err(|_| gone(()))?;
        answered.await.map_err(|_| gone(()))?.map_err(StoreError::Unavailable)
    }
}

impl Store for SpinStore {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        READER.with(|reader| {
            let connection = match reader.get() {
                Some(connection) => connection,
                None => {
                    let path = OPENED.get().map_or(Path::new(""), PathBuf::as_path);
                    let connection = connect(path).map_err(unavailable)?;
                    reader.get_or_init(|| connection)
                }
            };
            read(connection, key).map_err(unavailable)
        })
    }

    async fn set(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.write(key, Operation::Set(value.to_vec())).await.map(drop)
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.write(key, Operation::Delete).await.map(drop)
    }

    async fn increment(&self, key: &str, delta: i64) -> Result<i64, StoreError> {
        Ok(self.write(key, Operation::Increment(delta)).await?.counter)
    }

    async fn compare_and_swap(
        &self,
        key: &str,
        expected: Option<&[u8]>,
        new: &[u8],
    ) -> Result<bool, StoreError> {
        let swap = Operation::Swap { expected: expected.map(<[u8]>::to_vec), new: new.to_vec() };
        Ok(self.write(key, swap).await?.written)
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA mmap_size = 268435456;
         CREATE TABLE IF NOT EXISTS entries (key TEXT PRIMARY KEY, value BLOB NOT NULL);",
    )?;
    Ok(connection)
}

fn read(connection: &Connection, key: &str) -> rusqlite::Result<Option<Vec<u8>>> {
    let mut statement = connection.prepare_cached("SELECT value FROM entries WHERE key = ?1")?;
    statement.query_row([key], |row| row.get(0)).optional()
}

/// Takes what waits, commits it together, answers.
fn write_all(connection: &Connection, queue: &mpsc::Receiver<Write>) {
    while let Ok(first) = queue.recv() {
        let group: Vec<Write> = std::iter::once(first)
            .chain(std::iter::from_fn(|| queue.try_recv().ok()).take(GROUP_MAX - 1))
            .collect();
        let done = commit(connection, &group).map_err(|error| error.to_string());
        for (place, write) in group.into_iter().enumerate() {
            // Whoever does not wait any more needs no answer.
            drop(write.answer.send(done.as_ref().map(|done| done[place]).map_err(Clone::clone)));
        }
    }
}

fn commit(connection: &Connection, group: &[Write]) -> rusqlite::Result<Vec<Done>> {
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    let done: rusqlite::Result<Vec<Done>> =
        group.iter().map(|write| apply(connection, write)).collect();
    let end = if done.is_ok() { "COMMIT" } else { "ROLLBACK" };
    connection.prepare_cached(end)?.execute([])?;
    done
}

fn apply(connection: &Connection, write: &Write) -> rusqlite::Result<Done> {
    const REPLACE: &str = "INSERT INTO entries (key, value) VALUES (?1, ?2) \
                           ON CONFLICT (key) DO UPDATE SET value = excluded.value";
    let key = &write.key;
    let mut counter = 0;
    let changed = match &write.operation {
        Operation::Set(value) => {
            connection.prepare_cached(REPLACE)?.execute(params![key, value])?
        }
        Operation::Delete => {
            connection.prepare_cached("DELETE FROM entries WHERE key = ?1")?.execute([key])?
        }
        Operation::Increment(delta) => {
            let current = read(connection, key)?.and_then(|bytes| bytes.try_into().ok());
            counter = current.map_or(0, i64::from_le_bytes).wrapping_add(*delta);
            let bytes = counter.to_le_bytes();
            connection.prepare_cached(REPLACE)?.execute(params![key, bytes.as_slice()])?
        }
        Operation::Swap { expected: Some(expected), new } => {
            let swap = "UPDATE entries SET value = ?3 WHERE key = ?1 AND value = ?2";
            connection.prepare_cached(swap)?.execute(params![key, expected, new])?
        }
        Operation::Swap { expected: None, new } => {
            let create = "INSERT INTO entries (key, value) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
            connection.prepare_cached(create)?.execute(params![key, new])?
        }
    };
    Ok(Done { counter, written: changed == 1 })
}

fn unavailable(error: rusqlite::Error) -> StoreError {
    StoreError::Unavailable(error.to_string())
}
