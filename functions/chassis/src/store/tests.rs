#![allow(clippy::unwrap_used)]
use super::creation::{Creation, GUARDED_FIRST, Trial};
use super::*;
use crate::testing::{Operation, ScriptedStore};
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_updates_lose_nothing() {
    let store = MemoryStore::new();
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                for _ in 0..50 {
                    add_one(&store).await.unwrap();
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(store.read::<u64>("n").await.unwrap(), Some(400));
}

async fn add_one<S: Store>(store: &S) -> Result<u64, StoreError> {
    store
        .update("n", |n: Option<u64>| {
            let n = n.unwrap_or(0) + 1;
            Ok((n, n))
        })
        .await
}

#[tokio::test]
async fn an_update_gives_up_if_another_writer_is_always_faster() {
    let (memory, rounds) = (MemoryStore::new(), Arc::<AtomicU32>::default());
    let (other, counted) = (memory.clone(), rounds.clone());
    let store = ScriptedStore::new(memory).before(move |operation, _| {
        let other = (operation == Operation::Swap).then(|| other.clone());
        counted.fetch_add(u32::from(other.is_some()), SeqCst);
        async move {
            match other {
                Some(other) => add_one(&other).await.map(drop),
                None => Ok(()),
            }
        }
    });
    assert_eq!(add_one(&store).await, Err(StoreError::Contended("n".to_owned())));
    assert_eq!(rounds.load(SeqCst), UPDATE_ATTEMPTS_MAX);
}

#[tokio::test]
async fn a_swap_succeeds_only_if_the_value_is_still_the_one_that_was_loaded() {
    let store = MemoryStore::new();
    let (absent, mut version) = store.load::<u64>("n").await.unwrap();
    assert!(absent.is_none() && version.is_absent());
    assert_eq!(store.swap(&mut version, &1).await, Ok(true));
    assert_eq!((version.key(), version.is_absent()), ("n", false));
    let (loaded, mut other) = store.load::<u64>("n").await.unwrap();
    assert_eq!(loaded, Some(1));
    assert_eq!(store.swap(&mut version, &2).await, Ok(true), "the version is that of the swap");
    assert_eq!(store.swap(&mut other, &3).await, Ok(false));
    assert_eq!(store.read("n").await, Ok(Some(2)));
}

#[test]
fn lost_rounds_are_limited() {
    let mut conflicts = Conflicts::default();
    for _ in 1..CONFLICTS_MAX {
        assert_eq!(conflicts.count("n"), Ok(()));
    }
    assert_eq!(conflicts.count("n"), Err(StoreError::Contended("n".to_owned())));
}

#[tokio::test]
async fn an_update_that_refuses_leaves_the_value_alone() {
    let store = MemoryStore::new();
    store.write("n", &7).await.unwrap();
    let refused: Result<(), StoreError> = store
        .update("n", |_: Option<u64>| Err::<(u64, ()), _>(StoreError::Contended("no".into())))
        .await;
    assert!(refused.is_err());
    assert_eq!(store.read::<u64>("n").await.unwrap(), Some(7));
}

#[tokio::test]
async fn a_value_that_is_not_json_is_an_error_that_names_its_key() {
    let store = MemoryStore::new();
    store.set("k", b"{").await.unwrap();
    let error = store.read::<u64>("k").await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { key, .. } if key == "k"));
}

#[tokio::test]
async fn a_failing_store_grants_exactly_its_operations() {
    let store = ScriptedStore::failing_after(2, MemoryStore::new());
    assert!(store.set("a", b"1").await.is_ok());
    assert!(store.get("a").await.is_ok());
    assert!(store.get("a").await.is_err());
    assert!(store.set("a", b"2").await.is_err());
}

/// Behaves like stock Spin: a swap on an absent key is decided by the *earlier* read, so the loser
/// of a race overwrites the winner. Records all written values.
#[derive(Clone, Default)]
struct StockLike {
    inner: MemoryStore,
    writes: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Store for StockLike {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let value = self.inner.get(key).await;
        tokio::task::yield_now().await;
        value
    }
    async fn set(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.inner.set(key, value).await
    }
    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.inner.delete(key).await
    }
    async fn increment(&self, key: &str, delta: i64) -> Result<i64, StoreError> {
        let value = self.inner.increment(key, delta).await;
        tokio::task::yield_now().await;
        value
    }
    async fn compare_and_swap(
        &self,
        key: &str,
        expected: Option<&[u8]>,
        new: &[u8],
    ) -> Result<bool, StoreError> {
        if self.get(key).await?.as_deref() != expected {
            return Ok(false);
        }
        tokio::task::yield_now().await;
        self.writes.lock().unwrap().push(new.to_vec());
        self.inner.set(key, new).await?;
        Ok(true)
    }
}

/// Time that passes only in pauses.
#[derive(Clone, Default)]
struct Virtual(Arc<AtomicU64>);

