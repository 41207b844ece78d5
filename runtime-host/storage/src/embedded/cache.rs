//! Values in memory, the most used ones of all databases of an engine, within one budget.
//!
//! Knows nothing of when an entry is true: [`Coherence`] does, and is asked under the lock of
//! the entry, so that an entry cannot be changed between the question and the act.

use std::{
    hash::{BuildHasher, Hash},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use quick_cache::{DefaultHashBuilder, Equivalent, Weighter, unsync};

use super::coherence::{Coherence, State};

/// Locks that entries are spread over: several times the cores of the machines in mind, as none
/// is held for longer than it takes to look up a key.
const SHARDS: usize = 32;

/// What an entry takes beside its key and its value, roughly.
const ENTRY_BYTES: u64 = 128;

/// An entry is expected to be of this size when places for keys seen lately are set aside.
const ENTRY_BYTES_TYPICAL: usize = 1024;

/// A value and its version number; `None` for a key that is known to be absent.
pub(super) type Entry = Option<(Bytes, u64)>;

pub(super) struct Cache {
    shards: Box<[Mutex<Shard>]>,
    hasher: DefaultHashBuilder,
    scopes: AtomicU64,
    bytes_max: usize,
}

/// Some of the entries. To hold a reference to one is to hold its lock.
pub(super) struct Shard(unsync::Cache<Key, Entry, Bytewise>);

/// What a look into the cache gives.
pub(super) enum Found {
    Entry(Entry),
    /// It has to be read, and may be kept if this is still the state afterwards.
    Nothing(Option<State>),
}

#[derive(PartialEq, Eq, Hash)]
struct Key {
    store: Arc<str>,
    key: Box<str>,
    scope: u64,
}

/// The same as a [`Key`], for looking up.
#[derive(Hash)]
struct Sought<'a> {
    store: &'a str,
    key: &'a str,
    scope: u64,
}

impl Equivalent<Key> for Sought<'_> {
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

impl Cache {
    /// With 0 bytes it holds nothing.
    pub(super) fn new(bytes_max: usize) -> Self {
        let shard_bytes = bytes_max / SHARDS;
        let shard = || {
            let entries = shard_bytes / ENTRY_BYTES_TYPICAL;
            Mutex::new(Shard(unsync::Cache::with_weighter(entries, shard_bytes as u64, Bytewise)))
        };
        Self {
            shards: (0..SHARDS).map(|_| shard()).collect(),
            hasher: DefaultHashBuilder::default(),
            scopes: AtomicU64::new(0),
            bytes_max,
        }
    }

    pub(super) fn holds_anything(&self) -> bool {
        self.bytes_max > 0
    }

    /// A scope that nothing was ever kept in.
    pub(super) fn new_scope(&self) -> u64 {
        self.scopes.fetch_add(1, Ordering::Relaxed)
    }

    /// What is known of a key and true now.
    pub(super) fn find(&self, coherence: &Coherence, store: &str, key: &str) -> Found {
        let shard = self.lock(store, key);
        let state = coherence.state(&shard);
        let entry = state.and_then(|State { scope, .. }| shard.get(scope, store, key));
        entry.map_or(Found::Nothing(state), Found::Entry)
    }

    /// What is known of several keys and was true at one point in time, if that is all of them.
    pub(super) fn find_all(
        &self,
        coherence: &Coherence,
        store: &str,
        keys: &[String],
    ) -> Result<Vec<Entry>, Option<State>> {
        let mut first = None;
        let mut entries = Vec::with_capacity(keys.len());
        for key in keys {
            let shard = self.lock(store, key);
            let state = coherence.state(&shard);
            let first = *first.get_or_insert(state);
            let same = first.filter(|_| state == first);
            match same.and_then(|State { scope, .. }| shard.get(scope, store, key)) {
                Some(entry) => entries.push(entry),
                None => return Err(state),
            }
        }
        Ok(entries)
    }

    /// Keeps what was read since `state`, unless anybody has committed meanwhile.
    pub(super) fn keep(
        &self,
        coherence: &Coherence,
        state: State,
        (store, key): (&Arc<str>, &str),
        entry: Entry,
    ) {
        let mut shard = self.lock(store, key);
        if coherence.state(&shard) == Some(state) {
            let store = Arc::clone(store);
            shard.0.insert(Key { store, key: key.into(), scope: state.scope }, entry);
        }
    }

    /// What the writer remembers, in the scope that it knows to be true.
    pub(super) fn recall(&self, scope: u64, store: &str, key: &str) -> Option<Entry> {
        self.lock(store, key).get(scope, store, key)
    }

    /// What the writer has committed.
    pub(super) fn replace(&self, scope: u64, store: &Arc<str>, key: Box<str>, entry: Entry) {
        let mut shard = self.lock(store, &key);
        shard.0.insert(Key { store: Arc::clone(store), key, scope }, entry);
    }

    /// Afterwards nobody holds a lock that they held before.
    pub(super) fn pass_every_lock(&self) {
        self.shards.iter().for_each(|shard| drop(lock(shard)));
    }

    fn lock(&self, store: &str, key: &str) -> MutexGuard<'_, Shard> {
        let hash = self.hasher.hash_one((store, key));
        lock(&self.shards[(hash % SHARDS as u64) as usize])
    }
}

impl Shard {
    fn get(&self, scope: u64, store: &str, key: &str) -> Option<Entry> {
        self.0.get(&Sought { store, key, scope }).cloned()
    }
}

/// Entries are whole at any time, so a poisoned lock is as good as any.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}
