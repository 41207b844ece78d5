#![allow(clippy::unwrap_used, clippy::panic)]

use std::result::Result;
use std::sync::{Arc, Mutex};

use chassis::events::Event;
use chassis::http::{Outbound, OutboundError};
use chassis::outbox::{Draft, Outbox};
use chassis::testing::{Client, ManualClock, MemoryProducer, MemoryStore};
use http::{Request, Response};
use serde_json::{Value, json};

use super::*;
use crate::service::{CHECKS_MAX, CLAIM_MS};

const NOON_MS: u64 = 1_769_860_800_000;
const NATIVE: &str = "ord_0192f0c1-7a10-7c3e-9d5b-2f1f5f0a9c11";
const ADA: u64 = 1002;

/// What both sides are asked, and what they answer, by the beginning of the request's method and
/// URL. The last matching answer counts.
#[derive(Clone, Default)]
struct Net {
    asked: Arc<Mutex<Vec<String>>>,
    answers: Arc<Mutex<Vec<(String, u16, Value)>>>,
}

impl Net {
    fn set(&self, request: &str, status: u16, body: Value) {
        self.answers.lock().unwrap().push((request.to_owned(), status, body));
    }

    /// What was asked since the last call, without tokens.
    fn asked(&self) -> Vec<String> {
        let asked = std::mem::take(&mut *self.asked.lock().unwrap());
        asked.into_iter().filter(|request| !request.ends_with("/tokens")).collect()
    }
}

impl Outbound for Net {
    async fn send(
        &self,
        request: Request<Bytes>,
        _: u64,
    ) -> Result<Response<Bytes>, OutboundError> {
        let url = request.uri().to_string().replace("http://", "").replace(".spin.internal", "");
        let asked = format!("{} {url}", request.method());
        self.asked.lock().unwrap().push(asked.clone());
        let answers = self.answers.lock().unwrap();
        let found = answers.iter().rev().find(|(start, _, _)| asked.starts_with(start));
        let Some((_, status, body)) = found else {
            return Err(OutboundError::Connect("nothing is there".to_owned()));
        };
        Ok(Response::builder().status(*status).body(Bytes::from(body.to_string())).unwrap())
    }
}

#[derive(Clone)]
struct World {
    store: MemoryStore,
    log: MemoryProducer,
    net: Net,
    clock: ManualClock,
    modes: StoredModes<MemoryStore>,
}

impl Ports for World {
    type Store = MemoryStore;
    type Producer = MemoryProducer;
    type Outbound = Net;
    type Clock = ManualClock;
    type Modes = StoredModes<MemoryStore>;

    fn store(&self) -> &MemoryStore {
        &self.store
    }

    fn producer(&self) -> &MemoryProducer {
        &self.log
    }

    fn outbound(&self) -> &Net {
        &self.net
    }

    fn clock(&self) -> &ManualClock {
        &self.clock
    }

    fn modes(&self) -> &StoredModes<MemoryStore> {
        &self.modes
    }
}

fn old(number: &str, total: &str) -> Value {
    json!({
        "order": number, "state": "paid", "articles": [], "total": total, "currency": "EUR",
        "created": "2026-01-31 12:00:00",
    })
}

/// An order to place.
fn order(reference: &str) -> Value {
    json!({
        "reference": reference,
        "articles": [{"article": "OLD-0001", "pieces": 2}],
        "ship_to": {"name": "Ada", "street": "1", "city": "London", "zip": "N1", "country": "GB"},
        "card": "tok_approved",
    })
}

fn claims(world: &World) -> Vec<String> {
    world.store.keys().into_iter().filter(|key| key.starts_with("claim/")).collect()
}

fn new(id: &str, amount: u64) -> Value {
    json!({
        "id": id, "status": "confirmed", "items": [],
        "total": {"amount": amount, "currency": "EUR"}, "created_at": "2026-01-31T12:00:00.000Z",
    })
}

