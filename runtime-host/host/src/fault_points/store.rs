//! Points around the writes of a store.

use super::around;
use futures::future::BoxFuture;
use std::sync::Arc;
use tessera_storage::{KeyPage, KeyValue, Result, SwapError, Value, Version, Versioned};

/// A longer part of a key is taken for an id.
const WORD_LENGTH_MAX: usize = 24;

/// A store whose writes have points.
pub(crate) struct FaultyStore {
    pub(crate) label: String,
    pub(crate) store: Arc<dyn KeyValue>,
}

impl FaultyStore {
    fn point(&self, operation: &'static str, key: &str) -> impl FnOnce() -> String + Send + use<> {
        let (label, shape) = (self.label.clone(), shape(key));
        move || format!("store/{label}/{operation}/{shape}")
    }
}

/// A key without what is different each time: parts with digits, addresses, long ones.
fn shape(key: &str) -> String {
    let is_id = |part: &str| {
        part.len() > WORD_LENGTH_MAX || part.contains(|c: char| c.is_ascii_digit() || c == '@')
    };
    let shaped = key.split_inclusive(['/', ':', '|']).map(|piece| {
        let part = piece.trim_end_matches(['/', ':', '|']);
        let end = &piece[part.len()..];
        if is_id(part) { format!("*{end}") } else { piece.to_owned() }
    });
    shaped.collect()
}

impl KeyValue for FaultyStore {
    fn get(&self, key: String) -> BoxFuture<'_, Result<Option<Value>>> {
        self.store.get(key)
    }

    fn set(&self, key: String, value: Value) -> BoxFuture<'_, Result<()>> {
        let point = self.point("set", &key);
        Box::pin(around(point, async move { self.store.set(key, value).await }))
    }

    fn delete(&self, key: String) -> BoxFuture<'_, Result<()>> {
        let point = self.point("delete", &key);
        Box::pin(around(point, async move { self.store.delete(key).await }))
    }

    fn exists(&self, key: String) -> BoxFuture<'_, Result<bool>> {
        self.store.exists(key)
    }

    fn keys(&self, after: Option<String>, limit: usize) -> BoxFuture<'_, Result<KeyPage>> {
        self.store.keys(after, limit)
    }

    fn get_many(&self, keys: Vec<String>) -> BoxFuture<'_, Result<Vec<Option<Value>>>> {
        self.store.get_many(keys)
    }

    fn set_many(&self, entries: Vec<(String, Value)>) -> BoxFuture<'_, Result<()>> {
        let point = self.point("set-many", entries.first().map_or("", |(key, _)| key));
        Box::pin(around(point, async move { self.store.set_many(entries).await }))
    }

    fn delete_many(&self, keys: Vec<String>) -> BoxFuture<'_, Result<()>> {
        let point = self.point("delete-many", keys.first().map_or("", String::as_str));
        Box::pin(around(point, async move { self.store.delete_many(keys).await }))
    }

    fn increment(&self, key: String, delta: i64) -> BoxFuture<'_, Result<i64>> {
        let point = self.point("increment", &key);
        Box::pin(around(point, async move { self.store.increment(key, delta).await }))
    }

    fn expire_at(&self, key: String, at_ms: u64) -> BoxFuture<'_, Result<()>> {
        let point = self.point("expire", &key);
        Box::pin(around(point, async move { self.store.expire_at(key, at_ms).await }))
    }

    fn read_versioned(&self, key: String) -> BoxFuture<'_, Result<Versioned>> {
        self.store.read_versioned(key)
    }

    fn compare_and_swap(
        &self,
        key: String,
        version: Version,
        new: Value,
    ) -> BoxFuture<'_, Result<Version, SwapError>> {
        let point = self.point("swap", &key);
        Box::pin(around(point, async move { self.store.compare_and_swap(key, version, new).await }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_has_no_ids_in_it() {
        assert_eq!(shape("order:ord_0192f0c1-7e1e-7a4b"), "order:*");
        assert_eq!(shape("users/by-email/ann@example.com"), "users/by-email/*");
        assert_eq!(shape("idempotency:usr_1:POST /orders:abc"), "idempotency:*:POST /orders:abc");
        assert_eq!(shape("marks/3"), "marks/*");
        assert_eq!(shape("index"), "index");
    }
}
