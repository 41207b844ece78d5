//! Shipping over a store: what callers see, also when the power goes off in between.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use chassis::auth::testing::Issuer;
use chassis::events::{MemoryProducer, Producer};
use chassis::store::{FailingStore, MemoryStore, Store};
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use shipping::domain::{Address, Line, Simulation, Status};
use shipping::routes::{Api, router};
use shipping::service::{Refusal, Shipping};
use tower::ServiceExt;

const ORDER: &str = "ord_1";
const OFF: Simulation = Simulation { pickup_ms: 0 };

fn now_ms() -> u64 {
    1_800_000_000_000
}

fn over<S: Store>(store: S) -> Shipping<S, MemoryProducer> {
    Shipping::new(store, MemoryProducer::new(), OFF, now_ms)
}

fn address() -> Address {
    Address {
        name: "Ada".to_owned(),
        street: "Hauptstr. 1".to_owned(),
        city: "Wien".to_owned(),
        postal_code: "1010".to_owned(),
        country: "AT".to_owned(),
    }
}

fn lines(quantity: u32) -> Vec<Line> {
    vec![Line { sku: "A".to_owned(), quantity }]
}

async fn create<S: Store, P: Producer>(
    shipping: &Shipping<S, P>,
) -> Result<Vec<shipping::domain::Parcel>, Refusal> {
    shipping.create(ORDER, "usr_1", &lines(60), address()).await
}

#[tokio::test]
async fn creating_twice_is_once() {
    let shipping = over(MemoryStore::new());
    let first = create(&shipping).await.unwrap();
    assert_eq!(first.len(), 2, "60 pieces are two parcels");
    assert_eq!(create(&shipping).await.unwrap(), first);
    assert_eq!(shipping.of_order(ORDER).await.unwrap(), first);
    assert!(shipping.of_order("ord_2").await.unwrap().is_empty());
}

