//! Returned parcels: each one is refunded and restocked once, despite failures and crashes, and the
//! end of the order is published.

use std::collections::BTreeMap;
use std::pin::pin;

use crate::world::{Mood, PRICE, World, request, run, step};
use chassis::events::Event;
use chassis::store::Store;
use orders::domain::{Order, ShipmentStatus, Status};
use orders::service::{EventOutcome, SHIPMENT_CHANGED};
use serde_json::{Value, json};

const ID: &str = "ord_01930000-0000-7000-8000-000000000001";

fn place(world: &World) {
    let order = run(world.process("first").place(request(ID))).unwrap().order;
    assert_eq!(order.status, Status::Confirmed);
}

/// The event of shipping: parcels with their numbers of pieces and statuses.
fn shipments(sequence: u64, parcels: &[(u32, &str)]) -> Event {
    let parcel = |(number, (pieces, status)): (usize, &(u32, &str))| {
        json!({
            "id": format!("shp_{number}"), "status": status, "courier": "north",
            "tracking_code": "T1", "lines": [{"sku": "SKU-1", "quantity": pieces}],
        })
    };
    let parcels: Vec<Value> = (1..).zip(parcels).map(parcel).collect();
    Event {
        id: format!("{ID}.{sequence}"),
        source: "/shop/shipping".to_owned(),
        kind: SHIPMENT_CHANGED.to_owned(),
        subject: Some(ID.to_owned()),
        time: None,
        data_content_type: Some("application/json".to_owned()),
        data_schema: None,
        extensions: BTreeMap::from([("sequence".to_owned(), sequence.to_string())]),
        data: json!({"order_id": ID, "cancelled": false, "shipments": parcels}).to_string(),
    }
}

fn hear(world: &World, event: &Event) {
    assert_eq!(
        run(world.process(&chassis::id::new("run")).process(event)).unwrap(),
        EventOutcome::Done
    );
}

fn order(world: &World) -> Order {
    world.loaded(ID).order
}

/// Refunded amounts and restocked pieces, by parcel.
fn given_back(world: &World) -> Vec<(String, i64, u32)> {
    world.with(|state| {
        assert_eq!(state.refunds.len(), state.restocked.len());
        let both = state.refunds.iter().zip(&state.restocked);
        both.map(|((id, money), (_, pieces))| (id.clone(), *money, *pieces)).collect()
    })
}

#[test]
fn a_returned_order_is_refunded_and_restocked() {
    let world = World::new();
    place(&world);
    for (sequence, status) in (1..).zip(["in_transit", "attempt_failed", "returned", "returned"]) {
        hear(&world, &shipments(sequence, &[(2, status)]));
    }
    let order = world.settle(ID);
    assert_eq!(order.status, Status::Returned);
    assert_eq!(order.refunded().map(|money| money.amount), Some(2 * PRICE));
    assert_eq!(given_back(&world), [("shp_1".to_owned(), 2 * PRICE, 2)]);
    let log = world.log();
    assert_eq!(log, ["order.placed", "order.confirmed", "order.shipped", "order.returned"]);
    let told: Value = serde_json::from_str(&world.2.events().pop().unwrap().data).unwrap();
    assert_eq!((&told["status"], &told["refunded"]["amount"]), (&json!("returned"), &json!(2_500)));
    world.check(&order);
}

#[test]
fn a_returned_part_is_refunded_and_the_rest_is_delivered() {
    let world = World::new();
    place(&world);
    hear(&world, &shipments(1, &[(1, "in_transit"), (1, "in_transit")]));
    hear(&world, &shipments(2, &[(1, "returned"), (1, "in_transit")]));
    assert_eq!(order(&world).status, Status::Shipped);
    assert_eq!(given_back(&world), [("shp_1".to_owned(), PRICE, 1)], "at once");
    hear(&world, &shipments(3, &[(1, "returned"), (1, "delivered")]));
    let order = world.settle(ID);
    assert_eq!(order.status, Status::Delivered);
    assert_eq!(order.refunded().map(|money| money.amount), Some(PRICE));
    assert_eq!(given_back(&world).len(), 1, "once");
    let log = world.log();
    assert_eq!(log[2..], ["order.shipped", "order.refunded", "order.delivered"]);
    world.check_events(&order);
}

#[test]
fn each_returned_parcel_is_refunded() {
    let world = World::new();
    place(&world);
    hear(&world, &shipments(1, &[(1, "returned"), (1, "returned")]));
    let order = world.settle(ID);
    assert_eq!(order.status, Status::Returned);
    let each = |id: &str| (id.to_owned(), PRICE, 1);
    assert_eq!(given_back(&world), [each("shp_1"), each("shp_2")]);
    world.check(&order);
}

