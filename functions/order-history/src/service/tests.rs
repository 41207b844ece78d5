#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod convergence;
mod growth;
mod rebuilding;

use chassis::clock::Clock;
use chassis::testing::{ManualClock, MemoryStore};

use super::*;
use crate::domain::Entry;
use crate::testing::{
    NOON_MS, OrderEvent, TestLog, clock, deleted, dump, name_sealed, named, order_id, placed,
    user_id,
};

type History = OrderHistory<MemoryStore, TestLog, ManualClock>;

fn history() -> (History, MemoryStore, TestLog, ManualClock) {
    let (store, log, clock) = (MemoryStore::new(), TestLog::default(), clock(0));
    (OrderHistory::new(store.clone(), log.clone(), clock.clone()), store, log, clock)
}

#[tokio::test]
async fn the_last_event_determines_the_order() {
    let (history, ..) = history();
    for (sequence, status) in [(1, "pending"), (2, "confirmed")] {
        let order = OrderEvent { sequence, status, ..placed(1) };
        history.receive(&order.event()).await.unwrap();
    }
    let entry = history.find(&order_id(1)).await.unwrap().unwrap();
    assert_eq!((entry.order.status.as_str(), entry.sequence), ("confirmed", 2));
}

#[tokio::test]
async fn a_parked_order_has_its_reason_until_it_continues() {
    let (history, ..) = history();
    let order = |sequence, status| OrderEvent { sequence, status, ..placed(1) };
    let parked = || async { history.find(&order_id(1)).await.unwrap().unwrap().parked };
    history.receive(&order(1, "pending").event()).await.unwrap();
    history.receive(&order(2, "pending").parked("no refund")).await.unwrap();
    assert_eq!(parked().await.as_deref(), Some("no refund"));
    history.receive(&order(3, "cancelled").event()).await.unwrap();
    assert_eq!(parked().await, None);
}

#[tokio::test]
async fn an_event_after_a_gap_is_refused_and_changes_nothing() {
    let (history, store, ..) = history();
    let late = OrderEvent { sequence: 2, status: "confirmed", ..placed(1) };
    assert_eq!(history.receive(&late.event()).await, Err(ReceiveError::Early { expected: 1 }));
    assert_eq!(store.keys(), Vec::<String>::new());
}

#[tokio::test]
async fn unknown_events_are_ignored_and_malformed_ones_refused() {
    let (history, store, ..) = history();
    let good = placed(1).event();
    for kind in ["com.shop.shipping.shipment.changed.v1", "com.shop.orders.order.placed.v2"] {
        let mut other = good.clone();
        other.kind = kind.to_owned();
        assert_eq!(history.receive(&other).await, Ok(()), "{kind}");
    }
    let mut elsewhere = good.clone();
    elsewhere.source = "/shop/else".to_owned();
    assert_eq!(history.receive(&elsewhere).await, Ok(()));
    assert_eq!(store.keys(), Vec::<String>::new());
    type Damage = fn(&mut Event);
    let damages: [Damage; 6] = [
        |event| event.data = "{".to_owned(),
        |event| event.data = "{}".to_owned(),
        |event| event.subject = Some("ord_else".to_owned()),
        |event| event.subject = None,
        |event| drop(event.extensions.remove("sequence")),
        |event| event.time = None,
    ];
    for (index, damage) in damages.into_iter().enumerate() {
        let mut broken = good.clone();
        damage(&mut broken);
        let answer = history.receive(&broken).await;
        assert!(matches!(answer, Err(ReceiveError::Malformed(_))), "{index}: {answer:?}");
    }
    assert_eq!(store.keys(), Vec::<String>::new());
}

#[tokio::test]
async fn an_older_name_does_not_replace_a_newer_one() {
    let (history, ..) = history();
    history.receive(&named(1, 2, "Ada Lovelace")).await.unwrap();
    history.receive(&named(1, 1, "Ada Byron")).await.unwrap();
    assert_eq!(history.name_of(&user_id(1)).await.unwrap().as_deref(), Some("Ada Lovelace"));
    assert_eq!(history.name_of(&user_id(2)).await.unwrap(), None);
}

