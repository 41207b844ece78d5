//! Creators that die, stall or use a slow store, on a store like stock Spin's.

#![allow(clippy::unwrap_used)]
use super::*;
use crate::store::interleavings::{End, Script, SteppedStore, at_once, explore};
use crate::testing::{MemoryStore, Operation, ScriptedStore};
use std::pin::Pin;

const CLOCK: &str = "test/clock";
/// Creators in the last operation before the key exists.
const WRITING: &str = "test/writing";
/// Writes of the key by creators.
const WRITES: &str = "test/writes";

type Created = Result<bool, StoreError>;

fn number(store: &MemoryStore, key: &str) -> u64 {
    let bytes = at_once(store.get(key)).unwrap().unwrap();
    bytes.map_or(0, |bytes| u64::from_le_bytes(bytes.try_into().unwrap()))
}

fn add(store: &MemoryStore, key: &str, delta: i64) {
    at_once(store.increment(key, delta)).unwrap().unwrap();
}

/// All keys except those of the test itself.
fn left(store: &MemoryStore) -> Vec<String> {
    store.keys().into_iter().filter(|key| !key.starts_with("test/")).collect()
}

/// Stock Spin's swap on an absent key reads and then overwrites. After each change of the register,
/// the caller may stall before it gets the result.
#[derive(Clone)]
struct Stock(SteppedStore);

struct Writing(MemoryStore);

impl Writing {
    fn begin(store: &MemoryStore) -> Writing {
        add(store, WRITING, 1);
        Writing(store.clone())
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        add(&self.0, WRITING, -1);
    }
}

impl Store for Stock {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.get(key).await
    }

    async fn set(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.0.set(key, value).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.0.delete(key).await
    }

    async fn increment(&self, key: &str, delta: i64) -> Result<i64, StoreError> {
        let sum = self.0.increment(key, delta).await?;
        self.0.get("test/answer").await?;
        Ok(sum)
    }

    async fn compare_and_swap(
        &self,
        key: &str,
        expected: Option<&[u8]>,
        new: &[u8],
    ) -> Result<bool, StoreError> {
        if expected.is_some() {
            let swapped = self.0.compare_and_swap(key, expected, new).await?;
            self.0.get("test/answer").await?;
            return Ok(swapped);
        }
        let _writing = Writing::begin(&self.0.inner);
        if self.0.get(key).await?.is_some() {
            return Ok(false);
        }
        self.0.set(key, new).await?;
        add(&self.0.inner, WRITES, 1);
        Ok(true)
    }
}

/// Time passes only while a caller pauses, and not during the last operation of a creator: this is
/// the assumption of the guard. One look at the key stands for many.
struct SteppedPace(SteppedStore);

impl Pace for SteppedPace {
    const POLL_MS: u64 = PATIENCE_MS;
    // More would be too many states.
    const ATTEMPTS_MAX: u32 = 2;

    fn now_ms(&self) -> u64 {
        let now_ms = number(&self.0.inner, CLOCK);
        self.0.hear(&now_ms);
        now_ms
    }

    async fn pause(&self, ms: u64) {
        if number(&self.0.inner, WRITING) == 0 {
            add(&self.0.inner, CLOCK, ms.cast_signed());
        }
    }
}

fn creator(
    store: SteppedStore,
    value: &'static [u8],
) -> Pin<Box<dyn Future<Output = Created> + Send>> {
    Box::pin(async move {
        let pace = SteppedPace(store.clone());
        create(&Stock(store), &pace, "k", value).await
    })
}

const CREATORS: [Script<Created>; 2] = [|store| creator(store, b"0"), |store| creator(store, b"1")];

fn at_most_one_write(store: &MemoryStore) {
    assert!(number(store, WRITES) <= 1, "a creator has overwritten the value of another one");
}

fn one_winner_and_a_key_that_can_be_created(store: &MemoryStore, ends: &[End<Created>]) {
    let winners: Vec<usize> =
        (0..ends.len()).filter(|index| ends[*index] == End::Done(Ok(true))).collect();
    let value = at_once(store.get("k")).unwrap().unwrap();
    assert!(winners.len() <= 1, "{ends:?}");
    for winner in winners {
        assert_eq!(value, Some(winner.to_string().into_bytes()), "{ends:?}");
        if !ends.contains(&End::Died) {
            assert_eq!(left(store), ["k"], "a register is left");
        }
    }
    let next = at_once(create(store, &Instant(store.clone()), "k", b"next")).unwrap();
    assert_eq!(next, Ok(value.is_none()), "{ends:?}");
}

/// Time passes in pauses only.
struct Instant(MemoryStore);

