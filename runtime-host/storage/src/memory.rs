//! Stores in memory.
//!
//! For stores that are declared without a path, and for tests that need no disk. They have all
//! guarantees of the port except durability.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Bound,
    sync::Arc,
};

use futures::{
    FutureExt,
    future::{BoxFuture, ready},
};

use crate::{
    Error, ErrorKind, KeyPage, KeyValue, Limits, Result, Stores, SwapError, Value, Version,
    Versioned, counter, limits::check_label, versions::Deletions,
};
use parking_lot::{Mutex, MutexGuard};

/// The limits of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// The limits of single operations.
    pub limits: Limits,
    /// The maximum size of the keys, values and expiry times of one store, in bytes. Beyond it,
    /// writes are [`Full`](ErrorKind::Full).
    pub store_bytes_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { limits: Limits::default(), store_bytes_max: 256 * 1024 * 1024 }
    }
}

/// The engine: one store per label.
#[derive(Default)]
pub struct Memory {
    options: Options,
    stores: Mutex<HashMap<String, Arc<Store>>>,
}

impl Memory {
    /// Creates an engine without stores.
    pub fn new(options: Options) -> Self {
        Self { options, stores: Mutex::default() }
    }
}

impl Stores for Memory {
    fn open(&self, label: &str) -> BoxFuture<'_, Result<Arc<dyn KeyValue>>> {
        let opened = check_label(label).map(|()| {
            let mut stores = self.stores.lock();
            let store = stores
                .entry(label.to_owned())
                .or_insert_with(|| Arc::new(Store::new(label, self.options)));
            Arc::clone(store) as Arc<dyn KeyValue>
        });
        ready(opened).boxed()
    }

    fn sweep_expired(&self, now_ms: u64) -> BoxFuture<'_, Result<u64>> {
        let removed = self.stores.lock().values().map(|store| store.sweep(now_ms)).sum();
        ready(Ok(removed)).boxed()
    }

    fn close(&self) -> BoxFuture<'_, Result<()>> {
        for store in self.stores.lock().values() {
            store.state.lock().closed = true;
        }
        ready(Ok(())).boxed()
    }
}

struct Store {
    label: String,
    options: Options,
    deletions: Deletions,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    entries: BTreeMap<String, (Value, u64)>,
    /// The expiry times of keys, whether or not the keys exist.
    expiries: BTreeMap<String, u64>,
    bytes: usize,
    version: u64,
    closed: bool,
}

impl Store {
    fn new(label: &str, options: Options) -> Self {
        Self {
            label: label.to_owned(),
            options,
            deletions: Deletions::new(),
            state: Mutex::default(),
        }
    }

    fn state(&self) -> Result<MutexGuard<'_, State>> {
        let state = self.state.lock();
        if state.closed { Err(Error::closed(&self.label)) } else { Ok(state) }
    }

    fn limits(&self) -> &Limits {
        &self.options.limits
    }

    /// Fails if the entries would not fit.
    fn check_room(&self, state: &State, entries: &[(String, Value)]) -> Result<()> {
        let grown = entries.iter().fold(state.bytes, |bytes, (key, value)| {
            let old = state.entries.get(key).map_or(0, |(old, _)| key.len() + old.len());
            (bytes + key.len() + value.len()).saturating_sub(old)
        });
        self.check_bytes(grown)
    }

    fn check_bytes(&self, bytes: usize) -> Result<()> {
        if bytes <= self.options.store_bytes_max {
            return Ok(());
        }
        let (label, max) = (&self.label, self.options.store_bytes_max);
        Err(Error::new(ErrorKind::Full, format!("the store `{label}` is full at {max} bytes")))
    }

    fn put(&self, entries: Vec<(String, Value)>) -> Result<u64> {
        let mut state = self.state()?;
        self.check_room(&state, &entries)?;
        Ok(state.put_all(entries))
    }

    fn remove(&self, keys: &[String]) -> Result<()> {
        let mut state = self.state()?;
        for key in keys {
            if state.remove(key) {
                self.deletions.publish(self.deletions.cell(&self.label, key));
            }
        }
        Ok(())
    }

    fn versioned(&self, state: &State, key: &str) -> Versioned {
        match state.entries.get(key) {
            Some((value, version)) => {
                Versioned { value: Some(value.clone()), version: Version::Present(*version) }
            }
            None => {
                let count = self.deletions.count(self.deletions.cell(&self.label, key));
                Versioned { value: None, version: Version::Absent(count) }
            }
        }
    }

    fn swap(&self, key: String, version: Version, new: Value) -> Result<Version, SwapError> {
        self.limits().check_entry(&key, &new)?;
        let mut state = self.state()?;
        let current = self.versioned(&state, &key);
        if current.version != version {
            return Err(SwapError::Conflict(current));
        }
        let entries = vec![(key, new)];
        self.check_room(&state, &entries)?;
        Ok(Version::Present(state.put_all(entries)))
    }

    fn add(&self, key: String, delta: i64) -> Result<i64> {
        self.limits().check_key(&key)?;
        let mut state = self.state()?;
        let old = state.entries.get(&key).map(|(value, _)| value.as_slice());
        let sum = counter::add(&key, old, delta)?;
        let entries = vec![(key, sum.to_le_bytes().to_vec())];
        self.check_room(&state, &entries)?;
        state.put_all(entries);
        Ok(sum)
    }

    fn expire_at(&self, key: String, at_ms: u64) -> Result<()> {
        self.limits().check_key(&key)?;
        let mut state = self.state()?;
        if !state.expiries.contains_key(&key) {
            self.check_bytes(state.bytes + expiry_bytes(&key))?;
            state.bytes += expiry_bytes(&key);
        }
        state.expiries.insert(key, at_ms);
        Ok(())
    }

    fn sweep(&self, now_ms: u64) -> u64 {
        let mut state = self.state.lock();
        let due = state.expiries.iter().filter(|(_, at_ms)| **at_ms <= now_ms);
        let due: Vec<_> = due.map(|(key, _)| key.clone()).collect();
        for key in &due {
            if state.remove(key) {
                self.deletions.publish(self.deletions.cell(&self.label, key));
            }
        }
        due.len() as u64
    }

    fn page(&self, after: Option<String>, limit: usize) -> Result<KeyPage> {
        let limit = self.limits().page_keys(limit);
        let state = self.state()?;
        let start = after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let mut found = state.entries.range::<str, _>((start, Bound::Unbounded));
        let keys: Vec<_> = found.by_ref().take(limit).map(|(key, _)| key.clone()).collect();
        let next = found.next().and_then(|_| keys.last().cloned());
        Ok(KeyPage { keys, next })
    }

    fn values(&self, keys: &[String]) -> Result<Vec<Option<Value>>> {
        self.limits().check_keys(keys)?;
        let state = self.state()?;
        let found: Vec<_> = keys.iter().map(|key| state.entries.get(key)).collect();
        let bytes = found.iter().flatten().map(|(value, _)| value.len()).sum();
        self.limits().check_batch_bytes(bytes)?;
        Ok(found.into_iter().map(|entry| entry.map(|(value, _)| value.clone())).collect())
    }
}

