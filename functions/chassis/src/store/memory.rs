//! A store in memory, for tests: it behaves like the real ones, without their durability.

use super::{Store, StoreError};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Clones share their contents.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    pub(super) values: Arc<Mutex<HashMap<String, Vec<u8>>>>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> MemoryStore {
        MemoryStore::default()
    }

    /// All keys, sorted.
    pub fn keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = self.values().keys().cloned().collect();
        keys.sort();
        keys
    }

    /// A separate store with the same contents, for tests that continue from here in several ways.
    pub fn copy(&self) -> MemoryStore {
        MemoryStore { values: Arc::new(Mutex::new(self.values().clone())) }
    }

    fn values(&self) -> MutexGuard<'_, HashMap<String, Vec<u8>>> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.values().get(key).cloned())
    }

    async fn set(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.values().insert(key.to_owned(), value.to_vec());
        Ok(())
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.values().remove(key);
        Ok(())
    }

    async fn increment(&self, key: &str, delta: i64) -> Result<i64, StoreError> {
        let mut values = self.values();
        let current = match values.get(key) {
            None => 0,
            Some(bytes) => i64::from_le_bytes(bytes.as_slice().try_into().map_err(|_| {
                StoreError::Corrupt { key: key.to_owned(), reason: "not a counter".to_owned() }
            })?),
        };
        let next = current.wrapping_add(delta);
        values.insert(key.to_owned(), next.to_le_bytes().to_vec());
        Ok(next)
    }

    async fn compare_and_swap(
        &self,
        key: &str,
        expected: Option<&[u8]>,
        new: &[u8],
    ) -> Result<bool, StoreError> {
        let mut values = self.values();
        if values.get(key).map(Vec::as_slice) != expected {
            return Ok(false);
        }
        values.insert(key.to_owned(), new.to_vec());
        Ok(true)
    }
}
