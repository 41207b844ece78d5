//! Concurrent changes of orders, and the indexes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use chassis::money::Money;
use chassis::testing::MemoryStore;
use serde_json::{Value, json};

use super::*;
use crate::domain::{Address, Item};

const ID: &str = "ord_01930000-0000-7000-8000-000000000001";

pub(super) fn placed() -> Placed {
    Placed {
        id: ID.to_owned(),
        user_id: "usr_1".to_owned(),
        items: vec![Item {
            sku: "SKU-1".to_owned(),
            name: "Thing".to_owned(),
            quantity: 2,
            price: Money::new(1_250, "EUR"),
        }],
        total: Money::new(2_500, "EUR"),
        shipping_address: Some(Address {
            name: "Ada".to_owned(),
            street: "Hauptstr. 1".to_owned(),
            city: "Wien".to_owned(),
            postal_code: "1010".to_owned(),
            country: "AT".to_owned(),
        }),
        payment_method: "tok_approved".to_owned(),
        cart_version: Some(3),
    }
}

pub(super) fn lease() -> Lease {
    Lease { owner: "one".to_owned(), until_ms: 2, incarnation: None }
}

#[tokio::test]
async fn of_two_concurrent_writes_one_fails() {
    let records = Records::new(MemoryStore::new(), "one");
    let mut one = records.create(placed(), 1, lease()).await.unwrap().unwrap();
    let mut other = records.load(ID).await.unwrap().unwrap();
    assert!(records.create(placed(), 1, lease()).await.unwrap().is_none());
    for loaded in [&mut one, &mut other] {
        loaded.push(Event::StepDone { step: Step::Reserve }, 2).unwrap();
    }
    assert!(records.save(&mut one, None).await.unwrap());
    assert!(!records.save(&mut other, None).await.unwrap());
    assert_eq!((other.order.version, other.history().unwrap().len()), (3, 3));
}

#[tokio::test]
async fn events_that_are_published_at_the_same_time_do_not_fail_a_write() {
    let records = Records::new(MemoryStore::new(), "one");
    let mut saga = records.create(placed(), 1, lease()).await.unwrap().unwrap();
    let mut publisher = records.load(ID).await.unwrap().unwrap();
    publisher.record.outbox.settle(1);
    assert!(records.save(&mut publisher, Some(lease())).await.unwrap());
    saga.push(Event::StepDone { step: Step::Reserve }, 2).unwrap();
    assert!(records.save(&mut saga, Some(lease())).await.unwrap());
    assert!(saga.record.outbox.is_empty(), "published events stay published");
}

async fn marks(records: &Records<MemoryStore>) -> Vec<Mark> {
    records.unfinished().entries().await.unwrap()
}

#[tokio::test]
async fn a_request_removes_only_its_own_mark() {
    let records = Records::new(MemoryStore::new(), "one");
    let other = Records::new(records.store.clone(), "other");
    records.mark(ID, 1).await.unwrap();
    other.mark(ID, 2).await.unwrap();
    other.mark(ID, 3).await.unwrap();
    records.unmark(ID).await.unwrap();
    let seen = marks(&records).await;
    assert_eq!(seen, [Mark { id: ID.to_owned(), at_ms: 3, by: "other".to_owned() }]);
    other.mark(ID, 3).await.unwrap();
    records.remove_marks(ID, &seen).await.unwrap();
    assert_eq!(
        marks(&records).await.len(),
        1,
        "a replaced mark differs from the one that was seen"
    );
    let old: Mark = serde_json::from_value(json!({"id": ID, "at_ms": 1})).unwrap();
    assert_eq!(old.by, "", "old marks have no name");
}

#[tokio::test]
async fn a_late_write_fails_after_its_mark_was_removed() {
    let records = Records::new(MemoryStore::new(), "one");
    let mut late = records.create(placed(), 1, lease()).await.unwrap().unwrap();
    let mark = Mark { id: ID.to_owned(), at_ms: 1, by: "one".to_owned() };
    let mut sweeper = records.load(ID).await.unwrap().unwrap();
    records.retire(&mut sweeper, std::slice::from_ref(&mark)).await.unwrap();
    late.push(Event::CancelRequested, 9).unwrap();
    assert!(!records.save(&mut late, None).await.unwrap());
}

