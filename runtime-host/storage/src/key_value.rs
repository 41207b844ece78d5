//! The port: the interface of every engine.

use std::sync::Arc;

use futures::future::BoxFuture;

use crate::{Error, Result};

/// A stored value. An empty value is different from an absent key.
pub type Value = Vec<u8>;

/// One store: an ordered map from UTF-8 keys to bytes.
///
/// - **Durable**: a write is answered when it survives a crash of the process and of the machine,
///   if the engine has a disk.
/// - **Linearizable per store**: an operation sees all writes that were answered before it started.
/// - **Cancellation**: if a future is dropped after its first poll, its operation may still take
///   effect.
/// - **Limits**: keys, values, batches and pages are limited by [`Limits`](crate::Limits). An
///   operation beyond them is [`Invalid`](crate::ErrorKind::Invalid) and has no effect.
///
/// Keys and values are passed by value because they move to the engine's own threads.
pub trait KeyValue: Send + Sync + 'static {
    /// Returns the value of a key, `None` for an absent key.
    fn get(&self, key: String) -> BoxFuture<'_, Result<Option<Value>>>;

    /// Stores a value unconditionally.
    fn set(&self, key: String, value: Value) -> BoxFuture<'_, Result<()>>;

    /// Removes a key. Removing an absent key is not an error.
    fn delete(&self, key: String) -> BoxFuture<'_, Result<()>>;

    /// Returns whether a key is present.
    fn exists(&self, key: String) -> BoxFuture<'_, Result<bool>>;

    /// Returns up to `limit` keys after `after` (exclusive), in ascending byte order.
    ///
    /// `limit` is clamped to 1..=[`page_keys_max`](crate::Limits::page_keys_max). Each page is a
    /// snapshot; a key that is present during the whole iteration is returned exactly once.
    fn keys(&self, after: Option<String>, limit: usize) -> BoxFuture<'_, Result<KeyPage>>;

    /// Returns the values of several keys at one point in time, in the order of `keys`.
    fn get_many(&self, keys: Vec<String>) -> BoxFuture<'_, Result<Vec<Option<Value>>>>;

    /// Stores all entries or none of them. Of entries with the same key, the last one is stored.
    fn set_many(&self, entries: Vec<(String, Value)>) -> BoxFuture<'_, Result<()>>;

    /// Removes all keys or none of them. Absent keys are not an error.
    fn delete_many(&self, keys: Vec<String>) -> BoxFuture<'_, Result<()>>;

    /// Adds `delta` to a counter and returns the sum. An absent key counts as 0.
    ///
    /// A counter is stored as stock Spin stores it in the same engine: as 8 bytes, little endian, two's
    /// complement, or as a decimal number in Redis. Another value, and a sum outside of `i64`, are
    /// [`Invalid`](crate::ErrorKind::Invalid).
    fn increment(&self, key: String, delta: i64) -> BoxFuture<'_, Result<i64>>;

    /// Sets a key to be removed at a time (milliseconds since the epoch) or soon after, by
    /// [`Stores::sweep_expired`]. The latest call counts, and the key does not have to exist yet.
    /// Writes do not change the time, and removing the key clears it, even if the key does not
    /// exist.
    fn expire_at(&self, key: String, at_ms: u64) -> BoxFuture<'_, Result<()>>;

    /// Returns the value of a key, and its version for
    /// [`compare_and_swap`](Self::compare_and_swap).
    fn read_versioned(&self, key: String) -> BoxFuture<'_, Result<Versioned>>;

    /// Stores `new` if the key was not written since `version` was read, and returns its new version.
    ///
    /// Of several swaps from one version, exactly one succeeds, also on an absent key. Every write
    /// in between is a conflict, even one that restores the old value, and a deletion followed by a
    /// creation. An engine may report a conflict although there was none (with a new version), but
    /// never misses one.
    ///
    /// # Errors
    ///
    /// [`SwapError::Conflict`] with the current value and version.
    fn compare_and_swap(
        &self,
        key: String,
        version: Version,
        new: Value,
    ) -> BoxFuture<'_, Result<Version, SwapError>>;
}

/// An engine: opens stores by label.
pub trait Stores: Send + Sync + 'static {
    /// Opens the store with this label, the same one for every caller.
    ///
    /// # Errors
    ///
    /// [`NoSuchStore`](crate::ErrorKind::NoSuchStore) if the engine has a fixed set of labels,
    /// [`Invalid`](crate::ErrorKind::Invalid) for an empty or overlong label, and failures of the
    /// underlying resource.
    fn open(&self, label: &str) -> BoxFuture<'_, Result<Arc<dyn KeyValue>>>;

    /// Removes the expired keys of all open stores and returns their number. A failing store does
    /// not stop the others; its keys stay until the next sweep.
    fn sweep_expired(&self, now_ms: u64) -> BoxFuture<'_, Result<u64>>;

    /// Waits for all accepted writes, and closes files and connections. Later operations are
    /// [`Unavailable`](crate::ErrorKind::Unavailable). Closing twice is not an error.
    fn close(&self) -> BoxFuture<'_, Result<()>>;
}

/// The health of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// No known problem.
    Sound,
    /// A recent write failed for lack of space.
    Full,
    /// Its file is damaged: it can be read as far as possible, but not written to.
    Damaged,
}

/// A page of keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyPage {
    /// The keys, in ascending byte order.
    pub keys: Vec<String>,
    /// The argument `after` for the next page; `None` at the end.
    pub next: Option<String>,
}

/// The version of one key. Valid for the engine that returned it, in this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// The key was present; the number changes with every write.
    Present(u64),
    /// The key was absent; the number changes with every deletion.
    Absent(u64),
}

/// A value and its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versioned {
    /// `None` for an absent key.
    pub value: Option<Value>,
    /// Present if and only if the value is.
    pub version: Version,
}

/// Why a swap has failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SwapError {
    /// The key was written in between. Contains its current value and version, for a retry.
    #[error("the key has changed since it was read")]
    Conflict(Versioned),
    /// The store has failed.
    #[error(transparent)]
    Store(#[from] Error),
}
