#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use chassis::clock::Clock;
use chassis::testing::{Client, Issuer, ManualClock, MemoryStore, Reply};
use serde_json::{Value, json};

use super::*;
use crate::service::{POSITION_POLL_MS, POSITION_WAIT_MAX_MS};
use crate::testing::{NOON_MS, OrderEvent, TestLog, clock, named, order_id, placed, user_id};

struct World {
    client: Client,
    log: TestLog,
    clock: ManualClock,
}

impl World {
    fn new() -> World {
        let (log, clock) = (TestLog::default(), clock(0));
        let history = OrderHistory::new(MemoryStore::new(), log.clone(), clock.clone());
        let api = Api { history, clock: clock.clone(), keys: Issuer::new().key_set() };
        World { client: Client::new(router(api)), log, clock }
    }

    async fn get(&self, user: u64, uri: &str) -> Reply {
        self.client.customer(&user_id(user)).get(uri).await
    }

    async fn admin(&self, method: &str, uri: &str) -> Reply {
        self.client.admin().text(method, uri, "").await
    }

    /// Appends an event to the log and delivers it.
    async fn process(&self, event: OrderEvent) {
        self.log.append(event.event());
        assert_eq!(self.client.deliver(&event.event()).await.status, 204);
    }
}

fn ids(reply: &Reply) -> Vec<String> {
    let items = reply.json["items"].as_array().unwrap();
    items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn deliveries_are_acknowledged_delayed_or_refused() {
    let world = World::new();
    let early = OrderEvent { sequence: 2, status: "confirmed", ..placed(1) };
    let response = world.client.deliver(&early.event()).await;
    assert_eq!((response.status, &response.json["type"]), (425, &json!("/problems/too-early")));
    world.process(placed(1)).await;
    world.process(early).await;
    assert_eq!(world.client.deliver(&placed(1).event()).await.status, 204, "a duplicate");
    let mut broken = placed(2).event();
    broken.data = "[]".to_owned();
    assert_eq!(world.client.deliver(&broken).await.status, 422);
    let mut unknown = placed(2).event();
    unknown.kind = "com.shop.weather.changed.v1".to_owned();
    assert_eq!(world.client.deliver(&unknown).await.status, 204);
}

#[tokio::test]
async fn customers_see_their_own_orders_newest_first_in_pages() {
    let world = World::new();
    for number in [4, 1, 5, 2, 3] {
        world.process(OrderEvent { day: number / 3, ..placed(number) }).await;
    }
    world.process(OrderEvent { user: 2, ..placed(9) }).await;
    let (mut uri, mut seen) = ("/api/v1/order-history?limit=2".to_owned(), Vec::new());
    loop {
        let response = world.get(1, &uri).await;
        assert_eq!(response.status, 200);
        assert_eq!(response.header("cache-control"), "no-store");
        seen.extend(ids(&response));
        match response.json["next_cursor"].as_str() {
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
async fn all_filters_must_match() {
    let world = World::new();
    for number in 1..=4 {
        world.process(OrderEvent { day: number, ..placed(number) }).await;
    }
    world.process(OrderEvent { day: 2, sequence: 2, status: "cancelled", ..placed(2) }).await;
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
        let response = world.get(1, &format!("/api/v1/order-history?{query}")).await;
        let expected: Vec<String> = expected.into_iter().map(order_id).collect();
        assert_eq!(ids(&response), expected, "{query}");
    }
    let long = format!("q={}", "x".repeat(101));
    for query in ["status=lost", "from=yesterday", "to=2026-02-31", "limit=0", long.as_str()] {
        let response = world.get(1, &format!("/api/v1/order-history?{query}")).await;
        assert_eq!(response.status, 400, "{query}");
    }
}

#[tokio::test]
async fn an_order_beyond_the_scan_limit_is_found_with_a_cursor() {
    let world = World::new();
    let count = crate::service::SCANNED_MAX as u64 + 5;
    for number in 0..count {
        world.client.deliver(&placed(number).event()).await;
    }
    let first = world.get(1, "/api/v1/order-history?q=tea-0002").await;
    assert_eq!(ids(&first), Vec::<String>::new());
    let cursor = first.json["next_cursor"].as_str().unwrap();
    let next = world.get(1, &format!("/api/v1/order-history?q=tea-0002&cursor={cursor}")).await;
    assert_eq!((ids(&next), &next.json["next_cursor"]), (vec![order_id(2)], &Value::Null));
}

#[tokio::test]
async fn one_order_is_shown_to_its_owner_and_to_administrators() {
    let world = World::new();
    world.process(placed(1)).await;
    let uri = format!("/api/v1/order-history/{}", order_id(1));
    let response = world.get(1, &uri).await;
    assert_eq!(response.status, 200);
    assert_eq!(response.header("x-projection-position"), format!("{}.1", order_id(1)));
    assert_eq!(response.json["items"][0]["sku"], "TEA-0001");
    assert_eq!(world.admin("GET", &uri).await.status, 200);
    assert_eq!(world.get(2, &uri).await.status, 404);
    assert_eq!(world.get(1, "/api/v1/order-history/ord_x").await.status, 404);
    assert_eq!(world.client.get(&uri).await.status, 401);
}

#[tokio::test]
async fn a_reader_sees_its_own_write_or_gets_an_error() {
    let world = World::new();
    world.process(placed(1)).await;
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
    assert_eq!(someone_elses.status, 503, "an order of another customer is treated as unknown");
    let nothing_yet = world.get(1, &list(format!("{}.0", order_id(8)))).await;
    assert_eq!(nothing_yet.status, 200, "there is nothing to wait for");
    for wrong in ["1", "ord_1.1", &format!("{}.-1", order_id(1)), &format!("{}.x", order_id(1))] {
        assert_eq!(world.get(1, &list(wrong.to_owned())).await.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn the_position_may_be_a_header() {
    let world = World::new();
    world.process(placed(1)).await;
    for (position, status) in [(1, 200), (2, 503)] {
        let client = world.client.customer(&user_id(1));
        let client = client.with("x-projection-position", &format!("{}.{position}", order_id(1)));
        let reply = client.get(&format!("/api/v1/order-history/{}", order_id(1))).await;
        assert_eq!(reply.status, status);
    }
}

#[tokio::test]
async fn administrators_see_all_orders_with_names_and_figures() {
    let world = World::new();
    world.client.deliver(&named(1, 1, "Ada")).await;
    world.process(placed(1)).await;
    world.process(OrderEvent { user: 2, ..placed(2) }).await;
    world.process(OrderEvent { sequence: 2, status: "confirmed", ..placed(1) }).await;
    let all = world.admin("GET", "/api/v1/admin/order-history").await;
    assert_eq!(ids(&all), [2, 1].map(order_id));
    assert_eq!(all.json["items"][0]["customer"], json!({"user_id": user_id(2), "name": null}));
    assert_eq!(all.json["items"][1]["customer"]["name"], "Ada");
    let uri = format!("/api/v1/admin/order-history?user_id={}", user_id(2));
    assert_eq!(ids(&world.admin("GET", &uri).await), [order_id(2)]);

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
async fn administrators_rebuild_the_projection_and_see_its_state() {
    let world = World::new();
    for number in 1..=7 {
        world.process(placed(number)).await;
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
    let swept = world.client.text("POST", "/sweep", "").await;
    assert_eq!((swept.status, &swept.json["events_read"]), (200, &json!(7)));
    let after = world.admin("GET", status).await.json;
    assert_eq!((&after["generation"], &after["rebuild"]), (&json!(2), &Value::Null));
    assert_eq!(after["digest"], before["digest"]);

    world.log.fail();
    let silent = world.admin("GET", status).await.json;
    assert_eq!((&silent["entries"], &silent["lag_events"]), (&json!(7), &Value::Null));
}
