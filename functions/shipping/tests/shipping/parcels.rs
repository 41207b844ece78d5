//! What callers of shipping see.

use chassis::store::Store;
use chassis::testing::{
    Client, Issuer, ManualClock, MemoryProducer, MemoryStore, Operation, ScriptedStore,
};
use serde_json::{Value, json};
use shipping::domain::{Line, Parcel, Refusal, Simulation, Status};
use shipping::routes::{Api, router};
use shipping::service::Shipping;

use super::{START_MS, address};

const ORDER: &str = "ord_1";
const OFF: Simulation = Simulation { pickup_ms: 0 };

type Service = Shipping<MemoryStore, MemoryProducer, ManualClock>;

fn over(store: MemoryStore) -> Service {
    Shipping::new(store, MemoryProducer::new(), OFF, ManualClock::new(START_MS))
}

fn client(shipping: &Service) -> Client {
    Client::new(router(Api { shipping: shipping.clone(), keys: Issuer::new().key_set() }))
}

fn lines(quantity: u32) -> Vec<Line> {
    vec![Line { sku: "A".to_owned(), quantity }]
}

/// An order of two parcels.
async fn create(shipping: &Service) -> Result<Vec<Parcel>, Refusal> {
    shipping.create(ORDER, "usr_1", &lines(60), address(0)).await
}

#[tokio::test]
async fn steps_that_were_seen_are_stored() {
    let (store, clock) = (MemoryStore::new(), ManualClock::new(START_MS));
    let service = |pickup_ms| {
        let simulation = Simulation { pickup_ms };
        Shipping::new(store.clone(), MemoryProducer::new(), simulation, clock.clone())
    };
    let shipping = service(4_000);
    create(&shipping).await.unwrap();
    clock.advance(4_000);
    assert_eq!(shipping.of_order(ORDER).await.unwrap()[0].status(), Status::InTransit);
    assert_eq!(service(0).of_order(ORDER).await.unwrap()[0].status(), Status::InTransit);
    // Long enough for a second attempt.
    clock.advance(32_000);
    assert_eq!(shipping.of_order(ORDER).await.unwrap()[1].status(), Status::Delivered);
    assert_eq!(shipping.cancel(ORDER).await, Err(Refusal::TooLate));
    assert!(shipping.of_order("ord_2").await.unwrap().is_empty());
}

#[tokio::test]
async fn an_order_that_is_canceled_during_its_creation_is_not_shipped() {
    let store = MemoryStore::new();
    let other = over(store.clone());
    let store = ScriptedStore::new(store).before(move |operation, key| {
        let is_creation = operation == Operation::Swap && key == "order:ord_1";
        let other = other.clone();
        async move {
            if is_creation {
                other.cancel(ORDER).await.unwrap();
            }
            Ok(())
        }
    });
    let clock = ManualClock::new(START_MS);
    let shipping = Shipping::new(store, MemoryProducer::new(), OFF, clock);
    let created = shipping.create(ORDER, "usr_1", &lines(60), address(0)).await;
    assert_eq!(created, Err(Refusal::Cancelled));
    assert!(shipping.of_order(ORDER).await.unwrap().is_empty());
}

#[tokio::test]
async fn invalid_requests_are_refused() {
    let shipping = over(MemoryStore::new());
    let mut nowhere = address(0);
    nowhere.country = "Austria".to_owned();
    for (id, lines, to) in [
        (ORDER, lines(0), address(0)),
        (ORDER, lines(1_001), address(0)),
        (ORDER, Vec::new(), address(0)),
        (ORDER, lines(1), nowhere),
        ("", lines(1), address(0)),
    ] {
        let refused = shipping.create(id, "usr_1", &lines, to).await;
        assert!(matches!(refused, Err(Refusal::Invalid(_))), "{refused:?}");
    }
}