impl guard::Pace for Virtual {
    fn now_ms(&self) -> u64 {
        self.0.load(SeqCst)
    }
    async fn pause(&self, ms: u64) {
        self.0.fetch_add(ms, SeqCst);
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn of_many_creators_exactly_one_wins_on_stock_spin_too() {
    let store = StockLike::default();
    let tasks: Vec<_> = (0u8..32)
        .map(|n| {
            let store = store.clone();
            // Pauses take no virtual time, so that no creator is taken for dead.
            tokio::spawn(async move { guard::create(&store, &Frozen, "k", &[n]).await })
        })
        .collect();
    let mut winners = 0;
    for task in tasks {
        winners += u32::from(task.await.unwrap().unwrap());
    }
    assert_eq!(winners, 1);
    assert_eq!(store.writes.lock().unwrap().len(), 1, "the winner was not overwritten");
}

impl Trial for MemoryStore {
    async fn refuses_second(&self) -> Result<bool, StoreError> {
        let first = self.compare_and_swap("trial", None, b"1").await?;
        let second = self.compare_and_swap("trial", None, b"2").await?;
        Ok(first && !second)
    }
}

impl Trial for StockLike {
    async fn refuses_second(&self) -> Result<bool, StoreError> {
        let first = self.compare_and_swap("trial", None, b"1");
        let second = self.compare_and_swap("trial", None, b"2");
        let (first, second) = tokio::join!(first, second);
        Ok(first? && !second?)
    }
}

impl<S: Trial> Trial for ScriptedStore<S> {
    async fn refuses_second(&self) -> Result<bool, StoreError> {
        self.get("trial").await?;
        self.inner().refuses_second().await
    }
}

/// Creates `count` keys and returns how many of them were guarded: a guarded creation takes a
/// ticket.
async fn guarded<S: Trial>(store: &S, creation: &Creation, count: u32) -> usize {
    let tickets = Arc::<AtomicUsize>::default();
    let counted = tickets.clone();
    let store = ScriptedStore::new(store.clone()).before(move |operation, _| {
        counted.fetch_add(usize::from(operation == Operation::Increment), SeqCst);
        async { Ok(()) }
    });
    for _ in 0..count {
        let key = crate::id::new("key");
        assert_eq!(creation.create(&store, &Frozen, &key, b"new").await, Ok(true));
        assert_eq!(creation.create(&store, &Frozen, &key, b"other").await, Ok(false));
    }
    tickets.load(SeqCst)
}

#[tokio::test]
async fn keys_are_created_without_the_guard_once_the_host_is_known_to_refuse_the_second_swap() {
    let (store, creation) = (MemoryStore::new(), Creation::new());
    // Each key is asked for twice.
    let first = GUARDED_FIRST / 2;
    assert_eq!(guarded(&store, &creation, first).await, first as usize);
    assert_eq!(guarded(&store, &creation, 50).await, 0);
}

#[tokio::test]
async fn on_stock_spin_every_key_stays_guarded() {
    let (store, creation) = (StockLike::default(), Creation::new());
    assert_eq!(guarded(&store, &creation, 50).await, 50);
}

#[tokio::test]
async fn a_failing_store_is_tried_again() {
    let (keys, creation) = (MemoryStore::new(), Creation::new());
    guarded(&keys, &creation, GUARDED_FIRST / 2).await;
    let broken = ScriptedStore::failing_after(0, keys.clone());
    assert!(creation.create(&broken, &Frozen, "k", b"new").await.is_err());
    assert_eq!(guarded(&keys, &creation, 1).await, 0);
}

#[tokio::test]
async fn guarded_and_unguarded_creators_agree_on_one_winner() {
    for _ in 0..100 {
        let store = MemoryStore::new();
        let tasks: Vec<_> = (0u8..16)
            .map(|n| {
                let store = store.clone();
                tokio::spawn(async move {
                    tokio::task::yield_now().await;
                    match n % 2 {
                        0 => guard::create(&store, &Frozen, "k", &[n]).await,
                        _ => store.compare_and_swap("k", None, &[n]).await,
                    }
                })
            })
            .collect();
        let mut winners = 0;
        for task in tasks {
            winners += u32::from(task.await.unwrap().unwrap());
        }
        assert_eq!(winners, 1);
    }
}

struct Frozen;

impl guard::Pace for Frozen {
    fn now_ms(&self) -> u64 {
        0
    }
    async fn pause(&self, _: u64) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_creator_that_died_before_it_wrote_the_value_is_replaced() {
    let store = StockLike::default();
    store.increment("created/k", 1).await.unwrap();
    assert_eq!(guard::create(&store, &Virtual::default(), "k", b"mine").await, Ok(true));
    assert_eq!(store.inner.get("k").await.unwrap().as_deref(), Some(&b"mine"[..]));
}

#[tokio::test]
async fn any_number_of_dead_creators_is_replaced() {
    let store = StockLike::default();
    store.increment("created/k", 1).await.unwrap();
    for _ in 0..100 {
        // The next ticket, whose holder dies as well.
        store.increment("created/k", 1).await.unwrap();
    }
    assert_eq!(guard::create(&store, &Virtual::default(), "k", b"mine").await, Ok(true));
    assert_eq!(store.inner.keys(), ["k"]);
}

#[test]
fn values_are_the_same_if_all_of_their_bytes_are() {
    let value: Vec<u8> = (0..21).collect();
    for length in 0..value.len() {
        assert!(same_bytes(&value[..length], &value.clone()[..length]));
        assert!(!same_bytes(&value[..length], &value[..=length]));
        for changed in 0..length {
            let mut other = value[..length].to_vec();
            other[changed] ^= 1;
            assert!(!same_bytes(&value[..length], &other), "{changed} of {length}");
        }
    }
}

#[tokio::test]
async fn too_much_unfinished_work_names_the_limit() {
    use axum::response::IntoResponse;
    use http_body_util::BodyExt;
    let problem = Problem::from(StoreError::Backlog { what: "things", max: 7 });
    let response = problem.into_response();
    assert_eq!(response.status().as_u16(), 503);
    assert_eq!(response.headers()["retry-after"], "5");
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        (&body["type"], &body["unfinished_max"]),
        (&"/problems/too-many-unfinished".into(), &7.into())
    );
    assert_eq!(body["detail"], "At most 7 things may be unfinished at once.");
}
