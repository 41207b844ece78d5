//! The settings of the engine.

use std::{collections::HashMap, path::PathBuf, time::Duration};

use crate::Limits;

/// The settings of the engine. The defaults suit a shop on one machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The limits of single operations.
    pub limits: Limits,
    /// Database files outside of the directory, by label. Two labels may name one file: their keys
    /// stay separate, as in stock Spin. Missing parent directories are created.
    pub paths: HashMap<String, PathBuf>,
    /// The maximum size of one database file, in bytes. Beyond it, writes are
    /// [`Full`](crate::ErrorKind::Full).
    pub database_bytes_max: u64,
    /// The maximum number of connections that read a database at the same time, at least 1.
    pub readers_max: usize,
    /// The maximum number of writes in the queue of a database, at least 1. Further callers wait.
    pub queue_length_max: usize,
    /// The maximum size of the keys and values of all queued writes of a database, in bytes.
    pub queue_bytes_max: usize,
    /// The maximum number of writes that share one commit, at least 1.
    pub group_operations_max: usize,
    /// The maximum size of the keys and values that are kept in memory, of all databases together,
    /// in bytes; 0 for none.
    pub cache_bytes_max: usize,
    /// How long to wait for a file that another program has locked.
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

impl Options {
    /// The limits of one database.
    pub(super) fn database(&self) -> tessera_sqlite::Options {
        tessera_sqlite::Options {
            database_bytes_max: self.database_bytes_max,
            readers_max: self.readers_max,
            queue_length_max: self.queue_length_max,
            queue_bytes_max: self.queue_bytes_max,
            group_operations_max: self.group_operations_max,
            busy_timeout: self.busy_timeout,
        }
    }
}
