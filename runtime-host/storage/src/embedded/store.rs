//! A store: the port, implemented with queries and operations of its database.

use std::sync::Arc;

use futures::{
    FutureExt,
    future::{BoxFuture, ready},
};
use rusqlite::Connection;

use super::{
    cache::Entry,
    coherence::{Found, State},
    database::Database,
    operation::{ExpireAt, Increment, Put, Remove, Swap},
    table,
};
use crate::{KeyPage, KeyValue, Limits, Result, SwapError, Value, Version, Versioned};

/// Clones are the same store.
#[derive(Clone)]
pub(super) struct Store {
    database: Arc<Database>,
    label: Arc<str>,
}

impl Store {
    pub(super) fn new(database: Arc<Database>, label: &str) -> Self {
        Self { database, label: label.into() }
    }

    fn limits(&self) -> &Limits {
        self.database.limits()
    }

    /// Looks up a key in memory, without waiting.
    fn find(&self, key: &str) -> Result<Found> {
        self.limits().check_key(key)?;
        Ok(self.database.coherence().find(&self.label, key))
    }

    /// Reads a key from the file. Keeps it in memory if it has not changed since `state`.
    async fn read(&self, key: String, state: Option<State>) -> Result<Entry> {
        self.database.count_file_read();
        let label = Arc::clone(&self.label);
        let query = move |connection: &Connection| {
            table::entry(connection, &label, &key).map(|entry| (key, entry))
        };
        let (key, entry) = self.database.read_key(query).await?;
        self.keep(state, &key, &entry);
        Ok(entry)
    }

    fn keep(&self, state: Option<State>, key: &str, entry: &Entry) {
        if let Some(state) = state {
            self.database.coherence().keep(state, &self.label, key, entry.clone());
        }
    }

    /// Answers from memory if possible, or else from the file.
    fn answer<'a, T: Send + 'a>(
        &'a self,
        key: String,
        answer: impl FnOnce(Entry) -> T + Send + 'a,
    ) -> BoxFuture<'a, Result<T>> {
        match self.find(&key) {
            Ok(Found::Entry(entry)) => ready(Ok(answer(entry))).boxed(),
            Ok(Found::Nothing(state)) => {
                async move { self.read(key, state).await.map(answer) }.boxed()
            }
            Err(refusal) => ready(Err(refusal)).boxed(),
        }
    }

    async fn read_many<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection, &str) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let label = Arc::clone(&self.label);
        let query = move |connection: &Connection| query(connection, &label);
        self.database.read_many(query).await
    }

    /// The entries of several keys at one point in time.
    async fn entries(&self, keys: Vec<String>) -> Result<Vec<Entry>> {
        let state = match self.database.coherence().find_all(&self.label, &keys) {
            Ok(entries) => {
                let values = entries.iter().flatten();
                self.limits().check_batch_bytes(values.map(|(value, _)| value.len()).sum())?;
                return Ok(entries);
            }
            Err(state) => state,
        };
        self.database.count_file_read();
        let bytes_max = self.limits().batch_bytes_max;
        let query = move |connection: &Connection, store: &str| {
            let found = table::entries(connection, store, &keys, bytes_max);
            found.map(|(entries, bytes)| (keys, entries, bytes))
        };
        let (keys, entries, bytes) = self.read_many(query).await?;
        self.limits().check_batch_bytes(bytes)?;
        keys.iter().zip(&entries).for_each(|(key, entry)| self.keep(state, key, entry));
        Ok(entries)
    }

    async fn put(&self, entries: Vec<(String, Value)>) -> Result<()> {
        let entries = entries.into_iter().map(|(key, value)| (key, value.into())).collect();
        self.database.write(&self.label, Put { entries }).await
    }

    async fn remove(&self, keys: Vec<String>) -> Result<()> {
        self.database.write(&self.label, Remove { keys }).await
    }
}

impl KeyValue for Store {
    fn get(&self, key: String) -> BoxFuture<'_, Result<Option<Value>>> {
        self.answer(key, value)
    }

    fn set(&self, key: String, value: Value) -> BoxFuture<'_, Result<()>> {
        async move {
            self.limits().check_entry(&key, &value)?;
            self.put(vec![(key, value)]).await
        }
        .boxed()
    }

    fn delete(&self, key: String) -> BoxFuture<'_, Result<()>> {
        async move {
            self.limits().check_key(&key)?;
            self.remove(vec![key]).await
        }
        .boxed()
    }

    fn exists(&self, key: String) -> BoxFuture<'_, Result<bool>> {
        match self.find(&key) {
            Ok(Found::Entry(entry)) => ready(Ok(entry.is_some())).boxed(),
            // The value may be large, so it is not read.
            Ok(Found::Nothing(_)) => {
                self.database.count_file_read();
                let label = Arc::clone(&self.label);
                let query = move |connection: &Connection| table::exists(connection, &label, &key);
                async move { self.database.read_key(query).await }.boxed()
            }
            Err(refusal) => ready(Err(refusal)).boxed(),
        }
    }

    fn keys(&self, after: Option<String>, limit: usize) -> BoxFuture<'_, Result<KeyPage>> {
        let limit = self.limits().page_keys(limit);
        self.read_many(move |connection, store| {
            table::page(connection, store, after.as_deref(), limit)
        })
        .boxed()
    }

    fn get_many(&self, keys: Vec<String>) -> BoxFuture<'_, Result<Vec<Option<Value>>>> {
        async move {
            self.limits().check_keys(&keys)?;
            let entries = self.entries(keys).await?;
            Ok(entries.into_iter().map(value).collect())
        }
        .boxed()
    }

    fn set_many(&self, entries: Vec<(String, Value)>) -> BoxFuture<'_, Result<()>> {
        async move {
            self.limits().check_entries(&entries)?;
            self.put(entries).await
        }
        .boxed()
    }

    fn delete_many(&self, keys: Vec<String>) -> BoxFuture<'_, Result<()>> {
        async move {
            self.limits().check_keys(&keys)?;
            self.remove(keys).await
        }
        .boxed()
    }

    fn increment(&self, key: String, delta: i64) -> BoxFuture<'_, Result<i64>> {
        async move {
            self.limits().check_key(&key)?;
            self.database.write(&self.label, Increment { key, delta }).await?
        }
        .boxed()
    }

    fn expire_at(&self, key: String, at_ms: u64) -> BoxFuture<'_, Result<()>> {
        async move {
            self.limits().check_key(&key)?;
            self.database.write(&self.label, ExpireAt { key, at_ms }).await
        }
        .boxed()
    }

    fn read_versioned(&self, key: String) -> BoxFuture<'_, Result<Versioned>> {
        // Before the value: otherwise, it could include a deletion that is later than the value.
        let deletions = self.database.deletions();
        let count = deletions.count(deletions.cell(&self.label, &key));
        self.answer(key, move |entry| match entry {
            Some((value, version)) => {
                Versioned { value: Some(value.into()), version: Version::Present(version) }
            }
            None => Versioned { value: None, version: Version::Absent(count) },
        })
    }

    fn compare_and_swap(
        &self,
        key: String,
        version: Version,
        new: Value,
    ) -> BoxFuture<'_, Result<Version, SwapError>> {
        async move {
            self.limits().check_entry(&key, &new)?;
            let swapped =
                self.database.write(&self.label, Swap { key, version, new: new.into() }).await;
            swapped.map_err(SwapError::Store)?.map_err(SwapError::Conflict)
        }
        .boxed()
    }
}

fn value(entry: Entry) -> Option<Value> {
    entry.map(|(value, _)| value.into())
}
