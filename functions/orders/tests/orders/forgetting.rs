//! Customers who delete their account are erased from their orders: immediately from finished ones,
//! and from others when they finish. The books stay.

use std::collections::BTreeMap;
use std::pin::pin;

use crate::world::shop::{ADA, Shop, body, read};
use crate::world::{Gated, Mood, World, request, run, step};
use axum::body::Body;
use chassis::events::Event as CloudEvent;
use chassis::sealed::ACCOUNT_DELETED;
use chassis::store::{Store, StoreError};
use http::{Request, StatusCode};
use orders::domain::{Event, Order, Placed, Status};
use orders::records::{Lease, Loaded};
use orders::service::{ERASE_MS, EventOutcome, Orders, SHIPMENT_CHANGED};
use serde_json::{Value, json};

const USER: &str = "usr_1";
const ID: &str = "ord_01930000-0000-7000-8000-000000000001";
/// Orders on a page of a user's index.
const PAGE: usize = 100;

fn place(world: &World) -> Status {
    run(world.process("customer").place(request(ID))).unwrap().order.status
}

fn forget(world: &World) -> Result<bool, StoreError> {
    run(world.process(&chassis::id::new("run")).erase_customer(USER))
}

/// The event that the parcel was delivered.
fn delivered() -> CloudEvent {
    let shipment = json!({
        "id": "shp_1", "status": "delivered", "courier": "north", "tracking_code": "T1",
        "lines": [{"sku": "SKU-1", "quantity": 2}],
    });
    CloudEvent {
        id: format!("{ID}.1"),
        source: "/shop/shipping".to_owned(),
        kind: SHIPMENT_CHANGED.to_owned(),
        subject: Some(ID.to_owned()),
        time: None,
        data_content_type: Some("application/json".to_owned()),
        data_schema: None,
        extensions: BTreeMap::from([("sequence".to_owned(), "1".to_owned())]),
        data: json!({"order_id": ID, "cancelled": false, "shipments": [shipment]}).to_string(),
    }
}

fn deliver(world: &World) {
    let process = world.process(&chassis::id::new("run"));
    assert_eq!(run(process.process(&delivered())).unwrap(), EventOutcome::Done);
}

/// The keys of all values that contain the address or the payment token.
fn with_person(world: &World) -> Vec<String> {
    let has_person = |key: &String| {
        let value = run(world.1.get(key)).unwrap().unwrap_or_default();
        let value = String::from_utf8_lossy(&value).into_owned();
        ["Ada", "Hauptstr", "Wien", "tok_"].iter().any(|text| value.contains(text))
    };
    world.1.keys().into_iter().filter(has_person).collect()
}

fn books(order: &Order) -> (Status, u64, Placed) {
    let placed = order.placed.clone();
    let erased = Placed { shipping_address: None, payment_method: String::new(), ..placed };
    (order.status, order.version, erased)
}

#[test]
fn a_finished_order_is_erased_immediately_and_keeps_its_books() {
    type End = fn(&World);
    let ends: [(Status, End); 3] = [
        (Status::Cancelled, |world| drop(run(world.process("customer").cancel(ID, None)))),
        (Status::Delivered, deliver),
        (Status::Rejected, |_| {}),
    ];
    for (status, end) in ends {
        let world = World::new();
        if status == Status::Rejected {
            world.mood("Authorize", &[Mood::Refuses]);
        }
        place(&world);
        end(&world);
        let before = world.loaded(ID).order;
        assert_eq!(before.status, status);
        assert_eq!(with_person(&world), [format!("order:{ID}")]);
        for _ in 0..2 {
            assert_eq!(forget(&world), Ok(true));
        }
        assert_eq!(with_person(&world), Vec::<String>::new(), "{status:?}");
        let after = world.loaded(ID).order;
        assert_eq!(books(&after), books(&before));
        world.check(&after);
    }
}

#[test]
fn an_unfinished_order_keeps_the_address_until_it_finishes() {
    let world = World::new();
    assert_eq!(place(&world), Status::Confirmed);
    assert_eq!(forget(&world), Ok(true));
    assert!(world.loaded(ID).order.placed.shipping_address.is_some());
    deliver(&world);
    assert_eq!(world.loaded(ID).order.status, Status::Delivered);
    assert_eq!(with_person(&world), Vec::<String>::new());
    world.check(&world.settle(ID));
}

