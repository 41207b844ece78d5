//! A rebuilt projection has the same bytes.

use chassis::testing::ScriptedStore;
use proptest::prelude::*;

use super::convergence::{block_on, story, straight};
use super::*;
use OrderEvent;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Some events are processed before the rebuild starts. The others are published and delivered
    /// while it runs, some of them twice. Sweeps are interrupted by the clock and by the store.
    #[test]
    fn a_rebuild_during_live_events_results_in_the_same_bytes(
        story in story(),
        start in any::<prop::sample::Index>(),
        moves in prop::collection::vec((0..4_usize, 0..60_usize), 1..40),
    ) {
        block_on(async {
            let (store, log) = (MemoryStore::new(), TestLog::default());
            let history = OrderHistory::new(store.clone(), log.clone(), clock(3_000));
            let start = start.index(story.len() + 1);
            for event in &story[..start] {
                log.append(event.clone());
                history.receive(event).await.unwrap();
            }
            assert_eq!(history.rebuild().await.unwrap(), Started::Building(2));
            let mut rest = story[start..].iter();
            for (kind, grants) in moves {
                match kind {
                    0 => drop(history.sweep().await.unwrap()),
                    1 => {
                        let failing = ScriptedStore::failing_after(grants, store.clone());
                        let clock = clock(1_000);
                        let _ = OrderHistory::new(failing, log.clone(), clock).sweep().await;
                    }
                    _ => if let Some(event) = rest.next() {
                        log.append(event.clone());
                        let failing = ScriptedStore::failing_after(grants, store.clone());
                        let clock = clock(0);
                        let crashed = OrderHistory::new(failing, log.clone(), clock);
                        let _ = crashed.receive(event).await;
                        history.receive(event).await.unwrap();
                    },
                }
            }
            for event in rest {
                log.append(event.clone());
                history.receive(event).await.unwrap();
            }
            while history.control().await.unwrap().building.is_some() {
                history.sweep().await.unwrap();
            }
            assert_eq!(history.control().await.unwrap().serving, 2);
            assert_eq!(dump(&store, 2).await, straight(&story).await);
        });
    }
}

#[tokio::test]
async fn the_old_generation_serves_until_the_new_one_is_complete() {
    let (history, store, log, _) = history();
    for number in 0..10 {
        log.append(placed(number).event());
        history.receive(&placed(number).event()).await.unwrap();
    }
    let before = history.status().await.unwrap();
    history.rebuild().await.unwrap();
    let failing = ScriptedStore::failing_after(30, store.clone());
    OrderHistory::new(failing, log, clock(0)).sweep().await.unwrap_err();
    let during = history.status().await.unwrap();
    assert_eq!((during.generation, during.entries), (1, 10));
    assert!(matches!(during.rebuilding.unwrap().stage, Stage::Reading { .. }));
    assert_eq!(during.digest, before.digest);
    history.sweep().await.unwrap();
    let after = history.status().await.unwrap();
    assert_eq!((after.generation, after.rebuilding), (2, None));
    assert_eq!(after.digest, before.digest);
}

#[tokio::test]
async fn a_rebuild_repairs_damage_and_copies_orders_without_events() {
    let (history, store, log, _) = history();
    for number in 1..=4 {
        log.append(placed(number).event());
        history.receive(&placed(number).event()).await.unwrap();
    }
    history.receive(&named(1, 1, "Ada")).await.unwrap();
    let whole = dump(&store, 1).await;
    log.remove_oldest(2);
    let key = format!("g1/order/{}", order_id(4));
    let bytes = String::from_utf8(store.get(&key).await.unwrap().unwrap()).unwrap();
    store.set(&key, bytes.replace("pending", "delivered").as_bytes()).await.unwrap();
    history.rebuild().await.unwrap();
    let swept = history.sweep().await.unwrap();
    assert_eq!((swept.events_read, swept.orders_carried, swept.generations_switched), (2, 2, 1));
    assert_eq!(dump(&store, 2).await, whole);
}

#[tokio::test]
async fn a_generation_is_removed_when_no_request_can_read_it() {
    let (history, store, log, clock) = history();
    for number in 0..6 {
        let order = OrderEvent { day: number % 2, user: number % 3, ..placed(number) };
        log.append(order.event());
        history.receive(&order.event()).await.unwrap();
    }
    history.receive(&named(1, 1, "Ada")).await.unwrap();
    history.rebuild().await.unwrap();
    history.sweep().await.unwrap();
    assert!(!dump(&store, 1).await.is_empty(), "requests may still read it");
    clock.advance(GRACE_MS);
    for operations in 0.. {
        let failing = ScriptedStore::failing_after(operations, store.clone());
        if OrderHistory::new(failing, log.clone(), clock.clone()).sweep().await.is_ok() {
            break;
        }
    }
    assert_eq!(dump(&store, 1).await, std::collections::BTreeMap::new());
    assert_eq!(history.status().await.unwrap().entries, 6);
    assert_eq!(history.control().await.unwrap().retired, []);
}

#[tokio::test]
async fn a_second_request_does_not_start_another_rebuild() {
    let (history, ..) = history();
    assert_eq!(history.rebuild().await.unwrap(), Started::Building(2));
    assert_eq!(history.rebuild().await.unwrap(), Started::Building(2));
    history.sweep().await.unwrap();
    assert_eq!(history.rebuild().await.unwrap(), Started::Building(3));
}

#[tokio::test]
async fn without_the_log_a_rebuild_waits_and_queries_work() {
    let (history, _, log, _) = history();
    log.append(placed(1).event());
    history.receive(&placed(1).event()).await.unwrap();
    history.rebuild().await.unwrap();
    log.fail();
    assert!(matches!(history.sweep().await, Err(SweepError::Log(_))));
    let status = history.status().await.unwrap();
    assert_eq!((status.entries, status.lags), (1, None));
}
