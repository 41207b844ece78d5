//! Returned parcels: each one is refunded and restocked once, despite failures and crashes, and the
//! end of the order is published.

use crate::simulation::{Answer, ID, PRICE, Simulation, run, shipment_event};
use chassis::store::Store;
use orders::domain::{ShipmentStatus, Status};
use serde_json::{Value, json};

fn placed() -> Simulation {
    let simulation = Simulation::new();
    assert_eq!(simulation.place().status, Status::Confirmed);
    simulation
}

/// Parcels with these quantities and statuses.
fn receive(simulation: &Simulation, sequence: u64, parcels: &[(u32, &str)]) {
    simulation.receive(&shipment_event(ID, sequence, parcels));
}

/// The refunded amounts and restocked quantities by parcel.
fn returned(simulation: &Simulation) -> Vec<(String, i64, u32)> {
    simulation.with(|state| {
        let it = state.participants(ID);
        assert_eq!(it.refunds.len(), it.restocked.len());
        let both = it.refunds.iter().zip(&it.restocked);
        both.map(|((id, amount), (_, quantity))| (id.clone(), *amount, *quantity)).collect()
    })
}

#[test]
fn a_returned_order_is_refunded_and_restocked() {
    let simulation = placed();
    for (sequence, status) in (1..).zip(["in_transit", "attempt_failed", "returned", "returned"]) {
        receive(&simulation, sequence, &[(2, status)]);
    }
    let order = simulation.settle(ID);
    assert_eq!(order.status, Status::Returned);
    assert_eq!(order.refunded().map(|money| money.amount), Some(2 * PRICE));
    assert_eq!(returned(&simulation), [("shp_1".to_owned(), 2 * PRICE, 2)]);
    let published = simulation.published();
    assert_eq!(published, ["order.placed", "order.confirmed", "order.shipped", "order.returned"]);
    let last: Value = serde_json::from_str(&simulation.log.events().pop().unwrap().data).unwrap();
    assert_eq!((&last["status"], &last["refunded"]["amount"]), (&json!("returned"), &json!(2_500)));
    simulation.check(&order);
}

#[test]
fn a_returned_part_is_refunded_and_the_rest_is_delivered() {
    let simulation = placed();
    receive(&simulation, 1, &[(1, "in_transit"), (1, "in_transit")]);
    receive(&simulation, 2, &[(1, "returned"), (1, "in_transit")]);
    assert_eq!(simulation.loaded(ID).order.status, Status::Shipped);
    assert_eq!(returned(&simulation), [("shp_1".to_owned(), PRICE, 1)], "immediately");
    receive(&simulation, 3, &[(1, "returned"), (1, "delivered")]);
    let order = simulation.settle(ID);
    assert_eq!(order.status, Status::Delivered);
    assert_eq!(order.refunded().map(|money| money.amount), Some(PRICE));
    assert_eq!(returned(&simulation).len(), 1, "once");
    let published = simulation.published();
    assert_eq!(published[2..], ["order.shipped", "order.refunded", "order.delivered"]);
    simulation.check_events(&order);
}

#[test]
fn each_returned_parcel_is_refunded() {
    let simulation = placed();
    receive(&simulation, 1, &[(1, "returned"), (1, "returned")]);
    let order = simulation.settle(ID);
    assert_eq!(order.status, Status::Returned);
    let each = |id: &str| (id.to_owned(), PRICE, 1);
    assert_eq!(returned(&simulation), [each("shp_1"), each("shp_2")]);
    simulation.check(&order);
}

#[test]
fn refunds_are_retried_until_they_succeed() {
    for action in ["RefundParcel", "RestockParcel"] {
        for answer in
            [Answer::Unavailable, Answer::RequestLost, Answer::ResponseLost, Answer::Refused]
        {
            let simulation = placed();
            simulation.script(action, &[answer; 3]);
            receive(&simulation, 1, &[(2, "returned")]);
            let order = simulation.settle(ID);
            assert_eq!(order.status, Status::Returned, "{action} {answer:?}");
            assert_eq!(returned(&simulation).len(), 1);
            simulation.check(&order);
        }
    }
}

#[test]
fn a_mismatched_refund_is_parked() {
    let simulation = placed();
    simulation.script("RefundParcel", &[Answer::Mismatch]);
    receive(&simulation, 1, &[(2, "returned")]);
    let parked = simulation.loaded(ID).order;
    assert_eq!(parked.status, Status::Shipped);
    assert_eq!(parked.saga.parked.as_deref(), Some("10 instead of 100"));
    assert!(parked.saga.parked_since_ms.is_some());
    assert_eq!(simulation.published().last().unwrap(), "saga.parked");
    let resumed = simulation.resume().unwrap();
    assert_eq!((resumed.status, resumed.saga.parked_since_ms), (Status::Returned, None));
}

#[test]
fn an_incomplete_compensation_is_parked() {
    let simulation = Simulation::new();
    simulation.script("Commit", &[Answer::Refused]);
    simulation.script("CancelPayment", &[Answer::Mismatch]);
    let order = simulation.place();
    assert_eq!(order.saga.parked.as_deref(), Some("10 instead of 100"));
    simulation.resume().unwrap();
    simulation.check(&simulation.settle(ID));
}

/// Older versions recorded returned parcels without their contents, and had no refunds.
#[test]
fn a_returned_order_of_an_older_version_is_refunded_with_data_from_shipping() {
    let simulation = placed();
    receive(&simulation, 1, &[(2, "in_transit")]);
    let key = format!("order:{ID}");
    let stored = String::from_utf8(run(simulation.store.get(&key)).unwrap().unwrap()).unwrap();
    let lines = r#","lines":[{"sku":"SKU-1","quantity":2}]}]"#;
    let old = stored.replace(lines, "}]").replace("in_transit", "returned");
    assert!(old.len() < stored.len() && !old.contains("\"lines\":[{"), "{old}");
    run(simulation.store.set(&key, old.as_bytes())).unwrap();
    assert_eq!(simulation.settle(ID).status, Status::Shipped);
    simulation.set_parcel(ID, ShipmentStatus::Returned);
    simulation.advance(3_700_000);
    simulation.touch();
    let order = simulation.settle(ID);
    assert_eq!(order.status, Status::Returned);
    assert_eq!(returned(&simulation), [("shp_1".to_owned(), 2 * PRICE, 2)]);
}