#[test]
fn an_order_that_is_placed_after_the_deletion_is_erased_at_its_end() {
    let world = World::new();
    assert_eq!(forget(&world), Ok(true));
    place(&world);
    run(world.process("customer").cancel(ID, None)).unwrap();
    assert_eq!(with_person(&world), Vec::<String>::new());
}

#[test]
fn orders_of_other_customers_stay_as_they_are() {
    let world = World::new();
    place(&world);
    deliver(&world);
    assert_eq!(run(world.process("handler").erase_customer("usr_2")), Ok(true));
    assert_eq!(with_person(&world), [format!("order:{ID}")]);
}

/// The request that ends the order stops before each of its operations while the account is
/// deleted. Then it continues, or never does.
#[test]
fn the_end_of_an_order_may_be_interleaved_or_interrupted_at_any_step() {
    for dies in [true, false] {
        for wait in 1.. {
            let world = World::new();
            place(&world);
            world.with(|state| state.stop_at = Some(state.waits + wait));
            let process = world.process("end");
            let event = delivered();
            let mut end = pin!(process.process(&event));
            let ended = step(end.as_mut()).is_ready();
            if ended {
                world.with(|state| state.stop_at = None);
            }
            assert_eq!(forget(&world), Ok(true));
            if !dies && !ended {
                world.with(|state| state.released = true);
                assert!(step(end.as_mut()).is_ready());
            }
            world.with(|state| {
                state.stop_at = None;
                state.now_ms += 31_000;
            });
            deliver(&world);
            assert_eq!(world.settle(ID).status, Status::Delivered);
            assert_eq!(with_person(&world), Vec::<String>::new(), "stopped at {wait}");
            if ended {
                assert!(wait > 8, "{wait}");
                break;
            }
        }
    }
}

/// The same for the request that handles the deletion.
#[test]
fn the_erasure_may_be_interleaved_or_interrupted_at_any_step() {
    for dies in [true, false] {
        for wait in 1.. {
            let world = World::new();
            place(&world);
            world.with(|state| state.stop_at = Some(state.waits + wait));
            let process = world.process("forgetting");
            let mut forgetting = pin!(process.erase_customer(USER));
            let forgotten = step(forgetting.as_mut()).is_ready();
            if forgotten {
                world.with(|state| state.stop_at = None);
            }
            deliver(&world);
            if !dies && !forgotten {
                world.with(|state| state.released = true);
                assert!(step(forgetting.as_mut()).is_ready());
            }
            world.with(|state| state.stop_at = None);
            if dies {
                // The event is delivered again.
                assert_eq!(forget(&world), Ok(true));
            }
            assert_eq!(with_person(&world), Vec::<String>::new(), "stopped at {wait}");
            if forgotten {
                assert!(wait > 4, "{wait}");
                break;
            }
        }
    }
}

/// Rejected orders of one person.
fn many(world: &World, count: usize) -> Vec<String> {
    let records = world.records();
    let make = |number: usize| {
        let id = format!("ord_01930000-0000-7000-8000-{number:012}");
        let request = request(&id);
        let placed = Placed {
            id: id.clone(),
            user_id: USER.to_owned(),
            items: Vec::new(),
            total: chassis::money::Money::new(1, "EUR"),
            shipping_address: Some(request.shipping_address),
            payment_method: request.payment_method,
            cart_version: None,
        };
        let lease = Lease { owner: "one".to_owned(), until_ms: 1, incarnation: None };
        let mut loaded = run(records.create(placed, 1, lease)).unwrap().expect("new");
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
    let world = World::new();
    let ids = many(&world, 2 * PAGE + 50);
    let key = format!("order:{}", ids[120]);
    let sound = run(world.1.get(&key)).unwrap().unwrap();
    run(world.1.set(&key, b"nonsense")).unwrap();
    assert!(matches!(forget(&world), Err(StoreError::Corrupt { .. })));
    assert_eq!(with_person(&world), Vec::<String>::new());
    run(world.1.set(&key, &sound)).unwrap();
    assert_eq!(forget(&world), Ok(true));
    assert_eq!(with_person(&world), Vec::<String>::new(), "once it can be read");
}

/// A store in which reading a page of orders takes all the time of one call.
#[derive(Clone)]
struct Slow(World, Gated);

impl Store for Slow {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        if key.starts_with("order:") {
            self.0.with(|state| state.now_ms += ERASE_MS / PAGE as u64);
        }
        self.1.get(key).await
    }

    async fn set(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.1.set(key, value).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.1.delete(key).await
    }

    async fn increment(&self, key: &str, delta: i64) -> Result<i64, StoreError> {
        self.1.increment(key, delta).await
    }

    async fn compare_and_swap(
        &self,
        key: &str,
        expected: Option<&[u8]>,
        new: &[u8],
    ) -> Result<bool, StoreError> {
        self.1.compare_and_swap(key, expected, new).await
    }
}