/// An order with this number; all are of one user.
fn numbered(number: usize) -> Placed {
    Placed { id: format!("ord_{number:04}"), ..placed() }
}

async fn listed(records: &Records<MemoryStore>) -> Vec<String> {
    let (orders, rest) = records.of_user("usr_1", None, 1_000).await.unwrap();
    assert!(rest.is_none());
    orders.into_iter().map(|loaded| loaded.order.placed.id).collect()
}

/// A crash may happen between the entry and the order, and the customer may repeat it much later.
#[tokio::test]
async fn an_order_whose_creation_is_repeated_after_a_crash_is_listed_once() {
    for others in [0, 1, 98, 99, 100, 101, 199, 200, 250] {
        let records = Records::new(MemoryStore::new(), "one");
        records.enter("usr_1", &numbered(0).id).await.unwrap();
        for number in 1..=others {
            records.create(numbered(number), 1, lease()).await.unwrap().expect("new");
        }
        records.create(numbered(0), 1, lease()).await.unwrap().expect("new");
        let mut listed = listed(&records).await;
        listed.sort();
        let all: Vec<String> = (0..=others).map(|number| numbered(number).id).collect();
        assert_eq!(listed, all, "{others} orders in between");
    }
}

#[tokio::test]
async fn an_order_without_the_number_of_its_page_is_listed() {
    let store = MemoryStore::new();
    let records = Records::new(store.clone(), "one");
    records.create(numbered(1), 1, lease()).await.unwrap().expect("new");
    let key = order_key(&numbered(1).id);
    let mut value: Value = store.read(&key).await.unwrap().unwrap();
    value.as_object_mut().unwrap().remove("page").expect("it has a page");
    store.write(&key, &value).await.unwrap();
    assert_eq!(listed(&records).await, [numbered(1).id]);
}

fn mark(number: usize) -> Mark {
    Mark { id: format!("ord_other_{number}"), at_ms: 1, by: "one".to_owned() }
}

#[tokio::test]
async fn too_many_unfinished_orders_block_only_new_ones() {
    let store = MemoryStore::new();
    let records = Records::new(store.clone(), "one");
    records.create(placed(), 1, lease()).await.unwrap().expect("new");
    let shard = |id: &str| records.unfinished().shard(id);
    let key = format!("unfinished/{}", shard(ID));
    let mut marks: Vec<Mark> = (0..MARKS_MAX).map(mark).collect();
    store.write(&key, &marks).await.unwrap();
    let new = (0..).map(numbered).find(|it| shard(&it.id) == shard(ID)).unwrap();
    let refused = records.create(new, 1, lease()).await;
    let full = StoreError::Backlog { what: "orders in one part of their index", max: MARKS_MAX };
    assert_eq!(refused.err(), Some(full));
    Records::new(store.clone(), "customer").mark(ID, 2).await.unwrap();
    marks.extend((MARKS_MAX..2 * MARKS_MAX).map(mark));
    store.write(&key, &marks).await.unwrap();
    assert!(Records::new(store, "another").mark(ID, 2).await.is_err());
}

#[tokio::test]
async fn marks_of_the_former_index_are_moved() {
    let store = MemoryStore::new();
    let records = Records::new(store.clone(), "one");
    store.write("unfinished:3", &[mark(1), mark(2)]).await.unwrap();
    for _ in 0..2 {
        records.adopt_marks().await.unwrap();
        let mut found = marks(&records).await;
        found.sort_by_key(|mark| mark.id.clone());
        assert_eq!(found, [mark(1), mark(2)]);
        let left: Vec<Mark> = store.read("unfinished:3").await.unwrap().unwrap();
        assert_eq!(left, []);
    }
}
