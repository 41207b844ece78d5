//! Compare-and-swap: one winner per version, and every conflict is detected.

use super::{Store, contend};
use crate::{Result, SwapError, Version};

/// Tasks that contend for one key.
const CONTENDERS: usize = 32;

/// The version returned by a swap is valid for the next one; an older version is not.
pub async fn swaps_unchanged_keys(store: Store) {
    let absent = store.read_versioned("key".into()).await.unwrap();
    assert_eq!(absent.value, None);
    assert!(matches!(absent.version, Version::Absent(_)));
    let first = swap(&store, absent.version, b"1").await.unwrap();
    let second = swap(&store, first, b"2").await.unwrap();
    let read = store.read_versioned("key".into()).await.unwrap();
    assert_eq!((read.value, read.version), (Some(b"2".to_vec()), second));
    assert!(is_conflict(&swap(&store, first, b"3").await));
    assert!(is_conflict(&swap(&store, absent.version, b"3").await));
    assert_eq!(store.get("key".into()).await, Ok(Some(b"2".to_vec())));
}

/// Round after round, all contenders swap from one version and one of them wins.
pub async fn lets_one_swap_win_per_version(store: Store) {
    store.set("key".into(), b"start".to_vec()).await.unwrap();
    for _ in 0..10 {
        assert_one_winner(&store).await;
    }
}

/// The same on an absent key.
pub async fn lets_one_creation_win(store: Store) {
    for _ in 0..10 {
        store.delete("key".into()).await.unwrap();
        assert_one_winner(&store).await;
    }
}

/// Writing the same bytes again is a write.
pub async fn notices_a_value_that_came_back(store: Store) {
    store.set("key".into(), b"same".to_vec()).await.unwrap();
    let version = store.read_versioned("key".into()).await.unwrap().version;
    store.set("key".into(), b"other".to_vec()).await.unwrap();
    store.set("key".into(), b"same".to_vec()).await.unwrap();
    assert!(is_conflict(&swap(&store, version, b"new").await));

    let version = store.read_versioned("key".into()).await.unwrap().version;
    store.set_many(vec![("key".into(), b"same".to_vec())]).await.unwrap();
    assert!(is_conflict(&swap(&store, version, b"new").await));

    store.delete("key".into()).await.unwrap();
    store.increment("key".into(), 7).await.unwrap();
    let version = store.read_versioned("key".into()).await.unwrap().version;
    store.increment("key".into(), 0).await.unwrap();
    assert!(is_conflict(&swap(&store, version, b"new").await));
}

/// A deletion followed by a creation is a conflict.
pub async fn notices_a_deletion_in_between(store: Store) {
    store.set("key".into(), b"same".to_vec()).await.unwrap();
    let version = store.read_versioned("key".into()).await.unwrap().version;
    store.delete("key".into()).await.unwrap();
    assert!(is_conflict(&swap(&store, version, b"new").await));
    store.set("key".into(), b"same".to_vec()).await.unwrap();
    assert!(is_conflict(&swap(&store, version, b"new").await));
    assert_eq!(store.get("key".into()).await, Ok(Some(b"same".to_vec())));
}

/// A creation followed by a deletion is a conflict.
pub async fn notices_that_an_absent_key_existed_in_between(store: Store) {
    let version = store.read_versioned("key".into()).await.unwrap().version;
    store.set("key".into(), b"value".to_vec()).await.unwrap();
    store.delete("key".into()).await.unwrap();
    assert!(is_conflict(&swap(&store, version, b"new").await));

    let version = store.read_versioned("key".into()).await.unwrap().version;
    store.set("key".into(), b"value".to_vec()).await.unwrap();
    store.delete_many(vec!["key".into()]).await.unwrap();
    assert!(is_conflict(&swap(&store, version, b"new").await));
    let version = store.read_versioned("key".into()).await.unwrap().version;
    assert!(swap(&store, version, b"new").await.is_ok(), "a new version is valid");
}

/// A conflict has the current value and version, which are valid for the next attempt.
pub async fn returns_the_current_value_on_conflict(store: Store) {
    let stale = store.read_versioned("key".into()).await.unwrap().version;
    store.set("key".into(), b"there".to_vec()).await.unwrap();
    let Err(SwapError::Conflict(current)) = swap(&store, stale, b"mine").await else {
        panic!("a stale version was accepted");
    };
    assert_eq!(current.value, Some(b"there".to_vec()));
    swap(&store, current.version, b"mine").await.unwrap();

    store.delete("key".into()).await.unwrap();
    let Err(SwapError::Conflict(current)) = swap(&store, stale, b"mine").await else {
        panic!("a stale version was accepted");
    };
    assert_eq!(current.value, None);
    swap(&store, current.version, b"mine").await.unwrap();
}

/// Loops of read, add and swap, with retries on conflict, give the correct sum, also with deletions
/// of other keys and creations of this one in between.
pub async fn loses_no_update_in_retry_loops(store: Store) {
    let totals = contend(&store, CONTENDERS, |store, contender| async move {
        for round in 0..5 {
            let passing = format!("passing-{contender}-{round}");
            store.set(passing.clone(), vec![0]).await.unwrap();
            store.delete(passing).await.unwrap();
            add_one(&store).await;
        }
    });
    totals.await;
    let total = store.get("key".into()).await.unwrap().unwrap();
    assert_eq!(total, (CONTENDERS as u64 * 5).to_le_bytes());
}

async fn add_one(store: &Store) {
    let mut current = store.read_versioned("key".into()).await.unwrap();
    loop {
        let old = current.value.map_or(0, |value| u64::from_le_bytes(value.try_into().unwrap()));
        match swap(store, current.version, &(old + 1).to_le_bytes()).await {
            Ok(_) => return,
            Err(SwapError::Conflict(now)) => current = now,
            Err(SwapError::Store(error)) => panic!("{error}"),
        }
    }
}

async fn assert_one_winner(store: &Store) {
    let before = store.read_versioned("key".into()).await.unwrap().version;
    let outcomes = contend(store, CONTENDERS, move |store, contender| async move {
        swap(&store, before, &[contender as u8]).await
    });
    let outcomes = outcomes.await;
    let winners: Vec<_> = (0..CONTENDERS).filter(|n| outcomes[*n].is_ok()).collect();
    assert_eq!(winners.len(), 1, "winners of one version");
    let losers = outcomes.iter().filter(|outcome| is_conflict(outcome)).count();
    assert_eq!(losers, CONTENDERS - 1, "all others get a conflict");
    assert_eq!(store.get("key".into()).await, Ok(Some(vec![winners[0] as u8])));
}

async fn swap(store: &Store, version: Version, new: &[u8]) -> Result<Version, SwapError> {
    store.compare_and_swap("key".into(), version, new.to_vec()).await
}

fn is_conflict(outcome: &Result<Version, SwapError>) -> bool {
    matches!(outcome, Err(SwapError::Conflict(_)))
}
