#![allow(clippy::unwrap_used)]
use super::*;
use crate::testing::{MemoryStore, ScriptedStore};
use serde::Deserialize;
use std::future::ready;
use std::sync::Mutex;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Parcel {
    order: String,
    request: String,
    at_ms: u64,
}

impl Entry for Parcel {
    type List = Vec<Self>;

    fn subject(&self) -> &str {
        &self.order
    }

    fn since_ms(&self) -> u64 {
        self.at_ms
    }

    fn is_same(&self, other: &Self) -> bool {
        (&self.order, &self.request) == (&other.order, &other.request)
    }
}

const OPTIONS: Options =
    Options { prefix: "parcels", shards: 4, shard_length_max: 3, what: "parcels" };

fn parcel(order: &str, request: &str, at_ms: u64) -> Parcel {
    Parcel { order: order.to_owned(), request: request.to_owned(), at_ms }
}

fn list<S: Store>(store: S) -> Worklist<S, Parcel> {
    Worklist::new(store, OPTIONS)
}

/// A list with two parcels for each of these orders.
async fn filled(orders: &[&str]) -> Worklist<MemoryStore, Parcel> {
    let list = Worklist::new(MemoryStore::new(), Options { shard_length_max: 100, ..OPTIONS });
    for (at, order) in orders.iter().enumerate() {
        for request in ["r1", "r2"] {
            list.put(&parcel(order, request, at as u64)).await.unwrap();
        }
    }
    list
}

/// Handlers of routes have to be `Send`.
fn spawnable<F: Future + Send>(future: F) -> F {
    future
}

const ORDERS: [&str; 6] = ["o1", "o2", "o3", "o4", "o5", "o6"];

async fn subjects(list: &Worklist<MemoryStore, Parcel>) -> Vec<String> {
    let mut subjects: Vec<_> =
        list.entries().await.unwrap().into_iter().map(|it| it.order).collect();
    subjects.sort();
    subjects.dedup();
    subjects
}

#[tokio::test]
async fn an_entry_about_the_same_work_is_replaced() {
    let list = list(MemoryStore::new());
    list.put(&parcel("o1", "r1", 1)).await.unwrap();
    list.put(&parcel("o1", "r2", 2)).await.unwrap();
    list.put(&parcel("o1", "r1", 3)).await.unwrap();
    let entries = list.entries().await.unwrap();
    assert_eq!(entries, [parcel("o1", "r1", 3), parcel("o1", "r2", 2)]);
    list.forget(list.shard("o1"), &[parcel("o1", "r1", 1), parcel("o1", "r2", 2)]).await.unwrap();
    assert_eq!(list.entries().await.unwrap(), [parcel("o1", "r1", 3)], "it was replaced");
    list.remove("o1").await.unwrap();
    assert_eq!(list.entries().await.unwrap(), []);
}

#[tokio::test]
async fn a_full_shard_refuses_new_work_but_not_known_work() {
    let list = list(MemoryStore::new());
    for request in ["r1", "r2", "r3"] {
        list.put(&parcel("o1", request, 1)).await.unwrap();
    }
    let refused = list.put(&parcel("o1", "r4", 1)).await;
    assert_eq!(refused, Err(StoreError::Backlog { what: "parcels", max: 3 }));
    list.put(&parcel("o1", "r3", 2)).await.unwrap();
}

#[tokio::test]
async fn a_sweep_removes_finished_work_and_keeps_the_rest() {
    let list = filled(&ORDERS).await;
    let work = |group: Group<Parcel>| {
        assert_eq!(group.entries.len(), 2);
        ready(match group.subject.as_str() {
            "o1" => Ok(Outcome::Left),
            "o2" => Err("broken"),
            _ => Ok(Outcome::Finished),
        })
    };
    let swept = spawnable(list.sweep(1, 100, work)).await.unwrap();
    assert_eq!(swept, Swept { looked_at: 6, finished: 4, left: 2, failed: 1 });
    assert_eq!(subjects(&list).await, ["o1", "o2"]);
}

#[tokio::test]
async fn sweeps_with_a_limit_reach_all_work_if_their_seeds_differ() {
    let list = filled(&ORDERS).await;
    let seen = Mutex::new(Vec::new());
    for seed in 0..100 {
        let work = |group: Group<Parcel>| {
            seen.lock().unwrap().push(group.subject);
            ready(Ok::<_, StoreError>(Outcome::Left))
        };
        let swept = list.sweep(seed, 1, work).await.unwrap();
        assert_eq!((swept.looked_at, swept.left), (1, 6));
    }
    let mut seen = seen.into_inner().unwrap();
    seen.sort();
    seen.dedup();
    assert_eq!(seen, ORDERS);
}

#[tokio::test]
async fn an_unreadable_shard_does_not_stop_the_others() {
    let list = filled(&ORDERS).await;
    let broken = list.shard("o1");
    list.store.set(&format!("parcels/{broken}"), b"?").await.unwrap();
    let work = |_| ready(Ok::<_, StoreError>(Outcome::Finished));
    let swept = list.sweep(0, 100, work).await;
    assert!(matches!(swept, Err(StoreError::Corrupt { .. })), "{swept:?}");
    assert_eq!(list.entries().await.unwrap(), []);
    let mut round = list.round(0);
    while round.next().await.is_some() {}
    assert_eq!(round.unread(), 1);
    let dead = self::list(ScriptedStore::failing_after(0, list.store.clone()));
    assert!(dead.entries().await.is_err());
}

#[test]
fn the_age_of_entries_tells_whether_their_requests_are_dead() {
    let entries = vec![parcel("o1", "r1", 100), parcel("o1", "r2", 150)];
    let group = Group { subject: "o1".to_owned(), entries };
    assert_eq!(group.older(60, 160), [parcel("o1", "r1", 100)]);
    assert_eq!(group.older(60, 0), [], "the clock was set back");
}

#[tokio::test]
async fn ids_with_a_time_are_stored_as_an_object_under_one_key() {
    let store = MemoryStore::new();
    let options = Options { prefix: "watched", shards: 1, shard_length_max: 2, what: "payments" };
    let list = Worklist::<_, (String, u64)>::new(store.clone(), options);
    list.put(&("p1".to_owned(), 7)).await.unwrap();
    list.put(&("p2".to_owned(), 8)).await.unwrap();
    assert_eq!(store.get("watched").await.unwrap().unwrap(), br#"{"p1":7,"p2":8}"#);
    list.remove("p1").await.unwrap();
    assert_eq!(list.entries().await.unwrap(), [("p2".to_owned(), 8)]);
}
