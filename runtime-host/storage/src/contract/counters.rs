//! Increments.

use std::collections::BTreeSet;

use super::{Store, assert_invalid, contend, decoded};

/// Counters start at 0, may be negative, and can be copied as values.
pub async fn counts_from_zero_and_back(store: Store) {
    assert_eq!(store.increment("n".into(), 5).await, Ok(5));
    assert_eq!(store.increment("n".into(), -7).await, Ok(-2));
    assert_eq!(store.increment("n".into(), 0).await, Ok(-2));
    let value = store.get("n".into()).await.unwrap().unwrap();
    assert_eq!(decoded(&value), -2);
    store.set("m".into(), value).await.unwrap();
    assert_eq!(store.increment("m".into(), 44).await, Ok(42));
}

/// Values that are not counters, and counters that would overflow, are unchanged.
pub async fn refuses_to_count_other_values(store: Store) {
    store.set("text".into(), b"twelve".to_vec()).await.unwrap();
    assert_invalid(store.increment("text".into(), 1).await);
    assert_eq!(store.get("text".into()).await, Ok(Some(b"twelve".to_vec())));
    assert_eq!(store.increment("n".into(), i64::MAX).await, Ok(i64::MAX));
    assert_invalid(store.increment("n".into(), 1).await);
    assert_eq!(store.increment("n".into(), 0).await, Ok(i64::MAX));
}

/// 400 concurrent increments return distinct sums.
pub async fn counts_exactly_under_contention(store: Store) {
    let sums = contend(&store, 400, |store, _| async move { store.increment("n".into(), 1).await });
    let sums: BTreeSet<_> = sums.await.into_iter().map(Result::unwrap).collect();
    assert_eq!(sums, (1..=400).collect());
    assert_eq!(store.increment("n".into(), 0).await, Ok(400));
}
