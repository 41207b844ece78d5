//! Single keys: what is stored, what is not, and how large it may be.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use super::{Store, all_keys, assert_invalid, contend, decoded};
use crate::{ErrorKind, Limits, SwapError, Value, Version};

/// `set` then `get` and `exists`.
pub async fn answers_what_was_stored(store: Store) {
    assert_eq!(store.get("key".into()).await, Ok(None));
    assert_eq!(store.exists("key".into()).await, Ok(false));
    store.set("key".into(), b"value".to_vec()).await.unwrap();
    assert_eq!(store.get("key".into()).await, Ok(Some(b"value".to_vec())));
    assert_eq!(store.exists("key".into()).await, Ok(true));
    assert_eq!(store.get("other".into()).await, Ok(None));
}

/// `set` over a value, `delete`, and `delete` of an absent key.
pub async fn replaces_and_removes(store: Store) {
    store.set("key".into(), b"long value".to_vec()).await.unwrap();
    store.set("key".into(), b"short".to_vec()).await.unwrap();
    assert_eq!(store.get("key".into()).await, Ok(Some(b"short".to_vec())));
    store.delete("key".into()).await.unwrap();
    store.delete("key".into()).await.unwrap();
    assert_eq!(store.get("key".into()).await, Ok(None));
    assert_eq!(store.exists("key".into()).await, Ok(false));
}

/// An empty value is present.
pub async fn tells_empty_from_absent(store: Store) {
    store.set("empty".into(), Vec::new()).await.unwrap();
    assert_eq!(store.get("empty".into()).await, Ok(Some(Vec::new())));
    assert_eq!(store.exists("empty".into()).await, Ok(true));
    let versioned = store.read_versioned("empty".into()).await.unwrap();
    assert_eq!(versioned.value, Some(Vec::new()));
    assert!(matches!(versioned.version, Version::Present(_)));
}

/// Keys are compared byte by byte: no case folding, no normalization, no trimming.
pub async fn takes_any_text_as_key(store: Store) {
    let keys =
        ["", " ", "a", "A", "ä", "a\u{308}", "日本", "🦀", "a/b:c%", "nul\0nul", "'; --", "_%"];
    for key in keys {
        store.set(key.into(), key.as_bytes().to_vec()).await.unwrap();
    }
    for key in keys {
        assert_eq!(store.get(key.into()).await, Ok(Some(key.as_bytes().to_vec())), "{key:?}");
    }
    let sorted: Vec<_> =
        keys.iter().map(|key| (*key).to_owned()).collect::<BTreeSet<_>>().into_iter().collect();
    assert_eq!(all_keys(&store, 5).await, sorted);
}

/// A value of the largest size comes back whole.
pub async fn keeps_large_values(store: Store) {
    let bytes = Limits::default().value_bytes_max;
    let value: Value = (0..bytes).map(|at| (at % 251) as u8).collect();
    store.set("large".into(), value.clone()).await.unwrap();
    assert!(store.get("large".into()).await.unwrap() == Some(value), "the value has changed");
}

/// What exceeds a limit is invalid and changes nothing.
pub async fn bounds_keys_values_and_batches(store: Store) {
    let limits = Limits::default();
    let long_key = "k".repeat(limits.key_bytes_max);
    store.set(long_key.clone(), Vec::new()).await.unwrap();
    let longer_key = long_key.clone() + "k";
    assert_invalid(store.set(longer_key.clone(), Vec::new()).await);
    assert_invalid(store.get(longer_key.clone()).await);
    assert_invalid(store.delete(longer_key.clone()).await);
    assert_invalid(store.exists(longer_key.clone()).await);
    assert_invalid(store.increment(longer_key.clone(), 1).await);
    assert_invalid(store.read_versioned(longer_key.clone()).await);

    let too_large = vec![0; limits.value_bytes_max + 1];
    assert_invalid(store.set("large".into(), too_large.clone()).await);
    let version = store.read_versioned("large".into()).await.unwrap().version;
    let swapped = store.compare_and_swap("large".into(), version, too_large.clone()).await;
    assert!(matches!(swapped, Err(SwapError::Store(error)) if error.kind == ErrorKind::Invalid));
    assert_invalid(
        store.set_many(vec![("a".into(), Vec::new()), ("large".into(), too_large)]).await,
    );

    let many: Vec<_> = (0..=limits.batch_keys_max).map(|n| n.to_string()).collect();
    assert_invalid(store.get_many(many.clone()).await);
    assert_invalid(store.delete_many(many.clone()).await);
    assert_invalid(store.set_many(many.into_iter().map(|key| (key, Vec::new())).collect()).await);
    let half = vec![0; limits.value_bytes_max];
    let heavy = ["x", "y", "z"].map(|key| (key.to_owned(), half.clone())).to_vec();
    assert_invalid(store.set_many(heavy.clone()).await);
    assert_eq!(all_keys(&store, 10).await, std::slice::from_ref(&long_key));

    for (key, value) in heavy {
        store.set(key, value).await.unwrap();
    }
    assert_invalid(store.get_many(["x", "y", "z"].map(Into::into).to_vec()).await);
    assert_eq!(store.get_many(vec![long_key]).await, Ok(vec![Some(Vec::new())]));
}

/// Several readers, with all kinds of reads, and a writer that increments: no reader sees a lower
/// value than another one has seen before.
pub async fn never_goes_back_in_time(store: Store) {
    store.increment("n".into(), 0).await.unwrap();
    let seen = Arc::new(AtomicI64::new(0));
    let writer = tokio::spawn({
        let (store, seen) = (Arc::clone(&store), Arc::clone(&seen));
        async move {
            for _ in 0..100 {
                let sum = store.increment("n".into(), 1).await.unwrap();
                seen.fetch_max(sum, Ordering::SeqCst);
            }
        }
    });
    let readers = contend(&store, 4, |store, reader| {
        let seen = Arc::clone(&seen);
        async move {
            for turn in reader.. {
                let before = seen.load(Ordering::SeqCst);
                let now = number(&store, turn).await;
                assert!(now >= before, "{now} is seen after {before}");
                seen.fetch_max(now, Ordering::SeqCst);
                if now == 100 {
                    return;
                }
                tokio::task::yield_now().await;
            }
        }
    });
    readers.await;
    writer.await.unwrap();
}

async fn number(store: &Store, turn: usize) -> i64 {
    let value = match turn % 3 {
        0 => store.get("n".into()).await.unwrap(),
        1 => store.get_many(vec!["n".into()]).await.unwrap().remove(0),
        _ => store.read_versioned("n".into()).await.unwrap().value,
    };
    decoded(&value.unwrap())
}