/// A world in which both sides have order 1001, with this total on the new side.
fn world(amount: u64) -> World {
    let (store, net) = (MemoryStore::new(), Net::default());
    let id = chassis::id::numbered("ord", 1001);
    net.set("GET legacy/legacy/api/orders", 200, json!({"orders": [old("1001", "5.00")]}));
    net.set("GET legacy/legacy/api/orders/1001", 200, old("1001", "5.00"));
    net.set("POST legacy/legacy/api/orders", 201, old("1002", "5.00"));
    net.set("GET legacy/internal/references/", 404, json!({"error": "not_found"}));
    net.set("GET order-history/api/v1/order-history", 200, json!({"items": [new(&id, amount)]}));
    net.set("GET order-history/api/v1/order-history/", 200, new(&id, amount));
    net.set("POST orders/api/v1/orders", 201, new(NATIVE, 500));
    net.set("POST identity/tokens", 200, json!({"access_token": "t"}));
    net.set("POST notifications/events", 204, Value::Null);
    net.set("PUT legacy/internal/", 204, Value::Null);
    net.set("POST legacy/internal/messages", 204, Value::Null);
    let (log, clock) = (MemoryProducer::new(), ManualClock::new(NOON_MS));
    World { modes: StoredModes(store.clone()), store, log, net, clock }
}

fn client(world: &World) -> Client {
    let facade = Facade::new(world.clone(), "key".to_owned());
    Client::new(router(Api { facade, modes: world.modes.clone(), token: "operator".to_owned() }))
}

fn ada(world: &World) -> Client {
    client(world).with("x-session", &format!("{ADA}-a"))
}

fn event(source: &str, kind: &str, subject: &str, data: Value) -> Event {
    let (source, kind, subject) = (source.to_owned(), kind.to_owned(), subject.to_owned());
    let mut outbox = Outbox::default();
    outbox.push(Draft { source, kind, subject, at_ms: NOON_MS, data }).unwrap();
    outbox.pending()[0].clone()
}

fn placed_on_legacy(is_past: bool) -> Event {
    let mut data = old("1001", "5.00");
    data["customer"] = json!(ADA);
    data["past"] = json!(is_past);
    event("/legacy", "com.shop.legacy.order.changed.v1", "1001", data)
}

fn confirmed() -> Event {
    let data = json!({
        "order_id": NATIVE, "user_id": chassis::id::numbered("usr", ADA), "status": "confirmed",
        "lines": [], "total": {"amount": 500, "currency": "EUR"},
        "created_at": "2026-01-31T12:00:00.000Z",
    });
    event("/shop/orders", "com.shop.orders.order.confirmed.v1", NATIVE, data)
}

#[tokio::test]
async fn the_mode_decides_which_side_answers() {
    let world = world(500);
    let path = "/legacy/api/orders/1001";
    for (mode, side, asked) in [
        (Mode::Legacy, "legacy", vec!["GET legacy/legacy/api/orders/1001"]),
        (
            Mode::New,
            "new",
            vec!["GET order-history/api/v1/order-history/ord_00000000-0000-7000-8000-0000000003e9"],
        ),
        (Mode::Percent { percent: 0 }, "legacy", vec!["GET legacy/legacy/api/orders/1001"]),
    ] {
        world.modes.set(Family::OrderReads, mode).await.unwrap();
        let reply = ada(&world).get(path).await;
        assert_eq!((reply.status, reply.header("x-served-by")), (200, side));
        assert_eq!(reply.json, old("1001", "5.00"));
        assert_eq!(world.net.asked(), asked);
    }
}