impl Pace for Instant {
    fn now_ms(&self) -> u64 {
        number(&self.0, CLOCK)
    }

    async fn pause(&self, ms: u64) {
        add(&self.0, CLOCK, ms.cast_signed());
    }
}

#[test]
fn at_most_one_creator_writes_in_any_order_and_with_deaths_at_any_step() {
    let check = one_winner_and_a_key_that_can_be_created;
    explore(MemoryStore::new, &CREATORS, 2, at_most_one_write, check).unwrap();
}

#[test]
fn the_same_holds_after_a_creator_that_died() {
    let died = || {
        let store = MemoryStore::new();
        add(&store, "created/k", first_ticket(0));
        store
    };
    let check = one_winner_and_a_key_that_can_be_created;
    explore(died, &CREATORS, 1, at_most_one_write, check).unwrap();
}

/// A store whose operations take this long.
fn slow(store: &MemoryStore, ms: u64) -> ScriptedStore {
    let clock = store.clone();
    ScriptedStore::new(store.clone()).before(move |_, _| {
        add(&clock, CLOCK, ms.cast_signed());
        async { Ok(()) }
    })
}

#[tokio::test]
async fn a_store_that_is_too_slow_makes_no_key_unusable() {
    let store = MemoryStore::new();
    let pace = Instant(store.clone());
    let slow = slow(&store, 2 * patience_ms(0));
    for _ in 0..20 {
        assert_eq!(create(&slow, &pace, "k", b"slow").await, Err(super::slow()));
    }
    assert_eq!(create(&store, &pace, "k", b"fast").await, Ok(true));
    assert_eq!(create(&slow, &pace, "k", b"slow").await, Ok(false));
    assert_eq!(left(&store), ["k"]);
}

#[tokio::test]
async fn a_slow_store_gets_more_patience_within_one_call() {
    let store = MemoryStore::new();
    let slow = slow(&store, PATIENCE_MS / HOLDER_SHARE + 1);
    assert_eq!(create(&slow, &Instant(store.clone()), "k", b"slow").await, Ok(true));
    assert_eq!(left(&store), ["k"]);
}

#[tokio::test]
async fn creators_that_die_at_any_step_make_no_key_unusable() {
    for operations in 0..200 {
        let store = MemoryStore::new();
        let pace = Instant(store.clone());
        for _ in 0..10 {
            let dying = ScriptedStore::failing_after(operations, store.clone());
            let _ = create(&dying, &pace, "k", b"dead").await;
        }
        let absent = store.get("k").await.unwrap().is_none();
        let created = create(&store, &pace, "k", b"alive").await;
        assert_eq!(created, Ok(absent), "{operations} operations");
    }
}

#[tokio::test]
async fn a_key_that_was_deleted_is_created_again_without_waiting() {
    let store = MemoryStore::new();
    let pace = Instant(store.clone());
    for _ in 0..20 {
        assert_eq!(create(&store, &pace, "k", b"again").await, Ok(true));
        store.delete("k").await.unwrap();
    }
    assert_eq!(number(&store, CLOCK), 0);
    assert_eq!(left(&store), [""; 0]);
}

#[test]
fn others_wait_at_least_as_long_as_the_holder_expects() {
    let first = first_ticket(1_800_000_000_000);
    assert_eq!(patience_ms(first), PATIENCE_MS);
    for raised in 1..1_000 {
        let sum = first + raised * first_ticket(1_800_000_000_001);
        assert!(patience_ms(sum) >= patience_ms(first), "{raised}");
    }
    assert_eq!(patience_ms(first + 1), 2 * PATIENCE_MS);
    assert_eq!(patience_ms(first + 9), patience_ms(first + 2));
}

#[tokio::test]
async fn a_creator_that_stalls_for_minutes_after_it_took_the_ticket_writes_nothing() {
    let store = MemoryStore::new();
    let inner = store.clone();
    let late = |operation: Operation, key: &str| {
        assert!(operation != Operation::Swap || key != "k", "a late creator writes");
        async { Ok(()) }
    };
    let stall = move |operation, _: &str| {
        let inner = inner.clone();
        async move {
            if operation != Operation::Increment {
                return Ok(());
            }
            let other = create(&inner, &Instant(inner.clone()), "k", b"other").await;
            assert_eq!(other, Ok(true));
            inner.set("k", b"changed").await?;
            add(&inner, CLOCK, 300_000);
            Ok(())
        }
    };
    let stalled = ScriptedStore::new(store.clone()).before(late).after(stall);
    let created = create(&stalled, &Instant(store.clone()), "k", b"late").await;
    assert_eq!(created, Ok(false));
    assert_eq!(store.get("k").await.unwrap().as_deref(), Some(&b"changed"[..]));
}
