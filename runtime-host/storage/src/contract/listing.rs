//! Pages of keys.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::{Store, all_keys};
use crate::Limits;

/// Pages have neither gaps nor repetitions, and the last one has no next one.
pub async fn lists_keys_in_order_page_by_page(store: Store) {
    let empty = store.keys(None, 10).await.unwrap();
    assert_eq!((empty.keys.len(), empty.next), (0, None));

    let keys: Vec<_> = (0..25).map(|n| format!("key-{n:02}")).collect();
    store.set_many(keys.iter().rev().map(|key| (key.clone(), Vec::new())).collect()).await.unwrap();
    for limit in [1, 7, 24, 25, 26] {
        assert_eq!(all_keys(&store, limit).await, keys, "in pages of {limit}");
    }
    let exact = store.keys(None, 25).await.unwrap();
    assert_eq!(exact.next, None, "a full last page has no next one");
    assert_eq!(store.keys(None, 0).await.unwrap().keys.len(), 1, "0 counts as 1");
    let middle = store.keys(Some("key-03x".into()), 2).await.unwrap();
    assert_eq!(middle.keys, ["key-04", "key-05"]);
    assert_eq!(store.keys(Some("key-24".into()), 2).await.unwrap().keys.len(), 0);
    let page_keys_max = Limits::default().page_keys_max;
    for batch in 0..3 {
        let more = (0..500).map(|n| (format!("more-{batch}-{n:03}"), Vec::new())).collect();
        store.set_many(more).await.unwrap();
    }
    assert_eq!(store.keys(None, usize::MAX).await.unwrap().keys.len(), page_keys_max);
}

/// Writers of other keys do not affect an iteration.
pub async fn lists_each_lasting_key_once_while_others_come_and_go(store: Store) {
    let lasting: Vec<_> = (0..100).map(|n| format!("{n:03}-lasting")).collect();
    store.set_many(lasting.iter().map(|key| (key.clone(), vec![1])).collect()).await.unwrap();
    let mut writers = JoinSet::new();
    for writer in 0..4 {
        let store = Arc::clone(&store);
        writers.spawn(async move {
            for round in 0..30 {
                let key = format!("{:03}-passing-{writer}", round * 3);
                store.set(key.clone(), vec![2]).await.unwrap();
                store.delete(key).await.unwrap();
            }
        });
    }
    for _ in 0..5 {
        let mut seen = all_keys(&store, 7).await;
        seen.retain(|key| key.ends_with("lasting"));
        assert_eq!(seen, lasting);
    }
    finish(writers).await;
}

async fn finish(mut tasks: JoinSet<()>) {
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
}
