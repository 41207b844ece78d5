//! Histories: of every version, with and without snapshots, whoever writes at once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use chassis::money::Money;
use chassis::store::{MemoryStore, Store};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::domain::event::{Action, Failure, Undo};
use crate::domain::saga::Fault;
use crate::domain::saga::{self, Next};
use crate::domain::{Address, Item, Line, Parcel, ShipmentStatus, Status};
use crate::domain::{Order, Recorded};

const ID: &str = "ord_01930000-0000-7000-8000-000000000001";
/// An order as the first version of this code has written it.
const V1: &str = include_str!("../../tests/fixtures/order-v1.json");
/// An order of today after a snapshot.
const SNAPSHOT: &str = include_str!("../../tests/fixtures/snapshot-v2.json");

fn placed() -> Placed {
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

fn lease() -> Lease {
    Lease { owner: "one".to_owned(), until_ms: 2, incarnation: None }
}

/// A history that the saga itself makes, from answers and interventions.
fn history(choices: &[u8]) -> Vec<Recorded> {
    let first = Event::Placed(Box::new(placed()));
    let mut events = vec![Recorded { sequence: 1, at_ms: 1_000, event: first }];
    let mut order = Order::fold(&events).unwrap();
    for (at_ms, choice) in (1_001..).zip(choices) {
        let event = match saga::next(&order, at_ms) {
            Next::Record(event) => event,
            Next::Act(action) => saga::conclude(&order, action, answer(*choice)),
            Next::Parked => Event::Resumed { by: "usr_admin".to_owned() },
            Next::Settled => Event::ParcelsMoved { parcels: parcels(*choice) },
        };
        let cancels = *choice > 250 && order.can_be_cancelled();
        let event = if cancels { Event::CancelRequested } else { event };
        events.push(Recorded { sequence: order.version + 1, at_ms, event });
        order.apply(events.last().unwrap());
    }
    events
}

fn answer(choice: u8) -> Result<(), Fault> {
    match choice % 8 {
        0 => Err(Fault::Failed(Failure::Unknown, "silence".to_owned())),
        1 => Err(Fault::ReservationLost),
        2 if choice > 200 => Err(Fault::Refused { code: "no", detail: "refused".to_owned() }),
        3 => Err(Fault::TooLate("it has left".to_owned())),
        _ => Ok(()),
    }
}

fn parcels(choice: u8) -> Vec<Parcel> {
    let status = match choice % 4 {
        0 => ShipmentStatus::Created,
        1 => ShipmentStatus::InTransit,
        2 => ShipmentStatus::Returned,
        _ => ShipmentStatus::Delivered,
    };
    let courier = format!("courier {choice}");
    let lines = vec![Line { sku: "SKU-1".to_owned(), quantity: 2 }];
    vec![Parcel { id: "shp_1".to_owned(), courier, tracking_code: "T1".to_owned(), status, lines }]
}

/// The value that holds these events, written in portions of `portion`.
fn record(events: &[Recorded], portion: usize) -> Record {
    let mut record = Record::new(1, 0, lease());
    for (end, recorded) in (1..).zip(events) {
        let after = Order::fold(&events[..end]).unwrap();
        record.add(&after, recorded).unwrap();
        if end % portion == 0 || end == events.len() {
            record.take_snapshot(&after);
            let last = record.outbox.last_sequence();
            record.outbox.settle(last);
        }
    }
    record
}

fn bytes(order: &Order) -> Vec<u8> {
    serde_json::to_vec(order).unwrap()
}

fn with_snapshot(record: &Record, snapshot: Value) -> Record {
    let mut value = serde_json::to_value(record).unwrap();
    value["snapshot"] = snapshot;
    serde_json::from_str(&value.to_string()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_order_is_the_same_from_any_snapshot_and_from_none(
        choices in prop::collection::vec(any::<u8>(), 0..110),
        portion in 1_usize..7,
    ) {
        let events = history(&choices);
        let whole = Order::fold(&events).unwrap();
        let mut record = record(&events, portion);
        for cut in 1..=events.len() {
            let base = Order::fold(&events[..cut]).unwrap();
            let snapshot = Snapshot { schema: SNAPSHOT_SCHEMA, order: base };
            let cut_there = with_snapshot(&record, serde_json::to_value(&snapshot).unwrap());
            prop_assert_eq!(cut_there.snapshot_version(), Some(cut as u64));
            prop_assert_eq!(bytes(&cut_there.order().unwrap()), bytes(&whole));
        }
        let long = events.len() as u64 >= SNAPSHOT_EVERY;
        prop_assert_eq!(record.snapshot_version().is_some(), long);
        prop_assert_eq!(bytes(&record.order().unwrap()), bytes(&whole));
        record.drop_snapshot();
        prop_assert_eq!(bytes(&record.order().unwrap()), bytes(&whole));
        prop_assert_eq!(record.history().unwrap(), events);
    }
}

#[test]
fn a_snapshot_that_does_not_fit_is_as_good_as_none() {
    let events = history(&[255, 7]);
    let record = record(&events, 1);
    let whole = record.order().unwrap();
    let mut wrong = whole.clone();
    wrong.status = Status::Delivered;
    let snapshot = |schema, version| {
        let order = Order { version, ..wrong.clone() };
        serde_json::to_value(Snapshot { schema, order }).unwrap()
    };
    let unfit = [
        snapshot(SNAPSHOT_SCHEMA + 1, 2),
        snapshot(SNAPSHOT_SCHEMA, 0),
        snapshot(SNAPSHOT_SCHEMA, events.len() as u64 + 1),
        json!({"schema": SNAPSHOT_SCHEMA, "order": {"status": "unheard of"}}),
        json!("nonsense"),
        Value::Null,
    ];
    for snapshot in unfit {
        let record = with_snapshot(&record, snapshot.clone());
        assert_eq!(record.snapshot_version(), None, "{snapshot}");
        assert_eq!(record.order().unwrap(), whole, "{snapshot}");
    }
    let believed = with_snapshot(&record, snapshot(SNAPSHOT_SCHEMA, whole.version));
    assert_eq!(believed.order().unwrap().status, Status::Delivered, "one that fits is used");
}

#[test]
fn the_form_of_a_snapshot_changes_with_its_number_only() {
    let choices: Vec<u8> = (0..40).map(|number| if number % 4 == 3 { 0 } else { 4 }).collect();
    let order = Order::fold(&history(&choices)).unwrap();
    let taken = serde_json::to_value(Snapshot { schema: SNAPSHOT_SCHEMA, order }).unwrap();
    assert_eq!(taken, serde_json::from_str::<Value>(SNAPSHOT).unwrap(), "{taken}");
}

#[test]
fn events_of_the_first_version_are_read_in_the_form_of_today() {
    let record: Record = serde_json::from_str(V1).unwrap();
    let history = record.history().unwrap();
    let at = |sequence: usize| &history[sequence - 1].event;
    let failed = |action| Event::AttemptFailed {
        action,
        failure: Failure::Unknown,
        detail: "silence".to_owned(),
    };
    assert_eq!(*at(5), failed(Action::Do(Step::Authorize)));
    let retired = |was: &str, facts: &[(&str, &str)]| Event::Retired {
        was: was.to_owned(),
        facts: facts.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect(),
    };
    let facts = [("failure", "unknown"), ("detail", "silence")];
    assert_eq!(*at(14), retired("attempt_failed", &facts));
    assert_eq!(*at(15), retired("announced", &[("status", "confirmed")]));
    assert_eq!(*at(17), failed(Action::Undo(Undo::CancelShipment)));
    assert_eq!(*at(19), failed(Action::Undo(Undo::TakeBack)));
    let facts = [("status", "cancelled"), ("detail", "given up")];
    assert_eq!(*at(23), retired("unannounced", &facts));
    let order = record.order().unwrap();
    assert_eq!((order.status, order.version), (Status::Cancelled, 23));
    assert_eq!(saga::next(&order, u64::MAX), Next::Settled);
}

#[test]
fn old_events_stay_as_they_were_written() {
    let mut old = Loaded::read("order", V1.as_bytes().to_vec()).unwrap();
    old.push(Event::ParcelsMoved { parcels: parcels(1) }, 1).unwrap();
    let stored = serde_json::to_string(&old.record).unwrap();
    let events = V1.trim().strip_prefix("{\"events\":[").unwrap();
    let events = events.split("],\"lease\"").next().unwrap();
    assert!(stored.starts_with(&format!("{{\"events\":[{events},{{\"v\":2,")), "{stored}");
    assert_eq!(old.record.order().unwrap().version, 24);
}

#[test]
fn an_order_from_before_there_were_events_for_others_tells_all_of_it() {
    let mut old = Loaded::read("order", V1.as_bytes().to_vec()).unwrap();
    old.push(Event::ParcelsMoved { parcels: parcels(0) }, 1).unwrap();
    let kinds = old.record.outbox.pending().iter().map(|event| event.kind.as_str());
    let kinds: Vec<&str> = kinds.collect();
    let expected = ["placed", "confirmed", "cancelled"];
    assert_eq!(kinds, expected.map(|name| format!("com.shop.orders.order.{name}.v1")));
}

#[test]
fn what_can_not_be_understood_is_refused() {
    let later = V1.replacen("{\"sequence\":3,", "{\"v\":3,\"sequence\":3,", 1);
    let skipped = V1.replacen("{\"sequence\":3,", "{\"sequence\":4,", 1);
    let unknown = V1.replacen("step_done", "step_danced", 1);
    for (value, reason) in [(later, "version"), (skipped, "expected event 3"), (unknown, "danced")]
    {
        let record: Record = serde_json::from_str(&value).unwrap();
        let error = record.order().unwrap_err();
        assert!(error.contains(reason), "{error}");
    }
}

#[tokio::test]
async fn of_two_who_append_at_once_one_wins() {
    let store = MemoryStore::new();
    let records = Records::new(store.clone(), "one");
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
async fn what_is_published_meanwhile_does_not_disturb_a_driver() {
    let records = Records::new(MemoryStore::new(), "one");
    let mut driver = records.create(placed(), 1, lease()).await.unwrap().unwrap();
    let mut publisher = records.load(ID).await.unwrap().unwrap();
    publisher.record.outbox.settle(1);
    assert!(records.save(&mut publisher, Some(lease())).await.unwrap());
    driver.push(Event::StepDone { step: Step::Reserve }, 2).unwrap();
    assert!(records.save(&mut driver, Some(lease())).await.unwrap());
    assert!(driver.record.outbox.is_empty(), "and what is published stays so");
}

#[tokio::test]
async fn the_mark_of_another_stays() {
    let records = Records::new(MemoryStore::new(), "one");
    let other = Records::new(records.store.clone(), "other");
    records.mark(ID, 1).await.unwrap();
    other.mark(ID, 2).await.unwrap();
    other.mark(ID, 3).await.unwrap();
    records.unmark(ID).await.unwrap();
    let mut marks = Vec::new();
    for shard in 0..OPEN_SHARDS {
        marks.extend(records.marks(shard).await.unwrap());
    }
    assert_eq!(marks, [Mark { id: ID.to_owned(), at_ms: 3, by: "other".to_owned() }]);
    let seen = marks.clone();
    other.mark(ID, 3).await.unwrap();
    records.remove_marks(ID, &seen).await.unwrap();
    let mut shards = Vec::new();
    for shard in 0..OPEN_SHARDS {
        shards.extend(records.marks(shard).await.unwrap());
    }
    assert_eq!(shards.len(), 1, "one that was made anew is not the one that was seen");
    let old: Mark = serde_json::from_value(json!({"id": ID, "at_ms": 1})).unwrap();
    assert_eq!(old.by, "", "marks once bore no names");
}

#[tokio::test]
async fn a_late_write_under_a_retired_mark_is_shut_out() {
    let records = Records::new(MemoryStore::new(), "one");
    let mut late = records.create(placed(), 1, lease()).await.unwrap().unwrap();
    let mark = Mark { id: ID.to_owned(), at_ms: 1, by: "one".to_owned() };
    let mut sweeper = records.load(ID).await.unwrap().unwrap();
    records.retire(&mut sweeper, std::slice::from_ref(&mark)).await.unwrap();
    late.push(Event::CancelRequested, 9).unwrap();
    assert!(!records.save(&mut late, None).await.unwrap());
}

/// An order of this number, of one user.
fn numbered(number: usize) -> Placed {
    Placed { id: format!("ord_{number:04}"), ..placed() }
}

async fn listed(records: &Records<MemoryStore>) -> Vec<String> {
    let (orders, rest) = records.of_user("usr_1", None, 1_000).await.unwrap();
    assert!(rest.is_none());
    orders.into_iter().map(|loaded| loaded.order.placed.id).collect()
}

/// A crash can come between the entry and the order, and the buyer's repetition much later.
#[tokio::test]
async fn an_order_whose_creation_was_cut_off_is_listed_once_however_late_it_is_repeated() {
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
        assert_eq!(listed, all, "{others} orders between");
    }
}

#[tokio::test]
async fn an_order_that_does_not_know_its_page_is_listed() {
    let store = MemoryStore::new();
    let records = Records::new(store.clone(), "one");
    records.create(numbered(1), 1, lease()).await.unwrap().expect("new");
    let key = order_key(&numbered(1).id);
    let mut value: Value = store.read(&key).await.unwrap().unwrap();
    value.as_object_mut().unwrap().remove("page").expect("it knows its page");
    store.write(&key, &value).await.unwrap();
    assert_eq!(listed(&records).await, [numbered(1).id]);
}

fn mark(number: usize) -> Mark {
    Mark { id: format!("ord_other_{number}"), at_ms: 1, by: "one".to_owned() }
}

#[tokio::test]
async fn too_many_unfinished_orders_only_refuse_new_ones() {
    let store = MemoryStore::new();
    let records = Records::new(store.clone(), "one");
    records.create(placed(), 1, lease()).await.unwrap().expect("new");
    let shard = format!("unfinished/{}", shard_of(ID));
    let mut marks: Vec<Mark> = (0..MARKS_MAX).map(mark).collect();
    store.write(&shard, &marks).await.unwrap();
    let again = (0..).map(numbered).find(|it| shard_of(&it.id) == shard_of(ID)).unwrap();
    let refused = records.create(again, 1, lease()).await;
    let full = StoreError::Backlog { what: "orders in one part of their index", max: MARKS_MAX };
    assert_eq!(refused.err(), Some(full));
    let customer = Records::new(store.clone(), "customer");
    customer.mark(ID, 2).await.unwrap();
    marks.extend((MARKS_MAX..2 * MARKS_MAX).map(mark));
    store.write(&shard, &marks).await.unwrap();
    assert!(Records::new(store, "another").mark(ID, 2).await.is_err());
}

#[tokio::test]
async fn marks_of_the_former_index_are_adopted() {
    let store = MemoryStore::new();
    let records = Records::new(store.clone(), "one");
    store.write("unfinished:3", &[mark(1), mark(2)]).await.unwrap();
    for _ in 0..2 {
        records.adopt_marks().await.unwrap();
        let mut found = Vec::new();
        for shard in 0..OPEN_SHARDS {
            found.extend(records.marks(shard).await.unwrap());
        }
        found.sort_by_key(|mark| mark.id.clone());
        assert_eq!(found, [mark(1), mark(2)]);
        let left: Vec<Mark> = store.read("unfinished:3").await.unwrap().unwrap();
        assert_eq!(left, []);
    }
}