#[test]
fn many_orders_are_processed_in_several_calls() {
    let world = World::new();
    many(&world, 3 * PAGE);
    let call = || {
        let slow = Slow(world.clone(), world.store());
        let orders = Orders::new(slow, world.clone(), world.clone(), chassis::id::new("run"));
        (run(orders.erase_customer(USER)), with_person(&world).len())
    };
    assert_eq!(call(), (Ok(false), 2 * PAGE));
    assert_eq!(call(), (Ok(false), PAGE));
    assert_eq!(call(), (Ok(true), 0));
    assert_eq!(call(), (Ok(true), 0));
}

#[test]
fn orders_of_every_version_are_erased() {
    let world = World::new();
    for (number, old) in
        [include_str!("../fixtures/order-v1.json"), include_str!("../fixtures/order-v1-begun.json")]
            .into_iter()
            .enumerate()
    {
        let value: Value = serde_json::from_str(old).unwrap();
        let id = value["events"][0]["id"].as_str().unwrap().to_owned();
        run(world.1.set(&format!("order:{id}"), old.trim().as_bytes())).unwrap();
        run(world.1.write(&format!("orders_of:{USER}"), &json!({"page": 0, "ids": [id]}))).unwrap();
        run(world.1.delete(&format!("forgotten:{USER}"))).unwrap();
        let before = world.loaded(&id);
        assert_eq!(forget(&world), Ok(true));
        let after = world.loaded(&id);
        assert_eq!(books(&after.order), books(&before.order), "{number}");
        assert_eq!(after.order.placed.is_erased(), before.order.status.is_final());
        assert_eq!(after.history().unwrap().len(), before.history().unwrap().len());
    }
}

fn account_deleted(data: &Value) -> Request<Body> {
    Request::post("/events")
        .header("ce-specversion", "1.0")
        .header("ce-id", format!("{ADA}.3"))
        .header("ce-source", "/shop/identity")
        .header("ce-type", ACCOUNT_DELETED)
        .header("ce-subject", ADA)
        .header("ce-partitionkey", ADA)
        .header("ce-sequence", "3")
        .header("content-type", "application/json")
        .body(Body::from(data.to_string()))
        .unwrap()
}

#[tokio::test]
async fn after_the_deletion_event_administrators_see_no_address() {
    let shop = Shop::new();
    let (_, order) = read(shop.order(ADA, "k1", &body()).await).await;
    let path = format!("/api/v1/orders/{}", order["id"].as_str().unwrap());
    shop.post(ADA, &format!("{path}/cancel")).await;
    let nameless = shop.send(account_deleted(&json!({}))).await;
    assert_eq!(nameless.status(), StatusCode::UNPROCESSABLE_ENTITY);
    for _ in 0..2 {
        let delivery = shop.send(account_deleted(&json!({"user_id": ADA}))).await;
        assert_eq!(delivery.status(), StatusCode::NO_CONTENT);
    }
    let (status, seen) = shop.get("usr_admin", &path).await;
    assert_eq!((status, &seen["shipping_address"]), (StatusCode::OK, &Value::Null));
    assert_eq!((&seen["status"], &seen["total"]), (&json!("cancelled"), &order["total"]));
    let (_, history) = shop.get("usr_admin", &format!("{path}/history")).await;
    assert!(!history.to_string().contains("Hauptstr"), "{history}");
}
