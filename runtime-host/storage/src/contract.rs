//! What every engine has to keep, as tests.
//!
//! [`contract_tests!`](crate::contract_tests) turns each case into a test of its own against
//! stores that an expression makes, so that a failure names the promise that was broken. The
//! cases are about meaning, never about speed.

#![expect(clippy::unwrap_used, clippy::panic, reason = "the body of tests")]

use std::{collections::BTreeSet, future::Future, sync::Arc};

use futures::future::join_all;
use tokio::task::JoinSet;

use crate::{ErrorKind, KeyValue, Limits, Result, SwapError, Value, Version};

/// A store under test.
pub type Store = Arc<dyn KeyValue>;

/// One test per promise of the port.
///
/// Takes an expression that is evaluated once per test, in an `async` context, and gives
/// `(Store, guard)`: an empty store with default [`Limits`], and
/// whatever must stay alive as long as the store is used.
#[macro_export]
macro_rules! contract_tests {
    ($store:expr) => {
        $crate::contract_tests! { @each $store,
            answers_what_was_stored
            replaces_and_removes
            tells_empty_from_absent
            takes_any_text_as_key
            keeps_large_values
            bounds_keys_values_and_batches
            lists_keys_in_order_page_by_page
            lists_each_lasting_key_once_while_others_come_and_go
            reads_batches_in_the_order_asked
            writes_batches_as_a_whole
            shows_no_half_of_a_batch
            counts_from_zero_and_back
            refuses_to_count_what_is_no_counter
            counts_exactly_under_contention
            swaps_what_was_not_touched
            lets_one_swap_win_per_version
            lets_one_creation_win
            notices_a_value_that_came_back
            notices_a_deletion_in_between
            notices_that_an_absent_key_existed_in_between
            tells_the_loser_what_is_there
            loses_no_update_in_retry_loops
        }
    };
    (@each $store:expr, $($case:ident)*) => {
        $(
            #[::tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $case() {
                let (store, _guard) = $store;
                $crate::contract::$case(store).await;
            }
        )*
    };
}

/// Tasks that contend for one key.
const CONTENDERS: usize = 32;

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

/// Keys are compared byte by byte: no case folding, no normalisation, no trimming.
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

/// Pages follow each other without gap or repetition, and the last one says so.
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

/// Writers do not disturb a walk over keys that they leave alone.
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

/// `get_many` answers absent and repeated keys, too.
pub async fn reads_batches_in_the_order_asked(store: Store) {
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

/// Counters start at 0, go below it, and have the form of stock Spin.
pub async fn counts_from_zero_and_back(store: Store) {
    assert_eq!(store.increment("n".into(), 5).await, Ok(5));
    assert_eq!(store.increment("n".into(), -7).await, Ok(-2));
    assert_eq!(store.increment("n".into(), 0).await, Ok(-2));
    assert_eq!(store.get("n".into()).await, Ok(Some((-2_i64).to_le_bytes().to_vec())));
    store.set("m".into(), 41_i64.to_le_bytes().to_vec()).await.unwrap();
    assert_eq!(store.increment("m".into(), 1).await, Ok(42));
}

/// A value of another form, and an overflow, stay as they are.
pub async fn refuses_to_count_what_is_no_counter(store: Store) {
    store.set("text".into(), b"twelve".to_vec()).await.unwrap();
    assert_invalid(store.increment("text".into(), 1).await);
    assert_eq!(store.get("text".into()).await, Ok(Some(b"twelve".to_vec())));
    assert_eq!(store.increment("n".into(), i64::MAX).await, Ok(i64::MAX));
    assert_invalid(store.increment("n".into(), 1).await);
    assert_eq!(store.increment("n".into(), 0).await, Ok(i64::MAX));
}

/// 400 concurrent increments, each with a sum of its own.
pub async fn counts_exactly_under_contention(store: Store) {
    let sums = contend(&store, 400, |store, _| async move { store.increment("n".into(), 1).await });
    let sums: BTreeSet<_> = sums.await.into_iter().map(Result::unwrap).collect();
    assert_eq!(sums, (1..=400).collect());
    assert_eq!(store.increment("n".into(), 0).await, Ok(400));
}

/// The version that a swap gives is good for the next one; an old one is not.
pub async fn swaps_what_was_not_touched(store: Store) {
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

/// The same on a key that is not there.
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

    store.set("key".into(), 0_i64.to_le_bytes().to_vec()).await.unwrap();
    let version = store.read_versioned("key".into()).await.unwrap().version;
    store.increment("key".into(), 0).await.unwrap();
    assert!(is_conflict(&swap(&store, version, b"new").await));
}

/// Deleting and creating again is not the same as leaving alone.
pub async fn notices_a_deletion_in_between(store: Store) {
    store.set("key".into(), b"same".to_vec()).await.unwrap();
    let version = store.read_versioned("key".into()).await.unwrap().version;
    store.delete("key".into()).await.unwrap();
    assert!(is_conflict(&swap(&store, version, b"new").await));
    store.set("key".into(), b"same".to_vec()).await.unwrap();
    assert!(is_conflict(&swap(&store, version, b"new").await));
    assert_eq!(store.get("key".into()).await, Ok(Some(b"same".to_vec())));
}

/// Creating and deleting again is not the same as leaving alone either.
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
    assert!(swap(&store, version, b"new").await.is_ok(), "a fresh version must do");
}

/// A conflict carries value and version of now, which are good for the next attempt.
pub async fn tells_the_loser_what_is_there(store: Store) {
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

/// Read, add, swap, and again on conflict: the sum is right, with deletions of other keys and
/// creations of this one in between.
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
    assert_eq!(losers, CONTENDERS - 1, "all others are told of the conflict");
    assert_eq!(store.get("key".into()).await, Ok(Some(vec![winners[0] as u8])));
}

async fn swap(store: &Store, version: Version, new: &[u8]) -> Result<Version, SwapError> {
    store.compare_and_swap("key".into(), version, new.to_vec()).await
}

fn is_conflict(outcome: &Result<Version, SwapError>) -> bool {
    matches!(outcome, Err(SwapError::Conflict(_)))
}

fn assert_invalid<T>(outcome: Result<T>) {
    assert_eq!(outcome.err().map(|error| error.kind), Some(ErrorKind::Invalid));
}

/// Runs so many tasks at once and gives their answers in order.
async fn contend<F, T>(store: &Store, tasks: usize, work: impl Fn(Store, usize) -> F) -> Vec<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let running: Vec<_> =
        (0..tasks).map(|task| tokio::spawn(work(Arc::clone(store), task))).collect();
    join_all(running).await.into_iter().map(|joined| joined.unwrap()).collect()
}

async fn finish(mut tasks: JoinSet<()>) {
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
}

async fn all_keys(store: &Store, limit: usize) -> Vec<String> {
    let mut keys = Vec::new();
    let mut after = None;
    loop {
        let page = store.keys(after, limit).await.unwrap();
        assert!(page.keys.len() <= limit);
        keys.extend(page.keys);
        after = page.next;
        if after.is_none() {
            return keys;
        }
    }
}
