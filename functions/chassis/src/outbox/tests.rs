#![allow(clippy::unwrap_used, clippy::panic)]

mod model;

use super::marks::{Shard, Stored};
use super::*;
use crate::clock::now_ms;
use crate::events::Producer;
use crate::store::{Store, StoreError};
use crate::testing::{Behavior, MemoryProducer, MemoryStore, ScriptedStore};
use crate::worklist::Entry as _;
use serde_json::json;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Shelf {
    changes: u64,
    #[serde(default)]
    outbox: Outbox,
}

impl HasOutbox for Shelf {
    fn outbox(&self) -> &Outbox {
        &self.outbox
    }
    fn outbox_mut(&mut self) -> &mut Outbox {
        &mut self.outbox
    }
}

fn draft(subject: &str) -> Draft {
    Draft {
        source: "/shop/catalog".to_owned(),
        kind: "com.shop.catalog.product.changed.v1".to_owned(),
        subject: subject.to_owned(),
        at_ms: 0,
        data: json!({"sku": subject}),
    }
}

/// One more change, with an event for each of the subjects.
async fn change<S: Store, P: Producer>(
    relay: &Relay<S, P>,
    key: &str,
    subjects: &[&str],
) -> Result<(), StoreError> {
    let push = |shelf: Option<Shelf>| {
        let mut shelf = shelf.unwrap_or_default();
        shelf.changes += 1;
        for subject in subjects {
            shelf.outbox.push(draft(subject)).map_err(|e| StoreError::Unavailable(e.0))?;
        }
        Ok((shelf, ()))
    };
    relay.change(key, push).await
}

async fn shelf(store: &MemoryStore, key: &str) -> Shelf {
    store.read(key).await.unwrap().unwrap_or_default()
}

async fn marks(store: &MemoryStore) -> Shard {
    let mut all = Shard::new();
    for shard in 0..SHARDS {
        all.extend(store.read::<Shard>(&shard_key(shard)).await.unwrap().unwrap_or_default());
    }
    all
}

/// The key of a shard of marks.
fn shard_key(shard: u8) -> String {
    format!("outbox/marks/{shard}")
}

/// When every request of the test is over.
fn later() -> u64 {
    now_ms() + 2 * MARK_AGE_MS
}

/// The log has the numbers of each subject from 1, in order and once, as many as were pushed;
/// no outbox holds anything and no mark is left.
async fn assert_settled(store: &MemoryStore, log: &MemoryProducer, keys: &[&str]) {
    let mut pushed = 0;
    for key in keys {
        let outbox = shelf(store, key).await.outbox;
        assert!(outbox.is_empty(), "{key} has {:?}", outbox.pending);
        for (subject, last) in outbox.sequences {
            let events = log.events();
            let of_it = events.iter().filter(|e| e.subject.as_deref() == Some(subject.as_str()));
            let numbers: Vec<u64> = of_it.filter_map(Event::sequence).collect();
            assert_eq!(numbers, (1..=last).collect::<Vec<u64>>(), "{subject}");
            pushed += numbers.len();
        }
    }
    assert_eq!(log.events().len(), pushed);
    assert_eq!(marks(store).await, Shard::new());
}

