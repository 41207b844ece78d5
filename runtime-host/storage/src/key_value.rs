//! The port: what every engine offers.

use std::sync::Arc;

use futures::future::BoxFuture;

use crate::{Error, Result};

/// A stored value. Empty values are values: they differ from an absent key.
pub type Value = Vec<u8>;

/// One store: an ordered map from UTF-8 keys to bytes.
///
/// - **Durable**: a write is answered after it survives the death of the process and of the
///   machine, as far as the engine has a disk.
/// - **Linearizable per store**: who starts after an answer was given sees what was answered.
/// - **Cancellation**: a future dropped after its first poll may still take effect.
/// - **Limits**: keys, values, batches and pages are bounded by [`Limits`](crate::Limits); what
///   exceeds them is [`Invalid`](crate::ErrorKind::Invalid) and changes nothing.
///
/// Keys and values are passed by value: they cross to the engine's own threads.
pub trait KeyValue: Send + Sync + 'static {
    /// The value of a key, `None` for an absent key.
    fn get(&self, key: String) -> BoxFuture<'_, Result<Option<Value>>>;

    /// Stores a value, whatever was there before.
    fn set(&self, key: String, value: Value) -> BoxFuture<'_, Result<()>>;

    /// Removes a key. Removing an absent key is no error.
    fn delete(&self, key: String) -> BoxFuture<'_, Result<()>>;

    /// Whether a key is present.
    fn exists(&self, key: String) -> BoxFuture<'_, Result<bool>>;

    /// Up to `limit` keys in ascending byte order that come strictly after `after`.
    ///
    /// `limit` is clamped to 1..=[`page_keys_max`](crate::Limits::page_keys_max). Each page is a
    /// snapshot; a key that is present during the whole walk is seen exactly once.
    fn keys(&self, after: Option<String>, limit: usize) -> BoxFuture<'_, Result<KeyPage>>;

    /// The values of several keys at one point in time, in the order of `keys`.
    fn get_many(&self, keys: Vec<String>) -> BoxFuture<'_, Result<Vec<Option<Value>>>>;

    /// Stores all entries or none of them. Of entries with the same key the last one wins.
    fn set_many(&self, entries: Vec<(String, Value)>) -> BoxFuture<'_, Result<()>>;

    /// Removes all keys or none of them. Absent keys are no error.
    fn delete_many(&self, keys: Vec<String>) -> BoxFuture<'_, Result<()>>;

    /// Adds `delta` to a counter and returns the sum. An absent key counts as 0.
    ///
    /// A counter is stored as 8 bytes, little endian, two's complement, as stock Spin does. A
    /// value of another length, and a sum outside of `i64`, are
    /// [`Invalid`](crate::ErrorKind::Invalid).
    fn increment(&self, key: String, delta: i64) -> BoxFuture<'_, Result<i64>>;

    /// Sets a key to be removed at a time (milliseconds since the epoch) or soon after, by
    /// [`Stores::sweep_expired`]. The latest call counts, and the key does not have to exist yet.
    /// Writes do not change the time, and removing the key clears it, even if the key does not
    /// exist.
    fn expire_at(&self, key: String, at_ms: u64) -> BoxFuture<'_, Result<()>>;

    /// The value of a key together with the version to pass to
    /// [`compare_and_swap`](Self::compare_and_swap).
    fn read_versioned(&self, key: String) -> BoxFuture<'_, Result<Versioned>>;

    /// Stores `new` if the key was not touched since `version` was read, and returns its new
    /// version.
    ///
    /// Of several swaps from one version exactly one wins, on an absent key too. Any write in
    /// between counts, also one that restored the old value, also a deletion followed by a new
    /// creation. An engine may report a conflict where none was (and says so with a fresh
    /// version), never the other way round.
    fn compare_and_swap(
        &self,
        key: String,
        version: Version,
        new: Value,
    ) -> BoxFuture<'_, Result<Version, SwapError>>;
}

/// An engine: opens stores by label.
pub trait Stores: Send + Sync + 'static {
    /// The store with this label, the same one for every caller.
    ///
    /// Errors: [`NoSuchStore`](crate::ErrorKind::NoSuchStore) where the engine has a fixed set of
    /// labels, [`Invalid`](crate::ErrorKind::Invalid) for an empty or overlong label, and whatever
    /// opening the underlying resource can bring.
    fn open(&self, label: &str) -> BoxFuture<'_, Result<Arc<dyn KeyValue>>>;

    /// Removes the expired keys of all open stores and returns their number. A failing store does
    /// not stop the others; its keys stay until the next sweep.
    fn sweep_expired(&self, now_ms: u64) -> BoxFuture<'_, Result<u64>>;

    /// Finishes all accepted writes and lets go of files and connections. Later operations are
    /// [`Unavailable`](crate::ErrorKind::Unavailable). Closing twice is no error.
    fn close(&self) -> BoxFuture<'_, Result<()>>;
}

/// The health of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// No problem is known.
    Sound,
    /// A recent write failed for lack of space.
    Full,
    /// Its file is damaged: it can be read as far as possible, but not written.
    Damaged,
}

/// Some keys, and where to go on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyPage {
    /// In ascending byte order.
    pub keys: Vec<String>,
    /// What to pass as `after` for the next page; `None` at the end.
    pub next: Option<String>,
}

/// The identity of one state of one key, meaningful to the engine that gave it, in this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// The key was present; the number changes with every write.
    Present(u64),
    /// The key was absent; the number changes with every deletion.
    Absent(u64),
}

/// A value and the version of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versioned {
    /// `None` for an absent key.
    pub value: Option<Value>,
    /// Present if and only if the value is.
    pub version: Version,
}

/// Why a swap was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SwapError {
    /// Somebody else was faster. Carries what is there now, to decide again.
    #[error("the key has changed since it was read")]
    Conflict(Versioned),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Error),
}
