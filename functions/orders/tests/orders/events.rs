//! Published events, and events of shipping: none is lost, duplicated or out of order, whichever
//! process dies.

use crate::simulation::{Answer, ID, Process, Simulation, at_every_wait, run, shipment_event};
use chassis::events::Event;
use orders::domain::{ShipmentStatus, Status};
use serde_json::{Value, json};

fn data(event: &Event) -> Value {
    serde_json::from_str(&event.data).unwrap()
}

fn placed() -> Simulation {
    let simulation = Simulation::new();
    assert_eq!(simulation.place().status, Status::Confirmed);
    simulation
}

#[test]
fn events_contain_the_whole_public_state_and_no_address() {
    let simulation = placed();
    let events = simulation.log.events();
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
fn a_rejection_is_published_with_its_reason() {
    let simulation = Simulation::new();
    simulation.script("Authorize", &[Answer::Refused]);
    simulation.place();
    let rejected = simulation.log.events().pop().unwrap();
    assert_eq!(rejected.kind, "com.shop.orders.order.rejected.v1");
    assert_eq!(data(&rejected)["rejection"], json!({"code": "no", "detail": "refused"}));
}

#[test]
fn a_checkout_does_not_wait_for_the_event_log() {
    let simulation = Simulation::new();
    simulation.log.set_down(true);
    assert_eq!(simulation.place().status, Status::Confirmed);
    let loaded = simulation.loaded(ID);
    assert_eq!(loaded.record.outbox.len(), 2);
    assert!(!loaded.is_settled(u64::MAX), "an order is settled when its outbox is empty");
    let report = run(simulation.process().sweep()).unwrap();
    assert_eq!((report.settled, report.unfinished), (0, 1));
    simulation.log.set_down(false);
    simulation.check(&simulation.settle(ID));
    assert_eq!(simulation.published(), ["order.placed", "order.confirmed"]);
}

#[test]
fn each_event_of_shipping_is_processed_once() {
    let simulation = placed();
    let mut statuses = Vec::new();
    let parcels = ["created", "in_transit", "attempt_failed", "in_transit", "delivered"];
    for (sequence, status) in (1..).zip(parcels) {
        let event = shipment_event(ID, sequence, &[(2, status)]);
        simulation.receive(&event);
        let order = simulation.loaded(ID).order;
        simulation.receive(&event);
        assert_eq!(simulation.loaded(ID).order, order, "a repetition changes nothing");
        statuses.push(order.status);
    }
    use Status::{Confirmed, Delivered, Shipped};
    assert_eq!(statuses, [Confirmed, Shipped, Shipped, Shipped, Delivered]);
    let expected = ["order.placed", "order.confirmed", "order.shipped", "order.delivered"];
    assert_eq!(simulation.published(), expected);
    let parcel = |status| {
        json!([{
            "id": "shp_1", "courier": "north", "tracking_code": "T1", "status": status,
            "lines": [{"sku": "SKU-1", "quantity": 2}],
        }])
    };
    let events = simulation.log.events();
    assert_eq!(data(&events[2])["parcels"], parcel("in_transit"));
    assert_eq!(data(&events[3])["parcels"], parcel("delivered"));
    simulation.check_events(&simulation.loaded(ID).order);
}

#[test]
fn a_process_that_receives_an_event_may_die_at_any_point() {
    for (parcel, status) in [("delivered", Status::Delivered), ("returned", Status::Returned)] {
        let event = shipment_event(ID, 1, &[(2, parcel)]);
        let receive = async |process: Process| process.process(&event).await.unwrap();
        let waits = at_every_wait(placed, receive, |simulation, _| {
            simulation.advance(31_000);
            simulation.receive(&event);
            let order = simulation.settle(ID);
            assert_eq!(order.status, status);
            assert_eq!(simulation.published().len(), 4);
            simulation.check(&order);
        });
        assert!(waits > 8, "{waits}");
    }
}

#[test]
fn a_read_queries_shipping_only_if_events_are_missing() {
    let simulation = placed();
    simulation.set_parcel(ID, ShipmentStatus::InTransit);
    assert_eq!(simulation.touch().status, Status::Confirmed, "the event is in progress");
    simulation.advance(10_000);
    assert_eq!(simulation.touch().status, Status::Shipped, "the event seems lost");
    assert_eq!(simulation.log.events().len(), 3);
    simulation.receive(&shipment_event(ID, 1, &[(2, "in_transit")]));
    simulation.set_parcel(ID, ShipmentStatus::Delivered);
    simulation.advance(60_000);
    assert_eq!(simulation.touch().status, Status::Shipped);
    simulation.advance(3_600_000);
    assert_eq!(simulation.touch().status, Status::Delivered);
    simulation.check_events(&simulation.settle(ID));
}