#[test]
fn refunds_are_retried_until_they_succeed() {
    for action in ["RefundParcel", "RestockParcel"] {
        for mood in [Mood::Fails, Mood::Unanswered, Mood::HappensUnanswered, Mood::Refuses] {
            let world = World::new();
            place(&world);
            world.mood(action, &[mood; 3]);
            hear(&world, &shipments(1, &[(2, "returned")]));
            let order = world.settle(ID);
            assert_eq!(order.status, Status::Returned, "{action} {mood:?}");
            assert_eq!(given_back(&world).len(), 1);
            world.check(&order);
        }
    }
}

#[test]
fn a_mismatched_refund_is_parked() {
    let world = World::new();
    place(&world);
    world.mood("RefundParcel", &[Mood::DoesOtherwise]);
    hear(&world, &shipments(1, &[(2, "returned")]));
    let parked = order(&world);
    assert_eq!(parked.status, Status::Shipped);
    assert_eq!(parked.saga.parked.as_deref(), Some("10 instead of 100"));
    assert!(parked.saga.parked_since_ms.is_some());
    assert_eq!(world.log().last().unwrap(), "saga.parked");
    let resumed = run(world.process("staff").resume(ID, "usr_admin")).unwrap().order;
    assert_eq!((resumed.status, resumed.saga.parked_since_ms), (Status::Returned, None));
}

#[test]
fn a_mismatched_payment_rejects_the_order() {
    for step in ["Authorize", "Capture"] {
        let world = World::new();
        world.mood(step, &[Mood::DoesOtherwise]);
        let order = run(world.process("first").place(request(ID))).unwrap().order;
        assert_eq!(order.status, Status::Rejected);
        assert_eq!(order.rejection.as_ref().unwrap().code, "payment_mismatch");
        world.check(&order);
    }
}

#[test]
fn an_incomplete_compensation_is_parked() {
    let world = World::new();
    world.mood("Commit", &[Mood::Refuses]);
    world.mood("CancelPayment", &[Mood::DoesOtherwise]);
    let order = run(world.process("first").place(request(ID))).unwrap().order;
    assert_eq!(order.saga.parked.as_deref(), Some("10 instead of 100"));
    run(world.process("staff").resume(ID, "usr_admin")).unwrap();
    world.check(&world.settle(ID));
}

#[test]
fn a_refund_survives_a_crash_at_any_step() {
    for wait in 1.. {
        let world = World::new();
        place(&world);
        world.with(|state| state.stop_at = Some(state.waits + wait));
        let event = shipments(1, &[(2, "returned")]);
        let process = world.process("news");
        let ended = step(pin!(process.process(&event))).is_ready();
        world.with(|state| {
            state.stop_at = None;
            state.now_ms += 31_000;
        });
        hear(&world, &event);
        let order = world.settle(ID);
        assert_eq!(order.status, Status::Returned, "stopped at {wait}");
        assert_eq!(given_back(&world), [("shp_1".to_owned(), 2 * PRICE, 2)], "stopped at {wait}");
        assert_eq!(world.log().len(), 4, "stopped at {wait}");
        world.check(&order);
        if ended {
            return assert!(wait > 12, "{wait}");
        }
    }
}

/// Old orders recorded returned parcels without their contents, and had no refunds.
#[test]
fn an_old_returned_order_is_refunded_with_data_from_shipping() {
    let world = World::new();
    place(&world);
    hear(&world, &shipments(1, &[(2, "in_transit")]));
    let key = format!("order:{ID}");
    let stored = String::from_utf8(run(world.1.get(&key)).unwrap().unwrap()).unwrap();
    let lines = r#","lines":[{"sku":"SKU-1","quantity":2}]}]"#;
    let old = stored.replace(lines, "}]").replace("in_transit", "returned");
    assert!(old.len() < stored.len() && !old.contains("\"lines\":[{"), "{old}");
    run(world.1.set(&key, old.as_bytes())).unwrap();
    assert_eq!(world.settle(ID).status, Status::Shipped);
    world.with(|state| {
        state.parcels.insert(ID.to_owned(), ShipmentStatus::Returned);
        state.now_ms += 3_700_000;
    });
    run(world.process("customer").touch(ID)).unwrap();
    let order = world.settle(ID);
    assert_eq!(order.status, Status::Returned);
    assert_eq!(given_back(&world), [("shp_1".to_owned(), 2 * PRICE, 2)]);
}