#[tokio::test]
async fn what_was_called_off_first_is_never_shipped() {
    let shipping = over(MemoryStore::new());
    shipping.cancel(ORDER).await.unwrap();
    shipping.cancel(ORDER).await.unwrap();
    assert_eq!(create(&shipping).await, Err(Refusal::Cancelled));
    assert!(shipping.of_order(ORDER).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_parcel_on_its_way_is_not_called_off() {
    let shipping = over(MemoryStore::new());
    let parcels = create(&shipping).await.unwrap();
    let (order, moved) = shipping.report(&parcels[1].id, Status::InTransit).await.unwrap();
    assert_eq!(order, ORDER);
    assert_eq!(moved.status(), Status::InTransit);
    assert_eq!(shipping.cancel(ORDER).await, Err(Refusal::TooLate));
    let parcels = shipping.of_order(ORDER).await.unwrap();
    assert_eq!(parcels[0].status(), Status::Created);
}

static CLOCK_MS: AtomicU64 = AtomicU64::new(1_800_000_000_000);

fn moving_ms() -> u64 {
    CLOCK_MS.load(Ordering::SeqCst)
}

#[tokio::test]
async fn what_somebody_has_seen_is_kept() {
    let store = MemoryStore::new();
    let on = Simulation { pickup_ms: 4_000 };
    let shipping = Shipping::new(store.clone(), MemoryProducer::new(), on, moving_ms);
    create(&shipping).await.unwrap();
    CLOCK_MS.fetch_add(4_000, Ordering::SeqCst);
    assert_eq!(shipping.of_order(ORDER).await.unwrap()[0].status(), Status::InTransit);
    let later = Shipping::new(store.clone(), MemoryProducer::new(), OFF, moving_ms);
    assert_eq!(later.of_order(ORDER).await.unwrap()[0].status(), Status::InTransit);
    // Long enough for a second attempt.
    CLOCK_MS.fetch_add(32_000, Ordering::SeqCst);
    assert_eq!(shipping.of_order(ORDER).await.unwrap()[1].status(), Status::Delivered);
    assert_eq!(shipping.cancel(ORDER).await, Err(Refusal::TooLate));
}

#[tokio::test]
async fn requests_without_sense_are_refused() {
    let shipping = over(MemoryStore::new());
    let mut nowhere = address();
    nowhere.country = "Austria".to_owned();
    for (id, lines, to) in [
        (ORDER, lines(0), address()),
        (ORDER, lines(1_001), address()),
        (ORDER, Vec::new(), address()),
        (ORDER, lines(1), nowhere),
        ("", lines(1), address()),
    ] {
        let refused = shipping.create(id, "usr_1", &lines, to).await;
        assert!(matches!(refused, Err(Refusal::Invalid(_))), "{refused:?}");
    }
}

#[tokio::test]
async fn the_power_may_go_off_at_any_moment() {
    for operations in 0..80 {
        let disk = MemoryStore::new();
        let dying = over(FailingStore::after(operations, disk.clone()));
        let ended = create(&dying).await.is_ok();
        let shipping = over(disk);
        let parcels = create(&shipping).await.unwrap();
        assert_eq!(parcels.len(), 2);
        for parcel in parcels {
            assert_eq!(shipping.find(&parcel.id).await.unwrap().1, parcel);
        }
        if ended {
            return;
        }
    }
    panic!("shipping takes more operations than expected");
}

async fn report(
    shipping: &Shipping<MemoryStore, MemoryProducer>,
    role: &str,
    id: &str,
    body: &str,
) -> (StatusCode, Value) {
    let issuer = Issuer::new();
    let token = issuer.token("usr_1", &[role]);
    let request = Request::post(format!("/api/v1/shipments/{id}/events"))
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json")
        .body(Body::from(body.to_owned()))
        .unwrap();
    let api = Api { shipping: shipping.clone(), keys: issuer.key_set() };
    let answer = router(api).oneshot(request).await.unwrap();
    let status = answer.status();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn couriers_report_through_administrators() {
    let shipping = over(MemoryStore::new());
    let id = create(&shipping).await.unwrap()[0].id.clone();
    let moved = r#"{"status":"in_transit"}"#;
    assert_eq!(report(&shipping, "customer", &id, moved).await.0, StatusCode::FORBIDDEN);
    let (status, shipment) = report(&shipping, "admin", &id, moved).await;
    assert_eq!((status, &shipment["status"]), (StatusCode::OK, &json!("in_transit")));
    assert_eq!(shipment["history"].as_array().unwrap().len(), 2);
    for (id, body, expected) in [
        (id.as_str(), r#"{"status":"created"}"#, 409),
        (id.as_str(), r#"{"status":"returned"}"#, 409),
        (id.as_str(), r#"{"status":"cancelled"}"#, 409),
        (id.as_str(), r#"{"status":"lost"}"#, 422),
        (id.as_str(), "{}", 422),
        ("shp_none", moved, 404),
    ] {
        assert_eq!(report(&shipping, "admin", id, body).await.0.as_u16(), expected, "{body}");
    }
}

#[tokio::test]
async fn nobody_at_home_is_reported_and_tried_again() {
    let shipping = over(MemoryStore::new());
    let id = create(&shipping).await.unwrap()[0].id.clone();
    for status in ["in_transit", "attempt_failed", "attempt_failed", "in_transit", "delivered"] {
        let body = json!({ "status": status }).to_string();
        let (code, shipment) = report(&shipping, "admin", &id, &body).await;
        assert_eq!((code, &shipment["status"]), (StatusCode::OK, &json!(status)));
    }
    let (_, parcel) = shipping.find(&id).await.unwrap();
    assert_eq!(parcel.changes.len(), 4, "a repeated report is none");
}

#[tokio::test]
async fn a_sweep_is_answered_with_counts() {
    let shipping = over(MemoryStore::new());
    create(&shipping).await.unwrap();
    let api = Api { shipping, keys: Issuer::new().key_set() };
    let request = Request::post("/sweep").body(Body::empty()).unwrap();
    let answer = router(api).oneshot(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    let counts: Value = serde_json::from_slice(&body).unwrap();
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
async fn the_address_is_erased_with_the_last_parcel_and_nothing_is_shipped_again() {
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
        let ids = |parcels: &[shipping::domain::Parcel]| {
            parcels.iter().map(|parcel| parcel.id.clone()).collect::<Vec<_>>()
        };
        let expected = (!statuses.is_empty()).then(|| ids(&parcels));
        assert_eq!(again.map(|parcels| ids(&parcels)), expected);
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
        let parcels = shipping.create(&id, "usr_1", &lines(1), address()).await.unwrap();
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
    assert_eq!(with_address(&store).await, ["order:ord_0"], "it is still under way");
}

#[tokio::test]
async fn an_unreadable_van_does_not_stop_a_sweep() {
    let store = MemoryStore::new();
    let log = MemoryProducer::new();
    let shipping = Shipping::new(store.clone(), log.clone(), OFF, now_ms);
    log.set_down(true);
    create(&shipping).await.unwrap();
    log.set_down(false);
    store.set("van:NIP:3", b"?").await.unwrap();
    assert!(matches!(shipping.sweep().await, Err(Refusal::Unavailable(_))));
    assert_eq!(log.events().len(), 1);
}
