//! Stored formats: events of each version, with and without snapshots.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::domain::event::{Action, Event, Failure, Undo};
use crate::domain::saga::{self, Fault, Next};
use crate::domain::{Line, Parcel, ShipmentStatus, Status, Step};
use crate::records::Loaded;
use crate::records::tests::{lease, placed};

/// An order that the first version has written.
const V1: &str = include_str!("../../../tests/fixtures/order-v1.json");
/// A current order after a snapshot.
const SNAPSHOT: &str = include_str!("../../../tests/fixtures/snapshot-v2.json");

/// A history that the saga makes from these answers and interventions.
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

/// A value with these events, written in portions of `portion`.
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
    fn an_order_does_not_depend_on_its_snapshot(
        choices in prop::collection::vec(any::<u8>(), 0..110),
        portion in 1_usize..7,
    ) {
        let events = history(&choices);
        let whole = Order::fold(&events).unwrap();
        let mut record = record(&events, portion);
        for cut in 1..=events.len() {
            let base = Order::fold(&events[..cut]).unwrap();
            let snapshot = Snapshot { schema: SNAPSHOT_SCHEMA, order: base };
            let with_cut = with_snapshot(&record, serde_json::to_value(&snapshot).unwrap());
            prop_assert_eq!(with_cut.snapshot_version(), Some(cut as u64));
            prop_assert_eq!(bytes(&with_cut.order().unwrap()), bytes(&whole));
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
fn an_unusable_snapshot_is_ignored() {
    let events = history(&[255, 7]);
    let record = record(&events, 1);
    let whole = record.order().unwrap();
    let mut wrong = whole.clone();
    wrong.status = Status::Delivered;
    let snapshot = |schema, version| {
        let order = Order { version, ..wrong.clone() };
        serde_json::to_value(Snapshot { schema, order }).unwrap()
    };
    let unusable = [
        snapshot(SNAPSHOT_SCHEMA + 1, 2),
        snapshot(SNAPSHOT_SCHEMA, 0),
        snapshot(SNAPSHOT_SCHEMA, events.len() as u64 + 1),
        json!({"schema": SNAPSHOT_SCHEMA, "order": {"status": "unknown"}}),
        json!("nonsense"),
        Value::Null,
    ];
    for snapshot in unusable {
        let record = with_snapshot(&record, snapshot.clone());
        assert_eq!(record.snapshot_version(), None, "{snapshot}");
        assert_eq!(record.order().unwrap(), whole, "{snapshot}");
    }
    let usable = with_snapshot(&record, snapshot(SNAPSHOT_SCHEMA, whole.version));
    assert_eq!(usable.order().unwrap().status, Status::Delivered, "a usable one is used");
}

#[test]
fn the_format_of_snapshots_changes_only_with_its_version() {
    let choices: Vec<u8> = (0..40).map(|number| if number % 4 == 3 { 0 } else { 4 }).collect();
    let order = Order::fold(&history(&choices)).unwrap();
    let taken = serde_json::to_value(Snapshot { schema: SNAPSHOT_SCHEMA, order }).unwrap();
    assert_eq!(taken, serde_json::from_str::<Value>(SNAPSHOT).unwrap(), "{taken}");
}

#[test]
fn events_of_the_first_version_are_converted() {
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
fn stored_events_are_not_changed() {
    let mut old = Loaded::read("order", V1.as_bytes().to_vec()).unwrap();
    old.push(Event::ParcelsMoved { parcels: parcels(1) }, 1).unwrap();
    let stored = serde_json::to_string(&old.record).unwrap();
    let events = V1.trim().strip_prefix("{\"events\":[").unwrap();
    let events = events.split("],\"lease\"").next().unwrap();
    assert!(stored.starts_with(&format!("{{\"events\":[{events},{{\"v\":2,")), "{stored}");
    assert_eq!(old.record.order().unwrap().version, 24);
}

#[test]
fn an_order_that_is_older_than_the_outbox_publishes_its_whole_history() {
    let mut old = Loaded::read("order", V1.as_bytes().to_vec()).unwrap();
    old.push(Event::ParcelsMoved { parcels: parcels(0) }, 1).unwrap();
    let kinds = old.record.outbox.pending().iter().map(|event| event.kind.as_str());
    let kinds: Vec<&str> = kinds.collect();
    let expected = ["placed", "confirmed", "cancelled"];
    assert_eq!(kinds, expected.map(|name| format!("com.shop.orders.order.{name}.v1")));
}

#[test]
fn unknown_versions_and_events_are_rejected() {
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