#[tokio::test]
async fn without_a_session_the_older_shop_refuses() {
    let world = world(500);
    world.modes.set(Family::OrderReads, Mode::New).await.unwrap();
    world.net.set("GET legacy/legacy/api/orders", 401, json!({"error": "unauthorized"}));
    client(&world).get("/legacy/api/orders").await.expect(401);
    world.net.set("POST identity/tokens", 404, json!({}));
    let refused = ada(&world).get("/legacy/api/orders").await.expect(401);
    assert_eq!(refused["error"], "unauthorized");
    ada(&world).post("/legacy/api/orders", &order("a")).await.expect(401);
    assert!(claims(&world).is_empty());
}

#[tokio::test]
async fn a_shadow_compares_and_the_older_shop_answers() {
    let world = world(500);
    world.modes.set(Family::OrderReads, Mode::Shadow).await.unwrap();
    for path in ["/legacy/api/orders", "/legacy/api/orders/1001"] {
        let reply = ada(&world).get(path).await;
        assert_eq!((reply.status, reply.header("x-served-by")), (200, "legacy"));
        assert_eq!(world.net.asked().len(), 2);
    }
    let operator = client(&world).with_token("operator");
    let status = operator.get("/facade/status").await.expect(200);
    let expected = json!({"same": 2, "late": 0, "different": 0, "failed": 0});
    assert_eq!(status["families"]["order-reads"]["compared"], expected);
    assert_eq!(status["findings"], json!([]));
}

#[tokio::test]
async fn a_difference_that_stays_is_a_finding() {
    let world = world(499);
    world.modes.set(Family::OrderReads, Mode::Shadow).await.unwrap();
    for _ in 0..2 {
        let answer = ada(&world).get("/legacy/api/orders/1001").await.expect(200);
        assert_eq!(answer["total"], "5.00");
        assert_eq!(world.net.asked().len(), 2 * CHECKS_MAX);
    }
    let operator = client(&world).with_token("operator");
    let status = operator.get("/facade/status").await.expect(200);
    assert_eq!(status["families"]["order-reads"]["compared"]["different"], 2);
    let finding = &status["findings"][0];
    assert_eq!((&finding["count"], &finding["customer"]), (&2.into(), &ADA.into()));
    let expected = json!([{"at": "/total", "legacy": "5.00", "new": "4.99"}]);
    assert_eq!(finding["differences"], expected);
    operator.delete("/facade/findings").await.expect(204);
    let status = operator.get("/facade/status").await.expect(200);
    assert_eq!(status["families"]["order-reads"]["compared"]["different"], 0);
    assert_eq!(status["findings"], json!([]));
}

#[tokio::test]
async fn a_shadow_that_fails_does_not_disturb() {
    let world = world(500);
    world.modes.set(Family::OrderReads, Mode::Shadow).await.unwrap();
    world.net.set("POST identity/tokens", 503, json!({}));
    ada(&world).get("/legacy/api/orders/1001").await.expect(200);
    let facade = Facade::new(world, String::new());
    assert_eq!(facade.counts(Family::OrderReads).await.unwrap().failed, 1);
}

#[tokio::test]
async fn an_order_goes_to_one_side_and_a_repetition_to_the_same() {
    let world = world(500);
    let ada = ada(&world);
    let numbers = async |reference: &str| {
        let placed = ada.post("/legacy/api/orders", &order(reference)).await.expect(201);
        placed["order"].as_str().unwrap().to_owned()
    };
    assert_eq!(numbers("a").await, "1002");
    world.modes.set(Family::Orders, Mode::New).await.unwrap();
    assert_eq!(numbers("b").await, NATIVE);
    assert_eq!(numbers("a").await, "1002");
    world.modes.set(Family::Orders, Mode::Legacy).await.unwrap();
    assert_eq!(numbers("b").await, NATIVE);
    assert_eq!(numbers("c").await, "1002");
    let refused = world.modes.set(Family::Orders, Mode::Shadow).await;
    assert!(matches!(refused, Err(ModeError::Invalid(_))));
}

