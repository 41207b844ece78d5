//! Versions, positions, what administrators may do, and many requests at once.

use std::collections::BTreeMap;
use std::sync::{Arc, Barrier};

use crate::world::shop::{ADA, Shop, body, read};
use crate::world::{Mood, World, request, run};
use axum::body::Body;
use chassis::store::Store;
use futures::future::join_all;
use http::{Request, Response, StatusCode};
use orders::domain::saga::PARK_ATTEMPTS;
use orders::service::CancelError;
use serde_json::{Value, json};

fn header<'a>(response: &'a Response<Body>, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

async fn cancel(shop: &Shop, path: &str, if_match: &str) -> Response<Body> {
    let request = shop.request("POST", ADA, &format!("{path}/cancel"));
    shop.send(request.header("if-match", if_match).body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn answers_tell_version_and_position() {
    let shop = Shop::new();
    let placed = shop.order(ADA, "k1", &body()).await;
    let tag = header(&placed, "etag").to_owned();
    let position = header(&placed, "x-projection-position").to_owned();
    let path = header(&placed, "location").to_owned();
    let (_, order) = read(placed).await;
    assert_eq!(position, format!("{}.2", order["id"].as_str().unwrap()));
    let again = shop.order(ADA, "k1", &body()).await;
    assert_eq!(header(&again, "idempotency-replayed"), "true");
    assert_eq!(
        (header(&again, "etag"), header(&again, "x-projection-position")),
        (&*tag, &*position)
    );
    let looked = shop.send(shop.request("GET", ADA, &path).body(Body::empty()).unwrap()).await;
    assert_eq!(
        (header(&looked, "etag"), header(&looked, "x-projection-position")),
        (&*tag, &*position)
    );

    let refused = cancel(&shop, &path, "\"1\"").await;
    assert_eq!(header(&refused, "etag"), tag);
    let (status, problem) = read(refused).await;
    assert_eq!(status, StatusCode::PRECONDITION_FAILED);
    assert_eq!(problem["type"], "/problems/precondition-failed");
    assert_eq!(cancel(&shop, &path, "7").await.status(), StatusCode::BAD_REQUEST);
    let cancelled = cancel(&shop, &path, &format!("\"1\", {tag}")).await;
    assert_eq!(cancelled.status(), StatusCode::OK);
    assert!(header(&cancelled, "x-projection-position").ends_with(".3"));
    assert_ne!(header(&cancelled, "etag"), tag);
}

async fn saga(shop: &Shop, id: &str) -> Value {
    let (status, saga) = shop.get("usr_admin", &format!("/api/v1/admin/orders/{id}/saga")).await;
    assert_eq!(status, StatusCode::OK);
    saga
}

#[tokio::test]
async fn administrators_see_a_parked_checkout_and_let_it_go_on() {
    let shop = Shop::new();
    shop.world.mood("Commit", &vec![Mood::Fails; PARK_ATTEMPTS as usize]);
    let (_, order) = read(shop.order(ADA, "k1", &body()).await).await;
    let id = order["id"].as_str().unwrap();
    shop.world.settle(id);
    let parked = saga(&shop, id).await;
    let direction = (&parked["status"], &parked["direction"]);
    assert_eq!(direction, (&json!("pending"), &json!("forward")));
    assert_eq!(parked["parked"]["reason"], "failed 24 times, last: test");
    let step = |name: &str, status: &str, attempts: u32, undo: &str, registered: &str| {
        json!({
            "name": name, "status": status, "attempts": attempts,
            "compensation": {"name": undo, "status": registered, "attempts": 0},
        })
    };
    let expected = json!([
        step("reserve", "done", 1, "release", "registered"),
        step("authorize", "done", 1, "cancel_payment", "registered"),
        step("capture", "done", 1, "cancel_payment", "registered"),
        step("commit", "started", PARK_ATTEMPTS, "take_back", "registered"),
        step("ship", "pending", 0, "cancel_shipment", "none"),
        {"name": "clear_cart", "status": "pending", "attempts": 0, "compensation": null},
    ]);
    assert_eq!(parked["steps"], expected);

    let resume = format!("/api/v1/admin/orders/{id}/resume");
    assert_eq!(shop.post(ADA, &resume).await.0, StatusCode::FORBIDDEN);
    let (status, order) = shop.post("usr_admin", &resume).await;
    assert_eq!((status, &order["status"]), (StatusCode::OK, &json!("confirmed")));
    let (status, problem) = shop.post("usr_admin", &resume).await;
    assert_eq!((status, &problem["type"]), (StatusCode::CONFLICT, &json!("/problems/not-parked")));
    assert_eq!(saga(&shop, id).await["parked"], Value::Null);

    shop.post(ADA, &format!("/api/v1/orders/{id}/cancel")).await;
    let undone = saga(&shop, id).await;
    assert_eq!(
        (&undone["status"], &undone["direction"]),
        (&json!("cancelled"), &json!("backward"))
    );
    assert_eq!(undone["steps"][3]["compensation"]["status"], "done");
    let nobody = "/api/v1/admin/orders/ord_01930000-0000-7000-8000-00000000ffff";
    for path in [format!("{nobody}/saga"), "/api/v1/admin/orders/x/saga".to_owned()] {
        assert_eq!(shop.get("usr_admin", &path).await.0, StatusCode::NOT_FOUND);
    }
    assert_eq!(shop.post("usr_admin", &format!("{nobody}/resume")).await.0, StatusCode::NOT_FOUND);
    let path = format!("/api/v1/admin/orders/{id}/saga");
    assert_eq!(shop.get(ADA, &path).await.0, StatusCode::FORBIDDEN);
}

/// The events of these types in an order's history, as `user` sees them.
async fn told(shop: &Shop, user: &str, id: &str, types: &[&str]) -> Vec<Value> {
    let (status, history) = shop.get(user, &format!("/api/v1/orders/{id}/history")).await;
    assert_eq!(status, StatusCode::OK);
    let events = history["items"].as_array().unwrap().iter();
    events.filter(|event| types.iter().any(|kind| event["type"] == *kind)).cloned().collect()
}

#[tokio::test]
async fn what_went_wrong_inside_is_told_to_administrators_only() {
    let shop = Shop::new();
    shop.world.mood("Commit", &vec![Mood::Fails; PARK_ATTEMPTS as usize]);
    let (_, order) = read(shop.order(ADA, "k1", &body()).await).await;
    let id = order["id"].as_str().unwrap();
    shop.world.settle(id);
    shop.post("usr_admin", &format!("/api/v1/admin/orders/{id}/resume")).await;
    for (kind, secret) in [("attempt_failed", "detail"), ("parked", "reason"), ("resumed", "by")] {
        let (own, all) =
            (told(&shop, ADA, id, &[kind]).await, told(&shop, "usr_admin", id, &[kind]).await);
        assert!(!own.is_empty() && own.len() == all.len(), "{kind}");
        assert!(own.iter().all(|event| event.get(secret).is_none()), "{own:?}");
        assert!(all.iter().all(|event| event[secret].is_string()), "{all:?}");
        assert!(own.iter().all(|event| event["at"].is_string() && event["sequence"].is_u64()));
    }

    let old = include_str!("../fixtures/order-v1.json").trim();
    let id = "ord_01930000-0000-7000-8000-000000000001";
    shop.world.1.set(&format!("order:{id}"), old.as_bytes()).await.unwrap();
    let types = ["attempt_failed", "retired"];
    let silence = |events: Vec<Value>| json!(events).to_string().contains("silence");
    assert!(!silence(told(&shop, "usr_1", id, &types).await), "nor in what older code wrote");
    assert!(silence(told(&shop, "usr_admin", id, &types).await));
}

fn delivery(kind: &str, id: &str, sequence: u64, status: &str) -> Request<Body> {
    let shipment =
        json!({"id": "shp_1", "status": status, "courier": "north", "tracking_code": "T1"});
    let data = json!({"order_id": id, "cancelled": false, "shipments": [shipment]});
    Request::post("/events")
        .header("ce-specversion", "1.0")
        .header("ce-id", format!("{id}.{sequence}"))
        .header("ce-source", "/shop/shipping")
        .header("ce-type", kind)
        .header("ce-subject", id)
        .header("ce-partitionkey", id)
        .header("ce-sequence", sequence.to_string())
        .header("content-type", "application/json")
        .body(Body::from(data.to_string()))
        .unwrap()
}

#[tokio::test]
async fn deliveries_are_answered_so_that_the_platform_knows_what_to_do() {
    let shop = Shop::new();
    let (_, order) = read(shop.order(ADA, "k1", &body()).await).await;
    let id = order["id"].as_str().unwrap();
    let changed = "com.shop.shipping.shipment.changed.v1";
    let answers = [
        (delivery(changed, id, 2, "in_transit"), StatusCode::TOO_EARLY),
        (delivery(changed, id, 1, "in_transit"), StatusCode::NO_CONTENT),
        (delivery(changed, id, 1, "in_transit"), StatusCode::NO_CONTENT),
        (delivery(changed, id, 2, "beamed up"), StatusCode::BAD_REQUEST),
        (delivery("com.shop.shipping.other.v1", id, 2, "whatever"), StatusCode::NO_CONTENT),
        (delivery(changed, "ord_unknown", 1, "created"), StatusCode::NO_CONTENT),
    ];
    for (number, (delivery, status)) in answers.into_iter().enumerate() {
        assert_eq!(shop.send(delivery).await.status(), status, "{number}");
    }
    let (_, order) = shop.get(ADA, &format!("/api/v1/orders/{id}")).await;
    assert_eq!(order["status"], "shipped");
    assert_eq!(shop.world.log(), ["order.placed", "order.confirmed", "order.shipped"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_identical_requests_make_one_order() {
    let shop = Arc::new(Shop::new());
    let requests = (0..100).map(|_| {
        let shop = Arc::clone(&shop);
        tokio::spawn(async move { read(shop.order(ADA, "the-same", &body()).await).await })
    });
    let mut placed = Vec::new();
    for answer in join_all(requests).await {
        let (status, body) = answer.unwrap();
        match status {
            StatusCode::CREATED => placed.push(body["id"].clone()),
            status => assert_eq!(status, StatusCode::CONFLICT, "{body}"),
        }
    }
    assert!(!placed.is_empty() && placed.iter().all(|id| *id == placed[0]));
    let (_, list) = shop.get(ADA, "/api/v1/orders").await;
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    shop.world.check(&shop.world.settle(placed[0].as_str().unwrap()));
}

/// Two threads on one order: one places it, the other calls it off as soon as it exists.
#[test]
fn cancelling_races_approving_a_thousand_times() {
    const ID: &str = "ord_01930000-0000-7000-8000-000000000001";
    const ROUNDS: usize = 1_000;
    let mut ends = BTreeMap::<&str, usize>::new();
    for round in 0..ROUNDS {
        let world = World::new();
        let start = Barrier::new(2);
        let (world, start) = (&world, &start);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                start.wait();
                run(world.process("first").place(request(ID))).unwrap();
            });
            scope.spawn(move || {
                start.wait();
                // Some give way, so that the order gets further before they come.
                (0..round % 32).for_each(|_| std::thread::yield_now());
                while run(world.process("second").cancel(ID, None)).is_err_and(is_not_found) {
                    std::thread::yield_now();
                }
            });
        });
        let order = world.settle(ID);
        world.check(&order);
        *ends.entry(order.status.as_str()).or_default() += 1;
    }
    // Nothing else forbids it, so whoever asks is heard.
    assert_eq!(ends.into_iter().collect::<Vec<_>>(), [("cancelled", ROUNDS)]);
}

fn is_not_found(uncancelled: CancelError) -> bool {
    uncancelled == CancelError::NotFound
}
