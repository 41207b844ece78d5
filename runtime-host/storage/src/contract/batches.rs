//! Batches.

use std::{collections::BTreeSet, sync::Arc};

use tokio::task::JoinSet;

use super::Store;

/// `get_many` answers absent and repeated keys, too.
pub async fn reads_batches_in_the_given_order(store: Store) {
    store.set_many(vec![("a".into(), vec![1]), ("b".into(), vec![2])]).await.unwrap();
    let keys = ["b", "absent", "a", "b"].map(Into::into).to_vec();
    let values = store.get_many(keys).await.unwrap();
    assert_eq!(values, [Some(vec![2]), None, Some(vec![1]), Some(vec![2])]);
    assert_eq!(store.get_many(Vec::new()).await, Ok(Vec::new()));
}

/// `set_many` with a repeated key, `delete_many` with an absent one, and both with nothing.
pub async fn writes_batches_as_a_whole(store: Store) {
    let entries = [("a", 1), ("b", 2), ("a", 3)];
    store.set_many(entries.map(|(key, value)| (key.into(), vec![value])).to_vec()).await.unwrap();
    let keys = || ["a", "b"].map(Into::into).to_vec();
    assert_eq!(store.get_many(keys()).await, Ok(vec![Some(vec![3]), Some(vec![2])]));
    store.delete_many(["a", "absent"].map(Into::into).to_vec()).await.unwrap();
    assert_eq!(store.get_many(keys()).await, Ok(vec![None, Some(vec![2])]));
    store.set_many(Vec::new()).await.unwrap();
    store.delete_many(Vec::new()).await.unwrap();
}

/// Readers see a batch from before or after, on writing and on deleting.
pub async fn shows_no_half_of_a_batch(store: Store) {
    let keys: Vec<_> = (0..10).map(|n| format!("part-{n}")).collect();
    let mut writers = JoinSet::new();
    for writer in 0..4_u8 {
        let (store, keys) = (Arc::clone(&store), keys.clone());
        writers.spawn(async move {
            for _ in 0..15 {
                let entries = keys.iter().map(|key| (key.clone(), vec![writer])).collect();
                store.set_many(entries).await.unwrap();
                store.delete_many(keys.clone()).await.unwrap();
            }
        });
    }
    while !writers.is_empty() {
        let values = store.get_many(keys.clone()).await.unwrap();
        let distinct: BTreeSet<_> = values.iter().collect();
        assert_eq!(distinct.len(), 1, "half of a batch is visible: {values:?}");
        while let Some(done) = writers.try_join_next() {
            done.unwrap();
        }
    }
}
