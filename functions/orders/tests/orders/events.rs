//! What others hear of orders, and what orders hear of parcels: nothing is lost, doubled or
//! out of order, whatever dies.

use std::collections::BTreeMap;
use std::pin::pin;

use crate::world::{Mood, World, request, run, step};
use chassis::events::Event;
use orders::domain::{ShipmentStatus, Status};
use orders::service::{EventOutcome, SHIPMENT_CHANGED};
use serde_json::{Value, json};

const ID: &str = "ord_01930000-0000-7000-8000-000000000001";

fn place(world: &World) -> Status {
    run(world.process("first").place(request(ID))).unwrap().order.status
}

fn data(event: &Event) -> Value {
    serde_json::from_str(&event.data).unwrap()
}

/// What shipping tells when a parcel has come to this status.
fn shipment(sequence: u64, status: &str) -> Event {
    let data = json!({
        "order_id": ID,
        "cancelled": false,
        "shipments": [{
            "id": "shp_1", "status": status, "courier": "north", "tracking_code": "T1",
            "lines": [{"sku": "SKU-1", "quantity": 2}], "updated_at": "2027-01-15T08:00:00.000Z",
        }],
    });
    Event {
        id: format!("{ID}.{sequence}"),
        source: "/shop/shipping".to_owned(),
        kind: SHIPMENT_CHANGED.to_owned(),
        subject: Some(ID.to_owned()),
        time: None,
        data_content_type: Some("application/json".to_owned()),
        data_schema: None,
        extensions: BTreeMap::from([("sequence".to_owned(), sequence.to_string())]),
        data: data.to_string(),
    }
}

fn hear(world: &World, owner: &str, event: &Event) -> EventOutcome {
    run(world.process(owner).process(event)).unwrap()
}

#[test]
fn events_carry_the_whole_public_state_and_no_address() {
    let world = World::new();
    place(&world);
    let events = world.2.events();
    let [placed, confirmed] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!((placed.id.as_str(), placed.source.as_str()), (&*format!("{ID}.1"), "/shop/orders"));
    assert_eq!((placed.subject.as_deref(), placed.partition_key()), (Some(ID), ID));
    assert_eq!(placed.kind, "com.shop.orders.order.placed.v1");
    let line = json!({
        "sku": "SKU-1", "name": "Thing SKU-1", "quantity": 2,
        "price": {"amount": 1_250, "currency": "EUR"},
    });
    let created = data(placed)["created_at"].clone();
    let expected = json!({
        "order_id": ID, "user_id": "usr_1", "status": "pending", "lines": [line],
        "total": {"amount": 2_500, "currency": "EUR"}, "rejection": null, "refunded": null,
        "created_at": created, "updated_at": created,
    });
    assert_eq!(data(placed), expected);
    assert_eq!(data(confirmed)["status"], "confirmed");
    assert!(events.iter().all(|event| !event.data.contains("Hauptstr")));
}

#[test]
fn a_rejection_tells_its_reason() {
    let world = World::new();
    world.mood("Authorize", &[Mood::Refuses]);
    place(&world);
    let rejected = world.2.events().pop().unwrap();
    assert_eq!(rejected.kind, "com.shop.orders.order.rejected.v1");
    assert_eq!(data(&rejected)["rejection"], json!({"code": "no", "detail": "refused"}));
}

#[test]
fn the_customer_does_not_wait_for_the_log() {
    let world = World::new();
    world.2.set_down(true);
    assert_eq!(place(&world), Status::Confirmed);
    let waiting = world.loaded(ID);
    assert_eq!(waiting.record.outbox.len(), 2);
    assert!(!waiting.is_settled(u64::MAX), "an order is settled when its outbox is empty");
    let swept = run(world.process("sweeper").sweep()).unwrap();
    assert_eq!((swept.settled, swept.unfinished), (0, 1));
    world.2.set_down(false);
    world.check(&world.settle(ID));
    assert_eq!(world.log(), ["order.placed", "order.confirmed"]);
}

#[test]
fn an_answer_of_the_log_that_was_lost_doubles_nothing() {
    let world = World::new();
    world.mood("Publish", &[Mood::HappensUnanswered; 3]);
    place(&world);
    world.check(&world.settle(ID));
    assert_eq!(world.log(), ["order.placed", "order.confirmed"]);
}