#[test]
fn events_are_numbered_by_subject_and_removed_from_the_front() {
    let mut outbox = Outbox::default();
    for subject in ["a", "b", "a"] {
        outbox.push(draft(subject)).unwrap();
    }
    let ids: Vec<&str> = outbox.pending().iter().map(|event| event.id.as_str()).collect();
    assert_eq!(ids, ["a.1", "b.1", "a.2"]);
    let last = &outbox.pending()[2];
    assert_eq!((last.partition_key(), last.sequence()), ("a", Some(2)));
    assert_eq!(last.data, r#"{"sku":"a"}"#);
    outbox.settle(2);
    outbox.settle(1);
    assert_eq!((outbox.len(), outbox.last_sequence(), outbox.sequence_of("a")), (1, 3, 2));
    outbox.settle(99);
    outbox.push(draft("a")).unwrap();
    assert_eq!(outbox.pending()[0].id, "a.3", "numbers go on");
}

#[test]
fn an_outbox_is_bounded_and_refuses_events_that_the_log_would_refuse() {
    let mut outbox = Outbox::default();
    assert!(outbox.push(draft("")).is_err());
    let long = "x".repeat(tessera_cloudevents::DATA_BYTES_MAX);
    assert!(outbox.push(Draft { data: json!(long), ..draft("a") }).is_err());
    assert_eq!((outbox.last_sequence(), outbox.sequence_of("a")), (0, 0), "no number is used up");
    for _ in 0..PENDING_MAX {
        outbox.push(draft("a")).unwrap();
    }
    assert!(outbox.push(draft("a")).is_err());
}

#[test]
fn a_value_without_an_outbox_is_read() {
    let shelf: Shelf = serde_json::from_str(r#"{"changes":3}"#).unwrap();
    assert!(shelf.outbox.is_empty());
}

#[test]
fn the_trace_of_the_change_stays_with_its_events() {
    let mut outbox = Outbox::default();
    outbox.push(draft("a")).unwrap();
    outbox.trace("first");
    outbox.push(draft("a")).unwrap();
    outbox.trace("second");
    let traces: Vec<_> = outbox.pending().iter().map(|e| &e.extensions["traceparent"]).collect();
    assert_eq!(traces, ["first", "second"]);
}

#[tokio::test]
async fn a_change_publishes_and_leaves_nothing_behind() {
    let (store, log) = (MemoryStore::new(), MemoryProducer::new());
    let relay = Relay::new(store.clone(), log.clone());
    change(&relay, "k", &["a", "b"]).await.unwrap();
    change(&relay, "k", &["a"]).await.unwrap();
    assert_settled(&store, &log, &["k"]).await;
    assert_eq!(log.calls(), 2);
}

#[tokio::test]
async fn a_change_without_events_costs_no_mark() {
    let store = MemoryStore::new();
    // Enough for one read and one swap, and nothing else.
    let relay = Relay::new(ScriptedStore::failing_after(2, store.clone()), MemoryProducer::new());
    change(&relay, "k", &[]).await.unwrap();
    assert_eq!(store.keys(), ["k"]);
    let refuse = |_: Option<Shelf>| Err::<(Shelf, ()), _>(StoreError::Contended("no".to_owned()));
    let relay = Relay::new(ScriptedStore::failing_after(1, store.clone()), MemoryProducer::new());
    assert_eq!(relay.change("k", refuse).await, Err(StoreError::Contended("no".to_owned())));
}

#[tokio::test]
async fn a_change_succeeds_while_the_log_is_unavailable_and_is_published_later() {
    let (store, log) = (MemoryStore::new(), MemoryProducer::new());
    let relay = Relay::new(store.clone(), log.clone());
    log.set_down(true);
    for key in ["k1", "k2"] {
        for _ in 0..3 {
            change(&relay, key, &[key]).await.unwrap();
        }
    }
    assert_eq!(marks(&store).await.len(), 6, "each request has its own");
    let swept = relay.sweep::<Shelf>(later(), 100).await.unwrap();
    assert_eq!((swept.published, swept.failed), (0, 1), "one failure means that it is unreachable");
    assert_eq!(swept.marks, 2, "one old mark for each key is enough");
    log.set_down(false);
    let swept = relay.sweep::<Shelf>(later(), 100).await.unwrap();
    assert_eq!(swept, Swept { keys: 2, published: 6, failed: 0, marks: 0 });
    assert_settled(&store, &log, &["k1", "k2"]).await;
}

#[tokio::test]
async fn young_marks_stay_and_the_limit_holds() {
    let (store, log) = (MemoryStore::new(), MemoryProducer::new());
    let relay = Relay::new(store.clone(), log.clone());
    for key in ["k1", "k2", "k3"] {
        let _kept = relay.mark(key).await.unwrap();
    }
    let swept = relay.sweep::<Shelf>(now_ms(), 2).await.unwrap();
    assert_eq!(swept, Swept { keys: 2, published: 0, failed: 0, marks: 3 });
    assert_eq!(relay.sweep::<Shelf>(later(), 9).await.unwrap().marks, 0);
}

#[tokio::test]
async fn the_mark_of_a_dead_request_outlives_a_younger_one() {
    let (store, log) = (MemoryStore::new(), MemoryProducer::new());
    let relay = Relay::new(store.clone(), log.clone());
    log.set_down(true);
    change(&relay, "k", &["a"]).await.unwrap();
    let dead = marks(&store).await;
    // Another writer is about to change it, and may still find nothing to do.
    let young = relay.mark("k").await.unwrap();
    for shard in 0..SHARDS {
        let age = |shard: &mut Shard| {
            shard.iter_mut().for_each(|(id, entry)| {
                if dead.contains_key(id) {
                    entry.at_ms = 0;
                }
            });
            Ok::<_, StoreError>(())
        };
        store.modify(&shard_key(shard), age).await.unwrap();
    }
    assert_eq!(relay.sweep::<Shelf>(now_ms(), 9).await.unwrap().marks, 2);
    relay.unmark(young).await.unwrap();
    log.set_down(false);
    relay.sweep::<Shelf>(later(), 9).await.unwrap();
    assert_settled(&store, &log, &["k"]).await;
}

#[tokio::test]
async fn a_mark_becomes_invalid_before_a_sweep_may_remove_it() {
    let relay = Relay::new(MemoryStore::new(), MemoryProducer::new());
    let mark = relay.mark("k").await.unwrap();
    let at_ms = mark.0.since_ms();
    assert!(mark.is_valid(at_ms) && mark.is_valid(at_ms + MARK_AGE_MS / 2 - 1));
    assert!(!mark.is_valid(at_ms + MARK_AGE_MS / 2));
}

#[tokio::test]
async fn an_unreadable_value_does_not_stop_the_others() {
    let (store, log) = (MemoryStore::new(), MemoryProducer::new());
    let relay = Relay::new(store.clone(), log.clone());
    let _kept = relay.mark("bad").await.unwrap();
    store.set("bad", b"{").await.unwrap();
    log.set_down(true);
    change(&relay, "good", &["a"]).await.unwrap();
    log.set_down(false);
    let swept = relay.sweep::<Shelf>(later(), 9).await.unwrap();
    assert_eq!(swept, Swept { keys: 2, published: 1, failed: 1, marks: 1 });
}

#[tokio::test]
async fn a_full_index_refuses_changes_before_anything_is_written() {
    let store = MemoryStore::new();
    let relay = Relay::new(store.clone(), MemoryProducer::new());
    let entry = Stored { key: "other".to_owned(), at_ms: 0 };
    let full: Shard = (0..MARKS_MAX).map(|n| (n.to_string(), entry.clone())).collect();
    for shard in 0..SHARDS {
        store.write(&shard_key(shard), &full).await.unwrap();
    }
    let what = "outboxes in one part of their index";
    let refused = Err(StoreError::Backlog { what, max: MARKS_MAX });
    assert_eq!(change(&relay, "k", &["a"]).await, refused);
    assert_eq!(store.get("k").await.unwrap(), None);
}

#[tokio::test]
async fn an_unreadable_part_of_the_index_does_not_stop_the_others() {
    let (store, log) = (MemoryStore::new(), MemoryProducer::new());
    let relay = Relay::new(store.clone(), log.clone());
    log.set_down(true);
    change(&relay, "k", &["a"]).await.unwrap();
    log.set_down(false);
    for shard in 0..SHARDS {
        if store.get(&shard_key(shard)).await.unwrap().is_none() {
            store.set(&shard_key(shard), b"?").await.unwrap();
        }
    }
    let swept = relay.sweep::<Shelf>(now_ms(), 100).await;
    assert!(matches!(swept, Err(StoreError::Corrupt { .. })), "{swept:?}");
    assert_eq!(log.events().len(), 1);
}

#[tokio::test]
async fn many_events_are_published_in_batches_up_to_the_first_that_fails() {
    let (store, log) = (MemoryStore::new(), MemoryProducer::new());
    let mut shelf = Shelf::default();
    for _ in 0..PENDING_MAX {
        shelf.outbox.push(draft("a")).unwrap();
    }
    store.write("k", &shelf).await.unwrap();
    let relay = Relay::new(store.clone(), log.clone());
    log.plan([Behavior::Accept, Behavior::AcceptAndFail(7)]);
    assert!(relay.flush::<Shelf>("k").await.is_err());
    assert_eq!((log.calls(), log.events().len()), (2, 107));
    let flushed = relay.flush::<Shelf>("k").await.unwrap();
    assert_eq!((flushed.published, flushed.left), (PENDING_MAX, 0));
    assert_settled(&store, &log, &["k"]).await;
}

/// The process dies after 0, 1, 2, … operations of the store; the response of the log may get
/// lost besides.
#[tokio::test]
async fn a_sweep_publishes_what_a_crash_at_any_step_has_left() {
    for lost in [None, Some(Behavior::AcceptAndFail(1)), Some(Behavior::Refuse)] {
        for operations in 0..12 {
            let (store, log) = (MemoryStore::new(), MemoryProducer::new());
            change(&Relay::new(store.clone(), log.clone()), "k", &["a"]).await.unwrap();
            log.plan(lost);
            let dying = ScriptedStore::failing_after(operations, store.clone());
            let result = change(&Relay::new(dying, log.clone()), "k", &["a", "a"]).await;
            if result.is_ok() {
                assert_eq!(shelf(&store, "k").await.changes, 2, "acknowledged is durable");
            }
            let relay = Relay::new(store.clone(), log.clone());
            log.plan([Behavior::Accept; 4]);
            for _ in 0..2 {
                relay.sweep::<Shelf>(later(), 100).await.unwrap();
            }
            assert_settled(&store, &log, &["k"]).await;
        }
    }
}