#[tokio::test]
async fn administrators_report_for_couriers() {
    let shipping = over(MemoryStore::new());
    let id = &create(&shipping).await.unwrap()[0].id;
    let (client, path) = (client(&shipping), format!("/api/v1/shipments/{id}/events"));
    let moved = json!({"status": "in_transit"});
    client.customer("usr_1").post(&path, &moved).await.expect_problem(403, "forbidden");
    let admin = client.admin();
    for status in ["in_transit", "attempt_failed", "attempt_failed", "in_transit"] {
        let shipment = admin.post(&path, &json!({"status": status})).await.expect(200);
        assert_eq!(shipment["status"], status);
    }
    let shipment = admin.get(&format!("/api/v1/shipments/{id}")).await.expect(200);
    assert_eq!(shipment["history"].as_array().unwrap().len(), 4, "a repetition changes nothing");
    for (body, expected) in [
        (json!({"status": "created"}), 409),
        (json!({"status": "returned"}), 409),
        (json!({"status": "cancelled"}), 409),
        (json!({"status": "lost"}), 422),
        (json!({}), 422),
    ] {
        admin.post(&path, &body).await.expect(expected);
    }
    let unknown = admin.post("/api/v1/shipments/shp_none/events", &moved).await;
    unknown.expect_problem(404, "not-found");
}

#[tokio::test]
async fn a_sweep_returns_its_counts() {
    let shipping = over(MemoryStore::new());
    create(&shipping).await.unwrap();
    let counts = client(&shipping).post("/sweep", &Value::Null).await.expect(200);
    assert_eq!((&counts["orders"], &counts["outboxes"]["failed"]), (&json!(0), &json!(0)));
}

/// The keys of all values that contain an address.
async fn with_address(store: &MemoryStore) -> Vec<String> {
    let mut found = Vec::new();
    for key in store.keys() {
        let value = store.get(&key).await.unwrap().unwrap_or_default();
        if String::from_utf8_lossy(&value).contains("Hauptstr") {
            found.push(key);
        }
    }
    found
}

#[tokio::test]
async fn the_address_is_erased_when_the_last_parcel_has_ended() {
    for statuses in [&[Status::InTransit, Status::Delivered][..], &[]] {
        let store = MemoryStore::new();
        let shipping = over(store.clone());
        let parcels = create(&shipping).await.unwrap();
        for (number, parcel) in parcels.iter().enumerate() {
            for status in statuses {
                assert_eq!(with_address(&store).await, [format!("order:{ORDER}")], "{number}");
                shipping.report(&parcel.id, *status).await.unwrap();
            }
        }
        if statuses.is_empty() {
            shipping.cancel(ORDER).await.unwrap();
        }
        assert_eq!(with_address(&store).await, Vec::<String>::new());
        let again = create(&shipping).await.ok();
        let ids = |parcels: &[Parcel]| -> Vec<String> {
            parcels.iter().map(|parcel| parcel.id.clone()).collect()
        };
        let expected = (!statuses.is_empty()).then(|| ids(&parcels));
        assert_eq!(again.map(|again| ids(&again)), expected, "nothing is shipped again");
        assert_eq!(with_address(&store).await, Vec::<String>::new());
    }
}

/// Old values with addresses, and an unreadable one.
#[tokio::test]
async fn sweeps_erase_old_addresses() {
    let store = MemoryStore::new();
    let shipping = over(store.clone());
    for number in 0..250 {
        let id = format!("ord_{number}");
        let parcels = shipping.create(&id, "usr_1", &lines(1), address(0)).await.unwrap();
        let key = format!("order:{id}");
        let mut value: Value = store.read(&key).await.unwrap().unwrap();
        let to = value["to"].clone();
        if number > 0 {
            shipping.report(&parcels[0].id, Status::InTransit).await.unwrap();
            shipping.report(&parcels[0].id, Status::Delivered).await.unwrap();
            value = store.read(&key).await.unwrap().unwrap();
            value["to"] = to;
            store.write(&key, &value).await.unwrap();
        }
    }
    store.set("order:ord_7", b"?").await.unwrap();
    let mut erased = Vec::new();
    for _ in 0..4 {
        erased.push(shipping.sweep().await.unwrap().erased);
    }
    assert_eq!(erased, [98, 100, 50, 0]);
    assert_eq!(with_address(&store).await, ["order:ord_0"], "its parcel is in transit");
}

#[tokio::test]
async fn an_unreadable_van_does_not_stop_a_sweep() {
    let store = MemoryStore::new();
    let log = MemoryProducer::new();
    let shipping = Shipping::new(store.clone(), log.clone(), OFF, ManualClock::new(START_MS));
    log.set_down(true);
    create(&shipping).await.unwrap();
    log.set_down(false);
    store.set("van:NIP:3", b"?").await.unwrap();
    assert!(matches!(shipping.sweep().await, Err(Refusal::Unavailable(_))));
    assert_eq!(log.events().len(), 1);
}
