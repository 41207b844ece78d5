//! Customers who delete their account are erased from their orders: immediately from finished ones,
//! and from others when they finish. Data for accounting stays.

use crate::simulation::{
    ADA, Answer, ID, Process, Shop, Simulation, at_every_wait, placed, run, shipment_event,
};
use chassis::events::Event as CloudEvent;
use chassis::sealed::ACCOUNT_DELETED;
use chassis::store::{Store, StoreError};
use orders::domain::{Event, Order, Placed, Status};
use orders::records::{Lease, Loaded};
use orders::service::ERASE_MS;
use serde_json::{Value, json};

const USER: &str = "usr_1";
/// Orders on a page of a user's index.
const PAGE: usize = 100;

fn ordered() -> Simulation {
    let simulation = Simulation::new();
    simulation.place();
    simulation
}

fn erase(simulation: &Simulation) -> Result<bool, StoreError> {
    run(simulation.process().erase_customer(USER))
}

fn deliver(simulation: &Simulation) {
    simulation.receive(&shipment_event(ID, 1, &[(2, "delivered")]));
}

/// The keys of all values that contain the address or the payment token.
fn with_personal_data(simulation: &Simulation) -> Vec<String> {
    let has_personal_data = |key: &String| {
        let value = run(simulation.store.get(key)).unwrap().unwrap_or_default();
        let value = String::from_utf8_lossy(&value).into_owned();
        ["Ada", "Hauptstr", "Wien", "tok_"].iter().any(|text| value.contains(text))
    };
    simulation.store.keys().into_iter().filter(has_personal_data).collect()
}

fn assert_erased(simulation: &Simulation) {
    assert_eq!(with_personal_data(simulation), Vec::<String>::new());
}

/// What must stay.
fn accounting(order: &Order) -> (Status, u64, Placed) {
    let placed = order.placed.clone();
    let erased = Placed { shipping_address: None, payment_method: String::new(), ..placed };
    (order.status, order.version, erased)
}

#[test]
fn a_finished_order_is_erased_immediately_and_keeps_its_data_for_accounting() {
    type End = fn(&Simulation);
    let ends: [(Status, End); 3] = [
        (Status::Cancelled, |simulation| drop(simulation.cancel())),
        (Status::Delivered, deliver),
        (Status::Rejected, |_| {}),
    ];
    for (status, end) in ends {
        let simulation = Simulation::new();
        if status == Status::Rejected {
            simulation.script("Authorize", &[Answer::Refused]);
        }
        simulation.place();
        end(&simulation);
        let before = simulation.loaded(ID).order;
        assert_eq!(before.status, status);
        assert_eq!(with_personal_data(&simulation), [format!("order:{ID}")]);
        for _ in 0..2 {
            assert_eq!(erase(&simulation), Ok(true));
        }
        assert_erased(&simulation);
        let after = simulation.loaded(ID).order;
        assert_eq!(accounting(&after), accounting(&before));
        simulation.check(&after);
    }
}

#[test]
fn an_unfinished_order_keeps_the_address_until_it_finishes() {
    let simulation = ordered();
    assert_eq!(erase(&simulation), Ok(true));
    assert!(simulation.loaded(ID).order.placed.shipping_address.is_some());
    deliver(&simulation);
    assert_eq!(simulation.loaded(ID).order.status, Status::Delivered);
    assert_erased(&simulation);
    simulation.check(&simulation.settle(ID));
}

#[test]
fn an_order_that_is_placed_after_the_deletion_is_erased_at_its_end() {
    let simulation = Simulation::new();
    assert_eq!(erase(&simulation), Ok(true));
    simulation.place();
    simulation.cancel().unwrap();
    assert_erased(&simulation);
}

#[test]
fn orders_of_other_customers_are_not_changed() {
    let simulation = ordered();
    deliver(&simulation);
    assert_eq!(run(simulation.process().erase_customer("usr_2")), Ok(true));
    assert_eq!(with_personal_data(&simulation), [format!("order:{ID}")]);
}

/// The request that ends the order stops at each of its waits while the account is deleted. Then it
/// continues, or never does.
#[test]
fn the_end_of_an_order_may_be_interrupted_at_any_point() {
    let event = shipment_event(ID, 1, &[(2, "delivered")]);
    for dies in [true, false] {
        let end = async |process: Process| process.process(&event).await.unwrap();
        let waits = at_every_wait(ordered, end, |simulation, resume| {
            assert_eq!(erase(simulation), Ok(true));
            if !dies {
                resume();
            }
            simulation.advance(31_000);
            deliver(simulation);
            assert_eq!(simulation.settle(ID).status, Status::Delivered);
            assert_erased(simulation);
        });
        assert!(waits > 8, "{waits}");
    }
}

