//! Which entries of the cache are current.
//!
//! A cache beside a database can become wrong in two ways. A reader inserts a value that it has
//! read before a commit, after the cache was updated for this commit. Or two readers see a commit
//! in the wrong order: the first one reads the new value from the file, and the second one, later,
//! the old value from the cache, which is not updated yet. So:
//!
//! - Before a commit, the writer marks its keys as being *in flight*. Their entries are not used
//!   until they are updated, after the commit; readers use the file. All other entries stay usable,
//!   which matters because a commit waits for the disk.
//! - Each update counts a *generation*. A value that was read from the file is kept only if the
//!   generation is the same as before the read, and the key is not in flight.
//!
//! All this assumes that the only writer is the one of this process. The directory is locked, but a
//! person with `sqlite3` does not take that lock. The writer detects such a change with its next
//! transaction and discards the entries of the database.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
};

use super::cache::{Cache, Entry, SHARDS};

/// Counters of keys in flight, per database. Keys with the same counter are read from the file
/// without need: with groups of 30 keys, one key in 140.
const CELLS: usize = 4_096;

/// The result of a lookup.
pub(super) enum Found {
    /// The current entry.
    Entry(Entry),
    /// It has to be read from the file, and may be kept afterwards if there is a state.
    Nothing(Option<State>),
}

/// The state of a database at the time of a lookup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State {
    scope: u64,
    generation: u64,
}

/// The entries of one database.
pub(super) struct Coherence {
    cache: Arc<Cache>,
    /// Whether entries may be used at all. False without a cache and for a closed database.
    is_open: AtomicBool,
    /// Entries of earlier scopes are never used again.
    scope: AtomicU64,
    /// The number of updates.
    generation: AtomicU64,
    /// The number of keys in flight, by hash.
    in_flight: Box<[AtomicU32]>,
}

impl Coherence {
    /// Starts without entries.
    pub(super) fn new(cache: &Arc<Cache>) -> Self {
        Self {
            is_open: AtomicBool::new(cache.is_enabled()),
            scope: AtomicU64::new(cache.new_scope()),
            generation: AtomicU64::new(0),
            in_flight: (0..CELLS).map(|_| AtomicU32::new(0)).collect(),
            cache: Arc::clone(cache),
        }
    }

    /// Looks up a key.
    pub(super) fn find(&self, store: &str, key: &str) -> Found {
        let Some(state) = self.state() else { return Found::Nothing(None) };
        let entry = self.current(state.scope, store, key);
        entry.map_or(Found::Nothing(Some(state)), Found::Entry)
    }

    /// Looks up several keys. Returns entries that were all current at one point in time.
    pub(super) fn find_all(
        &self,
        store: &str,
        keys: &[String],
    ) -> Result<Vec<Entry>, Option<State>> {
        let Some(state) = self.state() else { return Err(None) };
        let mut entries = Vec::with_capacity(keys.len());
        for key in keys {
            entries.push(self.current(state.scope, store, key).ok_or(Some(state))?);
        }
        // Otherwise, some of them may be of before an update and others of after it.
        if self.state() == Some(state) { Ok(entries) } else { Err(Some(state)) }
    }

    /// The entry of a key, unless it is in flight.
    fn current(&self, scope: u64, store: &str, key: &str) -> Option<Entry> {
        let locked = self.cache.lock(store, key);
        // First the cell: entries are updated under the lock, before their cell is cleared.
        if self.is_in_flight(locked.hash) { None } else { locked.get(scope, store, key) }
    }

    /// Keeps an entry that was read from the file after `state`, unless it may be outdated.
    pub(super) fn keep(&self, state: State, store: &Arc<str>, key: &str, entry: Entry) {
        let mut locked = self.cache.lock(store, key);
        // First the cell: a commit counts its generation before it clears its cells.
        if !self.is_in_flight(locked.hash) && self.state() == Some(state) {
            locked.insert(state.scope, store, key.into(), entry);
        }
    }

    /// For the writer: the entry of a key before its transaction.
    pub(super) fn recall(&self, store: &str, key: &str) -> Option<Entry> {
        let State { scope, .. } = self.state()?;
        self.cache.lock(store, key).get(scope, store, key)
    }

    /// For the writer: marks a key as being in flight, before the commit.
    pub(super) fn mark(&self, store: &str, key: &str) {
        self.cell(self.cache.hash(store, key)).fetch_add(1, Ordering::SeqCst);
    }

    /// For the writer: removes the mark of a key whose commit has failed.
    pub(super) fn unmark(&self, store: &str, key: &str) {
        self.cell(self.cache.hash(store, key)).fetch_sub(1, Ordering::SeqCst);
    }

