#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use axum::body::Body;
use axum::http::Request;
use chassis::app::router_with_problems;
use chassis::auth::testing::Issuer;
use chassis::events::Event;
use chassis::store::MemoryStore;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::*;
use crate::service::{POSITION_POLL_MS, POSITION_WAIT_MAX_MS};
use crate::testing::{NOON_MS, OrderEvent, TestClock, TestLog, named, order_id, placed, user_id};

struct World {
    router: Router,
    log: TestLog,
    clock: TestClock,
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    json: Value,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn ids(&self) -> Vec<String> {
        let items = self.json["items"].as_array().unwrap();
        items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    }
}

impl World {
    fn new() -> World {
        let (log, clock) = (TestLog::default(), TestClock::new(0));
        let history = OrderHistory::new(MemoryStore::new(), log.clone(), clock.clone());
        let api = Api { history, clock: clock.clone(), keys: Issuer::new().key_set() };
        World { router: router_with_problems(router(api)), log, clock }
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let (head, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
        let json = serde_json::from_slice(&body).unwrap_or(Value::Null);
        Answer { status: head.status.as_u16(), headers: head.headers, json }
    }

    async fn call(&self, token: &str, method: &str, uri: &str) -> Answer {
        let request = Request::builder().method(method).uri(uri);
        let request = request.header("authorization", format!("Bearer {token}"));
        self.send(request.body(Body::empty()).unwrap()).await
    }

    async fn get(&self, user: u64, uri: &str) -> Answer {
        self.call(&Issuer::new().token(&user_id(user), &["customer"]), "GET", uri).await
    }

    async fn admin(&self, method: &str, uri: &str) -> Answer {
        self.call(&Issuer::new().token(&user_id(99), &["admin"]), method, uri).await
    }

    /// Delivers an event in the binary mode.
    async fn deliver(&self, event: &Event) -> Answer {
        let mut request = Request::post("/events")
            .header("ce-specversion", "1.0")
            .header("ce-id", &event.id)
            .header("ce-source", &event.source)
            .header("ce-type", &event.kind)
            .header("content-type", "application/json");
        let attributes = [("subject", &event.subject), ("time", &event.time)];
        for (name, value) in attributes {
            if let Some(value) = value {
                request = request.header(format!("ce-{name}"), value);
            }
        }
        for (name, value) in &event.extensions {
            request = request.header(format!("ce-{name}"), value);
        }
        self.send(request.body(Body::from(event.data.clone())).unwrap()).await
    }

    /// Tells it, and notes it in the log.
    async fn tell(&self, told: OrderEvent) {
        self.log.append(told.event());
        assert_eq!(self.deliver(&told.event()).await.status, 204);
    }
}

#[tokio::test]
async fn deliveries_are_answered_so_that_the_platform_knows_what_to_do() {
    let world = World::new();
    let early = OrderEvent { sequence: 2, status: "confirmed", ..placed(1) };
    let answer = world.deliver(&early.event()).await;
    assert_eq!((answer.status, &answer.json["type"]), (425, &json!("/problems/too-early")));
    world.tell(placed(1)).await;
    world.tell(early).await;
    assert_eq!(world.deliver(&placed(1).event()).await.status, 204, "a duplicate");
    let mut broken = placed(2).event();
    broken.data = "[]".to_owned();
    assert_eq!(world.deliver(&broken).await.status, 422);
    let mut unknown = placed(2).event();
    unknown.kind = "com.shop.weather.changed.v1".to_owned();
    assert_eq!(world.deliver(&unknown).await.status, 204);
}

#[tokio::test]
async fn customers_see_their_own_orders_newest_first_in_pages() {
    let world = World::new();
    for number in [4, 1, 5, 2, 3] {
        world.tell(OrderEvent { day: number / 3, ..placed(number) }).await;
    }
    world.tell(OrderEvent { user: 2, ..placed(9) }).await;
    let (mut uri, mut seen) = ("/api/v1/order-history?limit=2".to_owned(), Vec::new());
    loop {
        let answer = world.get(1, &uri).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("cache-control"), "no-store");
        seen.extend(answer.ids());
        match answer.json["next_cursor"].as_str() {
            Some(cursor) => uri = format!("/api/v1/order-history?limit=2&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(seen, [5, 4, 3, 2, 1].map(order_id));
    assert_eq!(world.get(3, "/api/v1/order-history").await.json["items"], json!([]));
    let cursor = uri.rsplit('=').next().unwrap();
    let other = format!("/api/v1/order-history?status=pending&cursor={cursor}");
    assert_eq!(world.get(1, &other).await.status, 400, "a cursor of another list");
}

#[tokio::test]
async fn filters_hold_together() {
    let world = World::new();
    for number in 1..=4 {
        world.tell(OrderEvent { day: number, ..placed(number) }).await;
    }
    world.tell(OrderEvent { day: 2, sequence: 2, status: "cancelled", ..placed(2) }).await;
    for (query, expected) in [
        ("status=cancelled", vec![2]),
        ("status=pending", vec![4, 3, 1]),
        ("q=NUMBER%203", vec![3]),
        ("q=tea-0004", vec![4]),
        ("q=coffee", vec![]),
        ("from=2026-02-02", vec![4, 3, 2]),
        ("to=2026-02-03", vec![2, 1]),
        ("from=2026-02-02&to=2026-02-03", vec![2]),
        ("from=2026-02-02T12:00:02.001Z", vec![4, 3]),
        ("status=pending&q=tea&from=2026-02-03", vec![4, 3]),
    ] {
        let answer = world.get(1, &format!("/api/v1/order-history?{query}")).await;
        let expected: Vec<String> = expected.into_iter().map(order_id).collect();
        assert_eq!(answer.ids(), expected, "{query}");
    }
    let long = format!("q={}", "x".repeat(101));
    for query in ["status=lost", "from=yesterday", "to=2026-02-31", "limit=0", long.as_str()] {
        let answer = world.get(1, &format!("/api/v1/order-history?{query}")).await;
        assert_eq!(answer.status, 400, "{query}");
    }
}

#[tokio::test]
async fn a_rare_order_is_found_even_if_one_page_can_not_reach_it() {
    let world = World::new();
    let count = crate::service::SCANNED_MAX as u64 + 5;
    for number in 0..count {
        world.deliver(&placed(number).event()).await;
    }
    let first = world.get(1, "/api/v1/order-history?q=tea-0002").await;
    assert_eq!(first.ids(), Vec::<String>::new());
    let cursor = first.json["next_cursor"].as_str().unwrap();
    let next = world.get(1, &format!("/api/v1/order-history?q=tea-0002&cursor={cursor}")).await;
    assert_eq!((next.ids(), &next.json["next_cursor"]), (vec![order_id(2)], &Value::Null));
}

#[tokio::test]
async fn one_order_is_shown_to_its_owner_and_to_administrators() {
    let world = World::new();
    world.tell(placed(1)).await;
    let uri = format!("/api/v1/order-history/{}", order_id(1));
    let answer = world.get(1, &uri).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("x-projection-position"), format!("{}.1", order_id(1)));
    assert_eq!(answer.json["items"][0]["sku"], "TEA-0001");
    assert_eq!(world.admin("GET", &uri).await.status, 200);
    assert_eq!(world.get(2, &uri).await.status, 404);
    assert_eq!(world.get(1, "/api/v1/order-history/ord_x").await.status, 404);
    let request = Request::get(&uri).body(Body::empty()).unwrap();
    assert_eq!(world.send(request).await.status, 401);
}

#[tokio::test]
async fn a_reader_finds_its_own_write_or_is_told_that_it_is_not_there_yet() {
    let world = World::new();
    world.tell(placed(1)).await;
    let list = |position: String| format!("/api/v1/order-history?position={position}");
    let known = world.get(1, &list(format!("{}.1", order_id(1)))).await;
    assert_eq!(known.status, 200);
    assert_eq!(known.header("x-projection-position"), format!("{}.1", order_id(1)));

    let before_ms = world.clock.now_ms();
    let behind = world.get(1, &list(format!("{}.2", order_id(1)))).await;
    assert_eq!((behind.status, &behind.json["type"]), (503, &json!("/problems/projection-behind")));
    assert_eq!(behind.header("retry-after"), "1");
    assert_eq!(world.clock.now_ms() - before_ms, POSITION_WAIT_MAX_MS, "it waited, and no longer");

    for (position, order) in [(18, 1), (u64::MAX, 1), (1, 7), (1, 999)] {
        let before_ms = world.clock.now_ms();
        let made_up = world.get(1, &list(format!("{}.{position}", order_id(order)))).await;
        assert_eq!(made_up.status, 503, "{position} of {order}");
        assert!(world.clock.now_ms() - before_ms < POSITION_POLL_MS, "the request does not wait");
    }

    let someone_elses = world.get(2, &list(format!("{}.1", order_id(1)))).await;
    assert_eq!(someone_elses.status, 503, "to who may not see it, it never comes");
    let nothing_yet = world.get(1, &list(format!("{}.0", order_id(8)))).await;
    assert_eq!(nothing_yet.status, 200, "there is nothing to wait for");
    for wrong in ["1", "ord_1.1", &format!("{}.-1", order_id(1)), &format!("{}.x", order_id(1))] {
        assert_eq!(world.get(1, &list(wrong.to_owned())).await.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn the_header_makes_a_reader_wait_too() {
    let world = World::new();
    world.tell(placed(1)).await;
    for (position, status) in [(1, 200), (2, 503)] {
        let token = Issuer::new().token(&user_id(1), &["customer"]);
        let request = Request::get(format!("/api/v1/order-history/{}", order_id(1)))
            .header("authorization", format!("Bearer {token}"))
            .header("x-projection-position", format!("{}.{position}", order_id(1)))
            .body(Body::empty());
        assert_eq!(world.send(request.unwrap()).await.status, status);
    }
}

#[tokio::test]
async fn administrators_see_all_orders_with_names_and_figures() {
    let world = World::new();
    world.deliver(&named(1, 1, "Ada")).await;
    world.tell(placed(1)).await;
    world.tell(OrderEvent { user: 2, ..placed(2) }).await;
    world.tell(OrderEvent { sequence: 2, status: "confirmed", ..placed(1) }).await;
    let all = world.admin("GET", "/api/v1/admin/order-history").await;
    assert_eq!(all.ids(), [2, 1].map(order_id));
    assert_eq!(all.json["items"][0]["customer"], json!({"user_id": user_id(2), "name": null}));
    assert_eq!(all.json["items"][1]["customer"]["name"], "Ada");
    let uri = format!("/api/v1/admin/order-history?user_id={}", user_id(2));
    assert_eq!(world.admin("GET", &uri).await.ids(), [order_id(2)]);

    let summary = world.admin("GET", "/api/v1/admin/order-history/summary").await;
    let expected = json!([{
        "day": "2026-01-31", "currency": "EUR", "orders": 2, "confirmed": 1, "cancelled": 0,
        "rejected": 0, "revenue": {"amount": 1_000, "currency": "EUR"},
    }]);
    assert_eq!(summary.json["items"], expected);
    let long = "/api/v1/admin/order-history/summary?from=2020-01-01";
    assert_eq!(world.admin("GET", long).await.status, 400);
    for uri in ["/api/v1/admin/order-history", "/api/v1/admin/order-history/summary"] {
        assert_eq!(world.get(1, uri).await.status, 403, "{uri}");
    }
}

#[tokio::test]
async fn administrators_rebuild_the_projection_and_see_how_it_is() {
    let world = World::new();
    for number in 1..=7 {
        world.tell(placed(number)).await;
    }
    let status = "/api/v1/admin/projections/order-history";
    let before = world.admin("GET", status).await.json;
    assert_eq!((&before["entries"], &before["generation"]), (&json!(7), &json!(1)));
    assert_eq!(before["last_event_at"], rfc3339(NOON_MS + 1_000));
    assert_eq!((&before["lag_events"], &before["lag_seconds"]), (&json!(4), &json!(1.5)));
    assert_eq!((&before["staleness_ms"], &before["dead_letters"]), (&json!(1_500), &json!(1)));

    let rebuild = format!("{status}/rebuild");
    assert_eq!(world.get(1, status).await.status, 403);
    let started = world.admin("POST", &rebuild).await;
    assert_eq!((started.status, &started.json["generation"]), (202, &json!(2)));
    assert_eq!(started.header("location"), status);
    let during = world.admin("GET", status).await.json;
    assert_eq!(during["rebuild"]["stage"], "reading");
    let swept = world.send(Request::post("/sweep").body(Body::empty()).unwrap()).await;
    assert_eq!((swept.status, &swept.json["events_read"]), (200, &json!(7)));
    let after = world.admin("GET", status).await.json;
    assert_eq!((&after["generation"], &after["rebuild"]), (&json!(2), &Value::Null));
    assert_eq!(after["digest"], before["digest"]);

    world.log.fail();
    let silent = world.admin("GET", status).await.json;
    assert_eq!((&silent["entries"], &silent["lag_events"]), (&json!(7), &Value::Null));
}