#[tokio::test]
async fn what_is_no_order_is_left_to_the_older_shop_and_not_claimed() {
    let world = world(500);
    world.modes.set(Family::Orders, Mode::New).await.unwrap();
    world.net.set("POST legacy/legacy/api/orders", 400, json!({"error": "bad_request"}));
    let (mut empty, mut many) = (order("a"), order("a"));
    empty["articles"] = json!([]);
    many["articles"][0]["pieces"] = json!(101);
    let long = order(&"x".repeat(65));
    for body in [json!({"reference": "a"}), empty, many, long] {
        let refused = ada(&world).post("/legacy/api/orders", &body).await;
        assert_eq!((refused.status, refused.header("x-served-by")), (400, "legacy"), "{body}");
        assert_eq!(world.net.asked(), ["POST legacy/legacy/api/orders"]);
    }
    assert!(claims(&world).is_empty());
    // Corrected, it has the same reference.
    let placed = ada(&world).post("/legacy/api/orders", &order("a")).await.expect(201);
    assert_eq!(placed["order"], NATIVE);
}

#[tokio::test]
async fn an_order_that_the_older_shop_has_stays_there() {
    let world = world(500);
    world.modes.set(Family::Orders, Mode::New).await.unwrap();
    let looked_up = "GET legacy/internal/references/1002/a";
    world.net.set(looked_up, 200, json!({"order": "1002"}));
    let placed = "POST legacy/legacy/api/orders";
    for asked in [vec![looked_up, placed], vec![placed]] {
        let answer = ada(&world).post("/legacy/api/orders", &order("a")).await.expect(201);
        assert_eq!(answer["order"], "1002");
        assert_eq!(world.net.asked(), asked);
    }
    // Without an answer, it is not known which side has it.
    world.net.set("GET legacy/internal/references/1002/b", 503, json!({}));
    ada(&world).post("/legacy/api/orders", &order("b")).await.expect(503);
    assert_eq!(claims(&world), ["claim/order/1002/a"]);
}

#[tokio::test]
async fn an_order_of_the_older_shop_reaches_the_functions() {
    let world = world(500);
    let client = client(&world);
    for _ in 0..2 {
        client.deliver(&placed_on_legacy(false)).await.expect(204);
        assert_eq!(world.net.asked(), ["POST legacy/internal/messages"]);
    }
    let published = world.log.events();
    assert_eq!(published.len(), 1);
    assert_eq!(published[0].kind, "com.shop.orders.order.confirmed.v1");
    client.deliver(&published[0]).await.expect(204);
    assert!(world.net.asked().is_empty(), "its own translation comes back");
    client.deliver(&placed_on_legacy(true)).await.expect(204);
    assert!(world.net.asked().is_empty(), "no messages about the past");
}

#[tokio::test]
async fn an_order_of_the_functions_reaches_the_older_shop() {
    let world = world(500);
    client(&world).deliver(&confirmed()).await.expect(204);
    let copied = "PUT legacy/internal/copies/orders";
    assert_eq!(world.net.asked(), [copied, "POST legacy/internal/messages"]);
    // A later delivery does not move the message to the other side.
    world.modes.set(Family::Notifications, Mode::New).await.unwrap();
    client(&world).deliver(&confirmed()).await.expect(204);
    assert_eq!(world.net.asked(), [copied, "POST legacy/internal/messages"]);
}

#[tokio::test]
async fn a_message_of_the_new_side_is_copied() {
    let world = world(500);
    world.modes.set(Family::Notifications, Mode::New).await.unwrap();
    client(&world).deliver(&placed_on_legacy(false)).await.expect(204);
    let asked = ["POST notifications/events", "PUT legacy/internal/copies/messages"];
    assert_eq!(world.net.asked(), asked);
}