#[test]
fn parcels_move_an_order_once_each() {
    let world = World::new();
    place(&world);
    let mut seen = Vec::new();
    let news = ["created", "in_transit", "attempt_failed", "in_transit", "delivered"];
    for (sequence, status) in (1..).zip(news) {
        let event = shipment(sequence, status);
        assert_eq!(hear(&world, &format!("a{sequence}"), &event), EventOutcome::Done);
        let once = world.loaded(ID).order;
        assert_eq!(hear(&world, &format!("b{sequence}"), &event), EventOutcome::Done);
        assert_eq!(world.loaded(ID).order, once, "a repetition changes nothing");
        seen.push(once.status);
    }
    use Status::{Confirmed, Delivered, Shipped};
    assert_eq!(seen, [Confirmed, Shipped, Shipped, Shipped, Delivered]);
    assert_eq!(
        world.log(),
        ["order.placed", "order.confirmed", "order.shipped", "order.delivered"]
    );
    let parcel = |status| {
        json!([{
            "id": "shp_1", "courier": "north", "tracking_code": "T1", "status": status,
            "lines": [{"sku": "SKU-1", "quantity": 2}],
        }])
    };
    let events = world.2.events();
    assert_eq!(data(&events[2])["parcels"], parcel("in_transit"));
    assert_eq!(data(&events[3])["parcels"], parcel("delivered"));
    world.check_events(&world.loaded(ID).order);
}

#[test]
fn news_that_comes_too_early_is_heard_later() {
    let world = World::new();
    place(&world);
    assert_eq!(hear(&world, "a", &shipment(2, "in_transit")), EventOutcome::TooEarly(1));
    assert_eq!(world.loaded(ID).order.status, Status::Confirmed);
    assert_eq!(hear(&world, "b", &shipment(1, "created")), EventOutcome::Done);
    assert_eq!(hear(&world, "c", &shipment(2, "in_transit")), EventOutcome::Done);
    assert_eq!(world.loaded(ID).order.status, Status::Shipped);
}

#[test]
fn news_of_no_order_of_ours_is_none_and_nonsense_is_refused() {
    let world = World::new();
    assert_eq!(hear(&world, "a", &shipment(1, "created")), EventOutcome::Done);
    place(&world);
    let flown = shipment(1, "flown away");
    assert!(matches!(hear(&world, "a", &flown), EventOutcome::Malformed(_)));
}

/// A parcel may leave before the process that asked for it has written that it did.
#[test]
fn news_may_come_while_the_checkout_is_at_work_or_dead() {
    for wait in 20..200 {
        let world = World::new();
        world.with(|state| state.stop_at = Some(wait));
        let process = world.process("first");
        let mut first = pin!(process.place(request(ID)));
        if step(first.as_mut()).is_ready() {
            return assert!(wait > 40, "{wait}");
        }
        if !world.with(|state| state.parcels.contains_key(ID)) {
            continue;
        }
        world.with(|state| state.parcels.insert(ID.to_owned(), ShipmentStatus::InTransit));
        assert_eq!(hear(&world, "news", &shipment(1, "in_transit")), EventOutcome::Done);
        world.with(|state| state.released = true);
        assert!(step(first).is_ready());
        let order = world.settle(ID);
        assert_eq!(order.status, Status::Shipped, "stopped at {wait}");
        world.check(&order);
    }
}

#[test]
fn whoever_hears_news_may_die_at_any_point() {
    for wait in 1.. {
        let world = World::new();
        place(&world);
        world.with(|state| state.stop_at = Some(state.waits + wait));
        let event = shipment(1, "delivered");
        let process = world.process("news");
        let ended = step(pin!(process.process(&event))).is_ready();
        world.with(|state| {
            state.stop_at = None;
            state.now_ms += 31_000;
        });
        assert_eq!(hear(&world, "again", &event), EventOutcome::Done);
        let order = world.settle(ID);
        assert_eq!(order.status, Status::Delivered, "stopped at {wait}");
        assert_eq!(world.log().len(), 4, "stopped at {wait}");
        world.check_events(&order);
        if ended {
            return assert!(wait > 8, "{wait}");
        }
    }
}

#[test]
fn a_look_asks_shipping_only_if_nothing_was_heard() {
    let world = World::new();
    place(&world);
    let look = |world: &World| run(world.process("r").touch(ID)).unwrap().unwrap().order.status;
    world.with(|state| state.parcels.insert(ID.to_owned(), ShipmentStatus::InTransit));
    assert_eq!(look(&world), Status::Confirmed, "the news is on its way");
    world.with(|state| state.now_ms += 10_000);
    assert_eq!(look(&world), Status::Shipped, "the news seems lost");
    assert_eq!(world.2.events().len(), 3);
    assert_eq!(hear(&world, "a", &shipment(1, "in_transit")), EventOutcome::Done);
    world.with(|state| {
        state.parcels.insert(ID.to_owned(), ShipmentStatus::Delivered);
        state.now_ms += 60_000;
    });
    assert_eq!(look(&world), Status::Shipped);
    world.with(|state| state.now_ms += 3_600_000);
    assert_eq!(look(&world), Status::Delivered);
    world.check_events(&world.settle(ID));
}
