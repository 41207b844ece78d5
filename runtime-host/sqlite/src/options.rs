//! The limits of one database.

use std::time::Duration;

use tokio::sync::Semaphore;

/// The limits of one database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// The maximum size of the file, in bytes. Beyond it, writes are
    /// [`Full`](crate::ErrorKind::Full).
    pub database_bytes_max: u64,
    /// The maximum number of connections that read at the same time, at least 1.
    pub readers_max: usize,
    /// The maximum number of operations in the queue of the writer, at least 1. Further callers
    /// wait.
    pub queue_length_max: usize,
    /// The maximum size of all queued operations, in bytes. Further callers wait.
    pub queue_bytes_max: usize,
    /// The maximum number of operations that share one commit, at least 1.
    pub group_operations_max: usize,
    /// How long SQLite waits for a file that another program has locked.
    pub busy_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            database_bytes_max: 16 * 1024 * 1024 * 1024,
            readers_max: 4,
            queue_length_max: 1_024,
            queue_bytes_max: 64 * 1024 * 1024,
            group_operations_max: 256,
            busy_timeout: Duration::from_secs(5),
        }
    }
}

impl Options {
    /// `queue_bytes_max` as a number of permits.
    pub(crate) fn queue_permits(&self) -> u32 {
        u32::try_from(self.queue_bytes_max.clamp(1, Semaphore::MAX_PERMITS)).unwrap_or(u32::MAX)
    }
}