#[tokio::test]
async fn a_sealed_name_is_readable_until_the_account_is_deleted() {
    let (history, store, log, _) = history();
    let key = [1; 32];
    log.persons.set(&user_id(1), Some(key));
    let events = [name_sealed(1, 1, "Ada", &key), name_sealed(1, 2, "Ada L.", &key)];
    for event in &events {
        history.receive(event).await.unwrap();
        log.append(event.clone());
    }
    assert_eq!(history.name_of(&user_id(1)).await.unwrap().as_deref(), Some("Ada L."));
    log.persons.set(&user_id(1), None);
    history.receive(&deleted(1, 3)).await.unwrap();
    log.append(deleted(1, 3));
    history.receive(&events[0]).await.unwrap();
    assert_eq!(history.name_of(&user_id(1)).await.unwrap(), None);
    for key in store.keys() {
        let value = store.get(&key).await.unwrap().unwrap();
        assert!(!String::from_utf8_lossy(&value).contains("Ada"), "{key}");
    }
    history.rebuild().await.unwrap();
    history.sweep().await.unwrap();
    assert_eq!(history.name_of(&user_id(1)).await.unwrap(), None);
}

#[tokio::test]
async fn each_caller_waits_for_one_event_at_a_time() {
    let (history, _, _, clock) = history();
    history.receive(&placed(1).event()).await.unwrap();
    let next: domain::Position = format!("{}.2", order_id(1)).parse().unwrap();
    assert!(history.begin_wait("usr_1", NOON_MS).await.unwrap());
    let before_ms = clock.now_ms();
    assert_eq!(history.wait_for(&next, None, "usr_1").await, Err(ReadError::Behind));
    assert_eq!(clock.now_ms(), before_ms, "at once");
    assert_eq!(history.wait_for(&next, None, "usr_2").await, Err(ReadError::Behind));
    assert_eq!(clock.now_ms(), before_ms + POSITION_WAIT_MAX_MS);
    history.end_wait("usr_1", NOON_MS).await.unwrap();
    assert_eq!(history.wait_for(&next, None, "usr_1").await, Err(ReadError::Behind));
    assert_eq!(clock.now_ms(), before_ms + 2 * POSITION_WAIT_MAX_MS, "and again afterwards");
}

#[tokio::test]
async fn the_audit_lists_all_orders_once_in_pages() {
    let (history, ..) = history();
    for number in [5, 3, 9, 1, 7, 2] {
        let order = OrderEvent { day: number % 3, user: number % 2, ..placed(number) };
        history.receive(&order.event()).await.unwrap();
    }
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let (entries, next) = history.all(after.as_ref(), 2).await.unwrap();
        assert!(entries.len() <= 2);
        seen.extend(entries.iter().map(Entry::sort_key));
        match next {
            Some(key) => after = Some(key),
            None => break,
        }
    }
    assert_eq!(seen.len(), 6);
    assert!(seen.is_sorted(), "oldest first");
}

#[tokio::test]
async fn an_event_that_is_delivered_again_is_counted_once() {
    let (history, ..) = history();
    let order = |sequence, status| OrderEvent { sequence, status, ..placed(1) };
    for event in [order(1, "pending").event(), order(2, "confirmed").event()] {
        for _ in 0..3 {
            history.receive(&event).await.unwrap();
        }
    }
    history.receive(&order(1, "pending").event()).await.unwrap();
    let cancelled = OrderEvent { sequence: 1, status: "cancelled", ..placed(2) };
    history.receive(&cancelled.event()).await.unwrap();
    let summary = history.summary("2026-01-31", "2026-01-31").await.unwrap();
    let figures = summary[0].figures;
    assert_eq!(summary.len(), 1);
    assert_eq!((figures.orders, figures.confirmed, figures.cancelled), (2, 1, 1));
    assert_eq!(figures.revenue, 1_000);
    assert!(history.summary("2026-02-01", "2026-03-01").await.unwrap().is_empty());
}

#[tokio::test]
async fn the_digest_changes_with_every_byte() {
    let (history, store, ..) = history();
    let digest = || async { history.status().await.unwrap().digest.unwrap() };
    let empty = digest().await;
    history.receive(&placed(1).event()).await.unwrap();
    let one = digest().await;
    let key = format!("g1/order/{}", order_id(1));
    let bytes = String::from_utf8(store.get(&key).await.unwrap().unwrap()).unwrap();
    store.set(&key, bytes.replace("pending", "Pending").as_bytes()).await.unwrap();
    let edited = digest().await;
    history.receive(&named(1, 1, "Ada")).await.unwrap();
    let digests = [empty, one, edited, digest().await];
    let distinct: std::collections::BTreeSet<_> = digests.iter().collect();
    assert_eq!(distinct.len(), digests.len());
}
