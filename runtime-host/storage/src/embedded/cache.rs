//! Values in memory: the most used ones of all databases of an engine, within one limit.
//!
//! The cache does not know which entries are current; [`coherence`](super::coherence) does.

use std::{
    hash::{BuildHasher, Hash},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use parking_lot::{Mutex, MutexGuard};
use quick_cache::{DefaultHashBuilder, Equivalent, Weighter, unsync};

/// The number of locks: several times the number of cores, because each is held only for the lookup
/// of one key.
pub(super) const SHARDS: usize = 32;

/// The approximate memory of an entry in addition to its key and its value, in bytes.
const ENTRY_BYTES: u64 = 128;

/// The expected size of an entry, in bytes. Determines how many evicted keys are remembered.
const ENTRY_BYTES_TYPICAL: usize = 1024;

/// A value and its version number; `None` for a key that is known to be absent.
pub(super) type Entry = Option<(Bytes, u64)>;

pub(super) struct Cache {
    shards: Box<[Mutex<Shard>]>,
    hasher: DefaultHashBuilder,
    scopes: AtomicU64,
    bytes_max: usize,
}

type Shard = unsync::Cache<Key, Entry, Bytewise>;

#[derive(PartialEq, Eq, Hash)]
struct Key {
    store: Arc<str>,
    key: Box<str>,
    scope: u64,
}

/// A borrowed [`Key`], for lookups.
#[derive(Hash)]
struct KeyRef<'a> {
    store: &'a str,
    key: &'a str,
    scope: u64,
}

impl Equivalent<Key> for KeyRef<'_> {
    fn equivalent(&self, other: &Key) -> bool {
        *self.key == *other.key && self.scope == other.scope && *self.store == *other.store
    }
}

#[derive(Clone)]
struct Bytewise;

impl Weighter<Key, Entry> for Bytewise {
    fn weight(&self, key: &Key, entry: &Entry) -> u64 {
        let value = entry.as_ref().map_or(0, |(value, _)| value.len());
        (key.key.len() + value) as u64 + ENTRY_BYTES
    }
}

/// The entry of one key, locked.
pub(super) struct Locked<'a> {
    shard: MutexGuard<'a, Shard>,
    /// The hash of store and key.
    pub(super) hash: u64,
}

impl Cache {
    /// With 0 bytes, it has no entries.
    pub(super) fn new(bytes_max: usize) -> Self {
        let shard_bytes = bytes_max / SHARDS;
        let shard = || {
            let entries = shard_bytes / ENTRY_BYTES_TYPICAL;
            Mutex::new(unsync::Cache::with_weighter(entries, shard_bytes as u64, Bytewise))
        };
        Self {
            shards: (0..SHARDS).map(|_| shard()).collect(),
            hasher: DefaultHashBuilder::default(),
            scopes: AtomicU64::new(0),
            bytes_max,
        }
    }

    /// Whether it can have entries.
    pub(super) fn is_enabled(&self) -> bool {
        self.bytes_max > 0
    }

    /// A scope without entries.
    pub(super) fn new_scope(&self) -> u64 {
        self.scopes.fetch_add(1, Ordering::Relaxed)
    }

    /// The hash of store and key.
    pub(super) fn hash(&self, store: &str, key: &str) -> u64 {
        self.hasher.hash_one((store, key))
    }

    pub(super) fn lock(&self, store: &str, key: &str) -> Locked<'_> {
        let hash = self.hash(store, key);
        let shard = &self.shards[(hash % SHARDS as u64) as usize];
        // Entries are complete at any time, so a poisoned lock is usable.
        let shard = shard.lock();
        Locked { shard, hash }
    }
}

impl Locked<'_> {
    pub(super) fn get(&self, scope: u64, store: &str, key: &str) -> Option<Entry> {
        self.shard.get(&KeyRef { store, key, scope }).cloned()
    }

    pub(super) fn insert(&mut self, scope: u64, store: &Arc<str>, key: Box<str>, entry: Entry) {
        self.shard.insert(Key { store: Arc::clone(store), key, scope }, entry);
    }
}
