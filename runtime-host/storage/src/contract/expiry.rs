//! Keys that expire.

use std::sync::Arc;

use super::Store;
use crate::{Stores, SwapError};

/// A key exists until its expiry time and is removed by the first sweep after it, even if it was
/// written in the meantime. Other keys stay.
pub async fn removes_expired_keys(engine: Arc<dyn Stores>, store: Store) {
    store.set("lasting".into(), vec![1]).await.unwrap();
    store.expire_at("key".into(), 1_000).await.unwrap();
    store.set("key".into(), vec![1]).await.unwrap();
    let version = store.read_versioned("key".into()).await.unwrap().version;
    let version = store.compare_and_swap("key".into(), version, vec![2]).await.unwrap();
    assert_eq!(engine.sweep_expired(999).await, Ok(0));
    assert_eq!(store.get("key".into()).await, Ok(Some(vec![2])));
    assert_eq!(engine.sweep_expired(1_000).await, Ok(1));
    assert_eq!(store.get("key".into()).await, Ok(None));
    assert_eq!(store.keys(None, 10).await.unwrap().keys, ["lasting"]);
    let late = store.compare_and_swap("key".into(), version, vec![3]).await;
    assert!(matches!(late, Err(SwapError::Conflict(_))), "it was deleted: {late:?}");
    assert_eq!(engine.sweep_expired(u64::MAX).await, Ok(0));
}

/// The latest time counts, and removing the key clears it: a new key of the same name does not
/// expire.
pub async fn forgets_the_time_of_a_removed_key(engine: Arc<dyn Stores>, store: Store) {
    store.set("later".into(), vec![1]).await.unwrap();
    store.expire_at("later".into(), 1_000).await.unwrap();
    store.expire_at("later".into(), 2_000).await.unwrap();
    store.set("again".into(), vec![1]).await.unwrap();
    store.expire_at("again".into(), 1_000).await.unwrap();
    store.delete("again".into()).await.unwrap();
    store.set("again".into(), vec![2]).await.unwrap();
    store.expire_at("never there".into(), 1_000).await.unwrap();
    engine.sweep_expired(1_500).await.unwrap();
    assert_eq!(store.keys(None, 10).await.unwrap().keys, ["again", "later"]);
    engine.sweep_expired(2_000).await.unwrap();
    assert_eq!(store.keys(None, 10).await.unwrap().keys, ["again"]);
}

/// Removing an absent key clears its expiry time, too, and no other.
pub async fn forgets_the_time_of_an_absent_key(engine: Arc<dyn Stores>, store: Store) {
    for key in ["one", "two", "other"] {
        store.expire_at(key.into(), 1_000).await.unwrap();
    }
    assert_eq!(store.get("one".into()).await, Ok(None));
    store.delete("one".into()).await.unwrap();
    store.delete_many(vec!["two".into()]).await.unwrap();
    for key in ["one", "two", "other"] {
        store.set(key.into(), vec![1]).await.unwrap();
    }
    assert_eq!(engine.sweep_expired(1_000).await, Ok(1));
    assert_eq!(store.keys(None, 10).await.unwrap().keys, ["one", "two"]);
}

/// Any number of keys is removed.
pub async fn removes_many_at_once(engine: Arc<dyn Stores>, store: Store) {
    for n in 0..1_200 {
        store.expire_at(format!("key-{n}"), n % 3).await.unwrap();
    }
    let entries = (0..1_200).map(|n| (format!("key-{n}"), vec![1])).collect::<Vec<_>>();
    for part in entries.chunks(400) {
        store.set_many(part.to_vec()).await.unwrap();
    }
    assert_eq!(engine.sweep_expired(1).await, Ok(800));
    assert_eq!(store.keys(None, 1_000).await.unwrap().keys.len(), 400);
}