#[tokio::test]
async fn a_message_of_the_older_shop_reaches_notifications() {
    let world = world(500);
    let sent = json!({
        "request": "1001:paid", "customer": ADA, "kind": "paid", "order": "1001",
        "sent": "2026-01-31 12:00:00",
    });
    let sent = event("/legacy", "com.shop.legacy.message.sent.v1", "1001:paid", sent);
    for _ in 0..2 {
        client(&world).deliver(&sent).await.expect(204);
    }
    let events = world.log.events();
    let [imported] = &events[..] else { panic!("one event") };
    assert_eq!(imported.kind, "com.shop.notifications.message.imported.v1");
    assert!(world.net.asked().is_empty());
}

#[tokio::test]
async fn an_event_is_repeated_until_both_sides_have_it() {
    let world = world(500);
    world.net.set("PUT legacy/internal/", 503, json!({}));
    client(&world).deliver(&confirmed()).await.expect(503);
    world.net.set("PUT legacy/internal/", 400, json!({}));
    client(&world).deliver(&confirmed()).await.expect(422);
    let unreadable = event("/legacy", "com.shop.legacy.order.changed.v1", "1", json!({}));
    client(&world).deliver(&unreadable).await.expect(422);
    world.log.set_down(true);
    client(&world).deliver(&placed_on_legacy(false)).await.expect(503);
    let other = event("/other", "com.shop.other.v1", "1", json!({}));
    client(&world).deliver(&other).await.expect(204);
}

#[tokio::test]
async fn only_operators_change_modes() {
    let world = world(500);
    let path = "/facade/modes/notifications";
    let mode = json!({"mode": "percent", "percent": 10});
    client(&world).put(path, &mode).await.expect(401);
    client(&world).get("/facade/status").await.expect(401);
    let operator = client(&world).with_token("operator");
    assert_eq!(operator.put(path, &mode).await.expect(200), mode);
    operator.put("/facade/modes/users", &mode).await.expect(404);
    operator.put(path, &json!({"mode": "percent", "percent": 101})).await.expect(400);
    operator.put(path, &json!({"mode": "old"})).await.expect(400);
    operator.put("/facade/modes/orders", &json!({"mode": "shadow"})).await.expect(400);
    let status = operator.get("/facade/status").await.expect(200);
    assert_eq!(status["families"]["notifications"]["percent"], 10);
}

#[tokio::test]
async fn articles_are_carried_over_twice_without_harm() {
    let world = world(500);
    let article = json!({"article": "OLD-0001", "name": "Assam", "price": "6.50"});
    world.net.set("GET legacy/legacy/api/articles", 200, json!({"articles": [article]}));
    world.net.set("POST catalog/api/v1/products", 201, json!({}));
    world.net.set("PUT catalog/api/v1/products/OLD-0001", 200, json!({}));
    world.net.set("PUT inventory/api/v1/inventory/OLD-0001", 200, json!({}));
    let operator = client(&world).with_token("operator");
    let carried = json!({"articles": 1});
    assert_eq!(operator.post("/facade/articles", &json!({})).await.expect(200), carried);
    world.net.set("POST catalog/api/v1/products", 409, json!({}));
    assert_eq!(operator.post("/facade/articles", &json!({})).await.expect(200), carried);
    world.net.set("PUT inventory/", 409, json!({}));
    operator.post("/facade/articles", &json!({})).await.expect(409);
    operator.post("/facade/past", &json!({})).await.expect(503);
}

#[tokio::test]
async fn claims_expire() {
    let world = world(500);
    ada(&world).post("/legacy/api/orders", &order("a")).await.expect(201);
    world.clock.advance(CLAIM_MS + 86_400_000);
    for _ in 0..10 {
        client(&world).post("/sweep", &json!({})).await.expect(200);
    }
    assert!(world.store.keys().iter().all(|key| !key.starts_with("claim")));
}

#[tokio::test]
async fn an_outage_of_the_older_shop_is_an_error_in_its_style() {
    let world = world(500);
    let refused = client(&world).get("/legacy/api/users/me").await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, "1"));
    assert_eq!(refused.json["error"], "unavailable");
}