/// The same for the request that handles the deletion. If it dies, the event is delivered again.
#[test]
fn the_erasure_may_be_interrupted_at_any_point() {
    for dies in [true, false] {
        let work = async |process: Process| process.erase_customer(USER).await;
        let waits = at_every_wait(ordered, work, |simulation, resume| {
            deliver(simulation);
            assert_eq!(if dies { erase(simulation) } else { resume() }, Ok(true));
            assert_erased(simulation);
        });
        assert!(waits > 4, "{waits}");
    }
}

/// Rejected orders of one customer.
fn many(simulation: &Simulation, count: usize) -> Vec<String> {
    let records = simulation.records();
    let make = |number: usize| {
        let id = format!("ord_01930000-0000-7000-8000-{number:012}");
        let lease = Lease { owner: "test".to_owned(), until_ms: 1, incarnation: None };
        let mut loaded = run(records.create(placed(&id), 1, lease)).unwrap().expect("new");
        let reject = |loaded: &mut Loaded| {
            let event = Event::Rejected { code: "no".to_owned(), detail: "refused".to_owned() };
            loaded.push(event, 1)
        };
        run(records.decide(&mut loaded, reject)).unwrap();
        run(records.unmark(&id)).unwrap();
        id
    };
    (0..count).map(make).collect()
}

#[test]
fn an_unreadable_order_does_not_stop_the_erasure_of_others() {
    let simulation = Simulation::new();
    let ids = many(&simulation, 2 * PAGE + 50);
    let key = format!("order:{}", ids[120]);
    let readable = run(simulation.store.get(&key)).unwrap().unwrap();
    run(simulation.store.set(&key, b"nonsense")).unwrap();
    assert!(matches!(erase(&simulation), Err(StoreError::Corrupt { .. })));
    assert_erased(&simulation);
    run(simulation.store.set(&key, &readable)).unwrap();
    assert_eq!(erase(&simulation), Ok(true));
    assert_erased(&simulation);
}

#[test]
fn many_orders_are_processed_in_several_calls() {
    let simulation = Simulation::new();
    many(&simulation, 3 * PAGE);
    simulation.with(|state| state.order_read_ms = ERASE_MS / PAGE as u64);
    let call = || (erase(&simulation), with_personal_data(&simulation).len());
    assert_eq!(call(), (Ok(false), 2 * PAGE));
    assert_eq!(call(), (Ok(false), PAGE));
    assert_eq!(call(), (Ok(true), 0));
    assert_eq!(call(), (Ok(true), 0));
}

#[test]
fn orders_of_each_version_are_erased() {
    let finished = include_str!("../fixtures/order-v1.json");
    for stored in [finished, include_str!("../fixtures/order-v1-begun.json")] {
        let simulation = Simulation::new();
        let value: Value = serde_json::from_str(stored).unwrap();
        let id = value["events"][0]["id"].as_str().unwrap();
        let set =
            |key: &str, value: &str| run(simulation.store.set(key, value.as_bytes())).unwrap();
        set(&format!("order:{id}"), stored.trim());
        set(&format!("orders_of:{USER}"), &json!({"page": 0, "ids": [id]}).to_string());
        let before = simulation.loaded(id);
        assert_eq!(erase(&simulation), Ok(true));
        let after = simulation.loaded(id);
        assert_eq!(accounting(&after.order), accounting(&before.order));
        assert_eq!(after.order.placed.is_erased(), before.order.status.is_final());
        assert_eq!(after.history().unwrap().len(), before.history().unwrap().len());
    }
}

#[tokio::test]
async fn after_the_deletion_event_administrators_see_no_address() {
    let shop = Shop::new();
    let order = shop.place().await;
    let path = format!("/api/v1/orders/{}", order["id"].as_str().unwrap());
    shop.post(shop.customer(), &format!("{path}/cancel")).await.expect(200);
    let event = |data: Value| CloudEvent {
        id: format!("{ADA}.3"),
        source: "/shop/identity".to_owned(),
        kind: ACCOUNT_DELETED.to_owned(),
        subject: Some(ADA.to_owned()),
        data: data.to_string(),
        ..shipment_event(ID, 3, &[])
    };
    shop.client().deliver(&event(json!({}))).await.expect(422);
    for _ in 0..2 {
        shop.client().deliver(&event(json!({"user_id": ADA}))).await.expect(204);
    }
    let seen = shop.admin().get(&path).await.expect(200);
    assert_eq!(seen["shipping_address"], Value::Null);
    assert_eq!((&seen["status"], &seen["total"]), (&json!("cancelled"), &order["total"]));
    let history = shop.admin().get(&format!("{path}/history")).await.expect(200);
    assert!(!history.to_string().contains("Hauptstr"), "{history}");
}