impl State {
    /// Returns the version of the last entry.
    fn put_all(&mut self, entries: Vec<(String, Value)>) -> u64 {
        for (key, value) in entries {
            self.version += 1;
            self.bytes += key.len() + value.len();
            let key_bytes = key.len();
            if let Some((old, _)) = self.entries.insert(key, (value, self.version)) {
                self.bytes -= key_bytes + old.len();
            }
        }
        self.version
    }

    /// Returns whether the key existed. Its expiry time is cleared in any case.
    fn remove(&mut self, key: &str) -> bool {
        if self.expiries.remove(key).is_some() {
            self.bytes -= expiry_bytes(key);
        }
        let Some((old, _)) = self.entries.remove(key) else { return false };
        self.bytes -= key.len() + old.len();
        true
    }
}

/// The size of an expiry time.
fn expiry_bytes(key: &str) -> usize {
    key.len() + size_of::<u64>()
}

impl KeyValue for Store {
    fn get(&self, key: String) -> BoxFuture<'_, Result<Option<Value>>> {
        let found = self
            .limits()
            .check_key(&key)
            .and_then(|()| self.state())
            .map(|state| state.entries.get(&key).map(|(value, _)| value.clone()));
        ready(found).boxed()
    }

    fn set(&self, key: String, value: Value) -> BoxFuture<'_, Result<()>> {
        let checked = self.limits().check_entry(&key, &value);
        ready(checked.and_then(|()| self.put(vec![(key, value)])).map(drop)).boxed()
    }

    fn delete(&self, key: String) -> BoxFuture<'_, Result<()>> {
        ready(self.limits().check_key(&key).and_then(|()| self.remove(&[key]))).boxed()
    }

    fn exists(&self, key: String) -> BoxFuture<'_, Result<bool>> {
        let checked = self.limits().check_key(&key);
        let found = checked.and_then(|()| self.state()).map(|s| s.entries.contains_key(&key));
        ready(found).boxed()
    }

    fn keys(&self, after: Option<String>, limit: usize) -> BoxFuture<'_, Result<KeyPage>> {
        ready(self.page(after, limit)).boxed()
    }

    fn get_many(&self, keys: Vec<String>) -> BoxFuture<'_, Result<Vec<Option<Value>>>> {
        ready(self.values(&keys)).boxed()
    }

    fn set_many(&self, entries: Vec<(String, Value)>) -> BoxFuture<'_, Result<()>> {
        let checked = self.limits().check_entries(&entries);
        let distinct: BTreeMap<_, _> = entries.into_iter().collect();
        ready(checked.and_then(|()| self.put(distinct.into_iter().collect())).map(drop)).boxed()
    }

    fn delete_many(&self, keys: Vec<String>) -> BoxFuture<'_, Result<()>> {
        ready(self.limits().check_keys(&keys).and_then(|()| self.remove(&keys))).boxed()
    }

    fn increment(&self, key: String, delta: i64) -> BoxFuture<'_, Result<i64>> {
        ready(self.add(key, delta)).boxed()
    }

    fn expire_at(&self, key: String, at_ms: u64) -> BoxFuture<'_, Result<()>> {
        ready(Store::expire_at(self, key, at_ms)).boxed()
    }

    fn read_versioned(&self, key: String) -> BoxFuture<'_, Result<Versioned>> {
        let checked = self.limits().check_key(&key);
        let found = checked.and_then(|()| self.state()).map(|state| self.versioned(&state, &key));
        ready(found).boxed()
    }

    fn compare_and_swap(
        &self,
        key: String,
        version: Version,
        new: Value,
    ) -> BoxFuture<'_, Result<Version, SwapError>> {
        ready(self.swap(key, version, new)).boxed()
    }
}
