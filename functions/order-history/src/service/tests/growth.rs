//! A large shop needs more steps, but not longer ones.

use std::collections::BTreeMap;

use chassis::testing::ScriptedStore;

use super::*;
use crate::records::{NAME_SHARDS, REMOVED_MAX};

const MANY: u64 = 1_000;
/// Sweeps that are interrupted this early make no progress if steps grow with the shop.
const OPERATIONS: usize = 5 * REMOVED_MAX + 16;

/// Sweeps with a store that fails early, like a killed process.
async fn sweep_and_die(store: &MemoryStore, log: &TestLog, clock: &ManualClock) {
    let failing = ScriptedStore::failing_after(OPERATIONS, store.clone());
    let _ = OrderHistory::new(failing, log.clone(), clock.clone()).sweep().await;
}

#[tokio::test]
async fn names_are_copied_in_one_write_per_shard() {
    let (history, store, log, clock) = history();
    for user in 0..MANY {
        history.receive(&named(user, 1, "Ada")).await.unwrap();
    }
    history.rebuild().await.unwrap();
    let failing = ScriptedStore::failing_after(10 * NAME_SHARDS as usize, store.clone());
    OrderHistory::new(failing, log, clock).sweep().await.unwrap();
    assert_eq!(history.control().await.unwrap().serving, 2);
    assert_eq!(dump(&store, 2).await, dump(&store, 1).await);
}

#[tokio::test]
async fn names_are_copied_by_interrupted_sweeps_and_the_newest_stay() {
    let (_, store, log, _) = history();
    let clock = clock(1_000);
    let history = OrderHistory::new(store.clone(), log.clone(), clock.clone());
    for user in 0..MANY {
        history.receive(&named(user, 2, "Ada")).await.unwrap();
    }
    log.append(named(1, 1, "Only in the log, older"));
    log.append(named(2, 3, "Only in the log, newer"));
    history.rebuild().await.unwrap();
    history.sweep().await.unwrap();
    assert_eq!(history.control().await.unwrap().serving, 1, "it looks at the clock");
    for _ in 0..NAME_SHARDS {
        sweep_and_die(&store, &log, &clock).await;
    }
    assert_eq!(history.control().await.unwrap().serving, 2);
    let name_of = async |user| history.name_of(&user_id(user)).await.unwrap();
    assert_eq!(name_of(1).await.as_deref(), Some("Ada"));
    assert_eq!(name_of(2).await.as_deref(), Some("Only in the log, newer"));
    assert_eq!(history.status().await.unwrap().names, MANY);
}

/// A shop after a rebuild, whose old generation can be removed.
async fn with_retired_orders(look_ms: u64) -> (MemoryStore, TestLog, ManualClock) {
    let (history, store, log, _) = history();
    for number in 0..MANY {
        let order = OrderEvent { user: number % 7, ..placed(number) };
        history.receive(&order.event()).await.unwrap();
    }
    history.receive(&named(1, 1, "Ada")).await.unwrap();
    history.rebuild().await.unwrap();
    history.sweep().await.unwrap();
    let clock = clock(look_ms);
    clock.advance(GRACE_MS);
    (store, log, clock)
}

#[tokio::test]
async fn a_removal_checks_the_clock_within_a_day() {
    let (store, log, clock) = with_retired_orders(SWEEP_MS / 2 + 1).await;
    let history = OrderHistory::new(store.clone(), log, clock);
    let left = async || {
        let keys = store.keys();
        keys.iter().filter(|key| key.starts_with("g1/order/")).count()
    };
    while left().await > 0 {
        let before = left().await;
        history.sweep().await.unwrap();
        let removed = before - left().await;
        assert!((1..=REMOVED_MAX).contains(&removed), "{removed} in one step");
    }
}

#[tokio::test]
async fn an_interrupted_removal_continues_within_the_same_day() {
    let (store, log, clock) = with_retired_orders(0).await;
    for _ in 0..2 * MANY as usize / REMOVED_MAX {
        sweep_and_die(&store, &log, &clock).await;
    }
    assert_eq!(dump(&store, 1).await.len(), 0);
    let history = OrderHistory::new(store, log, clock);
    assert_eq!(history.control().await.unwrap().retired, []);
    assert_eq!(history.status().await.unwrap().entries, MANY);
}

#[tokio::test]
async fn shared_indexes_grow_as_slowly_as_documented() {
    let (history, store, ..) = history();
    for number in 0..MANY {
        let order = OrderEvent { status: "confirmed", user: number, ..placed(number) };
        history.receive(&order.event()).await.unwrap();
        history.receive(&named(number, 1, "")).await.unwrap();
    }
    let largest = |values: &BTreeMap<String, String>, prefix: &str| {
        let values = values.iter().filter(|(key, _)| key.starts_with(prefix));
        values.map(|(_, value)| value.len()).max().unwrap()
    };
    let values = dump(&store, 1).await;
    // A shard may have half as much again as its part.
    assert!(largest(&values, "day/") < 300 * MANY as usize / 16 * 3 / 2);
    assert!(largest(&values, "names/") < 200 * MANY as usize / 64 * 3 / 2);
    assert!(largest(&values, "days") < 70);
}
