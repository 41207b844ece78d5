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

/// Passes writes on, between two points. The last expression is the key in their names.
macro_rules! with_points {
    ($(fn $name:ident($($argument:ident: $type:ty),*) -> $output:ty
        => $point:literal, $key:expr;)*) => {
        $(fn $name(&self, $($argument: $type),*) -> BoxFuture<'_, $output> {
            let point = self.point($point, $key);
            Box::pin(around(point, async move { self.store.$name($($argument),*).await }))
        })*
    };
}

impl KeyValue for FaultyStore {
    forward! { store:
        fn get(key: String) -> BoxFuture<'_, Result<Option<Value>>>;
        fn exists(key: String) -> BoxFuture<'_, Result<bool>>;
        fn keys(after: Option<String>, limit: usize) -> BoxFuture<'_, Result<KeyPage>>;
        fn get_many(keys: Vec<String>) -> BoxFuture<'_, Result<Vec<Option<Value>>>>;
        fn read_versioned(key: String) -> BoxFuture<'_, Result<Versioned>>;
    }

    with_points! {
        fn set(key: String, value: Value) -> Result<()> => "set", &key;
        fn delete(key: String) -> Result<()> => "delete", &key;
        fn set_many(entries: Vec<(String, Value)>) -> Result<()>
            => "set-many", entries.first().map_or("", |(key, _)| key);
        fn delete_many(keys: Vec<String>) -> Result<()>
            => "delete-many", keys.first().map_or("", String::as_str);
        fn increment(key: String, delta: i64) -> Result<i64> => "increment", &key;
        fn expire_at(key: String, at_ms: u64) -> Result<()> => "expire", &key;
        fn compare_and_swap(
            key: String, version: Version, new: Value
        ) -> Result<Version, SwapError> => "swap", &key;
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
