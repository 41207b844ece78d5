//! A label on a database: the port, put together from queries and operations.

use std::sync::Arc;

use futures::{FutureExt, future::BoxFuture};
use rusqlite::Connection;

use super::{
    database::Database,
    operation::{Increment, Put, Remove, Swap},
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

    async fn read_key<T: Send + 'static>(
        &self,
        key: String,
        query: impl FnOnce(&Connection, &str, &str) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        self.limits().check_key(&key)?;
        let label = Arc::clone(&self.label);
        let query = move |connection: &Connection| query(connection, &label, &key);
        self.database.readers().read_key(query).await
    }

    async fn read_many<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection, &str) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let label = Arc::clone(&self.label);
        let query = move |connection: &Connection| query(connection, &label);
        self.database.readers().read_many(query).await
    }

    async fn put(&self, entries: Vec<(String, Value)>) -> Result<()> {
        self.database.write(&self.label, Put { entries }).await
    }

    async fn remove(&self, keys: Vec<String>) -> Result<()> {
        self.database.write(&self.label, Remove { keys }).await
    }
}

impl KeyValue for Store {
    fn get(&self, key: String) -> BoxFuture<'_, Result<Option<Value>>> {
        self.read_key(key, table::value).boxed()
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
        self.read_key(key, table::exists).boxed()
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
            let bytes_max = self.limits().batch_bytes_max;
            let query = move |connection: &Connection, store: &str| {
                table::values(connection, store, &keys, bytes_max)
            };
            let (values, bytes) = self.read_many(query).await?;
            self.limits().check_batch_bytes(bytes)?;
            Ok(values)
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

    fn read_versioned(&self, key: String) -> BoxFuture<'_, Result<Versioned>> {
        let deletions = Arc::clone(self.database.deletions());
        self.read_key(key, move |connection, store, key| {
            // The count first: read after the value, it could already include a deletion that
            // the value does not know of.
            let count = deletions.count(deletions.cell(store, key));
            Ok(match table::entry(connection, store, key)? {
                Some((value, version)) => {
                    Versioned { value: Some(value), version: Version::Present(version) }
                }
                None => Versioned { value: None, version: Version::Absent(count) },
            })
        })
        .boxed()
    }

    fn compare_and_swap(
        &self,
        key: String,
        version: Version,
        new: Value,
    ) -> BoxFuture<'_, Result<Version, SwapError>> {
        async move {
            self.limits().check_entry(&key, &new)?;
            let swapped = self.database.write(&self.label, Swap { key, version, new }).await;
            swapped.map_err(SwapError::Store)?.map_err(SwapError::Conflict)
        }
        .boxed()
    }
}