    /// For the writer: starts the update of entries after a commit.
    pub(super) fn count_update(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
    }

    /// For the writer: updates the entry of a key after the commit, and removes its mark if it has
    /// one.
    pub(super) fn update(&self, store: &Arc<str>, key: Box<str>, entry: Entry, is_marked: bool) {
        let mut locked = self.cache.lock(store, &key);
        if let Some(State { scope, .. }) = self.state() {
            locked.insert(scope, store, key, entry);
        }
        if is_marked {
            self.cell(locked.hash).fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// For the writer: discards all entries.
    pub(super) fn discard(&self) {
        self.scope.store(self.cache.new_scope(), Ordering::SeqCst);
    }

    /// For the writer: entries are no longer used from now on.
    pub(super) fn close(&self) {
        self.is_open.store(false, Ordering::SeqCst);
    }

    /// Whether entries may be used at all.
    pub(super) fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Acquire)
    }

    fn state(&self) -> Option<State> {
        self.is_open().then(|| State {
            scope: self.scope.load(Ordering::Acquire),
            generation: self.generation.load(Ordering::Acquire),
        })
    }

    fn is_in_flight(&self, hash: u64) -> bool {
        self.cell(hash).load(Ordering::Acquire) > 0
    }

    /// The lowest bits of the hash select the shard of the cache.
    fn cell(&self, hash: u64) -> &AtomicU32 {
        &self.in_flight[(hash / SHARDS as u64 % CELLS as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]

    use bytes::Bytes;

    use super::*;

    fn coherence() -> Coherence {
        Coherence::new(&Arc::new(Cache::new(1024 * 1024)))
    }

    fn value(number: u64) -> Entry {
        Some((Bytes::from(vec![number as u8]), number))
    }

    /// The state of a lookup that has found nothing.
    fn missing(coherence: &Coherence, key: &str) -> State {
        match coherence.find("store", key) {
            Found::Nothing(Some(state)) => state,
            _ => panic!("`{key}` is in the cache"),
        }
    }

    fn found(coherence: &Coherence, key: &str) -> Entry {
        match coherence.find("store", key) {
            Found::Entry(entry) => entry,
            Found::Nothing(_) => panic!("`{key}` is not in the cache"),
        }
    }

    fn commit(coherence: &Coherence, key: &str, number: u64) {
        coherence.mark("store", key);
        coherence.count_update();
        coherence.update(&"store".into(), key.into(), value(number), true);
    }

    #[test]
    fn a_key_in_flight_is_read_from_the_file_and_all_others_from_the_cache() {
        let coherence = coherence();
        commit(&coherence, "one", 1);
        commit(&coherence, "other", 1);
        coherence.mark("store", "one");
        missing(&coherence, "one");
        assert_eq!(found(&coherence, "other"), value(1));
        assert!(coherence.find_all("store", &["other".into(), "one".into()]).is_err());
        coherence.count_update();
        coherence.update(&"store".into(), "one".into(), value(2), true);
        assert_eq!(found(&coherence, "one"), value(2));

        coherence.mark("store", "one");
        coherence.unmark("store", "one");
        assert_eq!(found(&coherence, "one"), value(2), "the commit has failed");
    }

    #[test]
    fn a_value_that_may_be_outdated_is_not_kept() {
        let coherence = coherence();
        let store: Arc<str> = "store".into();
        let state = missing(&coherence, "key");
        coherence.mark("store", "key");
        coherence.keep(state, &store, "key", value(1));
        coherence.unmark("store", "key");
        missing(&coherence, "key");

        commit(&coherence, "other", 2);
        coherence.keep(state, &store, "key", value(1));
        let state = missing(&coherence, "key");
        coherence.keep(state, &store, "key", value(1));
        assert_eq!(found(&coherence, "key"), value(1));
    }

    #[test]
    fn entries_are_gone_after_a_discard_and_after_the_close() {
        let coherence = coherence();
        commit(&coherence, "key", 1);
        let state = missing(&coherence, "other");
        coherence.discard();
        missing(&coherence, "key");
        coherence.keep(state, &"store".into(), "other", value(1));
        missing(&coherence, "other");
        commit(&coherence, "key", 2);
        assert_eq!(found(&coherence, "key"), value(2));
        assert_eq!(coherence.recall("store", "key"), Some(value(2)));

        coherence.close();
        assert!(matches!(coherence.find("store", "key"), Found::Nothing(None)));
        assert!(coherence.recall("store", "key").is_none());
    }
}
