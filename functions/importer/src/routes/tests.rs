#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::Request;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use catalog::ports::{Stock, StockUnknown};
use catalog::records::Memo;
use catalog::service::Catalog;
use chassis::form::JsonBody;
use chassis::http::OutboundError;
use chassis::testing::{Client, Issuer, ManualClock, MemoryProducer, MemoryStore, ScriptedStore};
use inventory::routes::App;
use inventory::service::Inventory;
use serde_json::{Value, json};

use super::*;
use crate::client::{ATTEMPTS_MAX, BACKOFF_MAX_MS, GATEWAY, Shop};
use crate::service::Credentials;

/// The shop: the real catalog, the real inventory, and a route to sign in.
#[derive(Clone)]
struct World {
    shop: Client,
    inventory: Inventory<MemoryStore>,
    clock: ManualClock,
    calls: Arc<AtomicU32>,
    faults: Arc<Mutex<Faults>>,
}

/// The calls that fail.
#[derive(Clone, Copy, Default)]
struct Faults {
    /// The response of each nth call is lost after the shop has processed it.
    lose_every: Option<u32>,
    /// Each nth call is refused because of overload.
    busy_every: Option<u32>,
    /// From this call on, the shop can't be reached.
    unreachable_from: Option<u32>,
}

impl Outbound for World {
    async fn send(
        &self,
        request: Request<Bytes>,
        _: u64,
    ) -> std::result::Result<http::Response<Bytes>, OutboundError> {
        let faults = *self.faults.lock().unwrap();
        let call = self.calls.fetch_add(1, Relaxed) + 1;
        let hits = |every: Option<u32>| every.is_some_and(|every| call.is_multiple_of(every));
        if faults.unreachable_from.is_some_and(|from| call >= from) {
            return Err(OutboundError::Connect("refused".to_owned()));
        }
        if hits(faults.busy_every) {
            let busy = http::Response::builder().status(429).header("retry-after", "9999");
            return Ok(busy.body(Bytes::new()).unwrap());
        }
        let (mut head, body) = request.into_parts();
        head.uri = head.uri.to_string().strip_prefix(GATEWAY).unwrap().parse().unwrap();
        let reply = self.shop.send(Request::from_parts(head, Body::from(body))).await;
        if hits(faults.lose_every) {
            return Err(OutboundError::Broken("reset".to_owned()));
        }
        let response = http::Response::builder().status(reply.status);
        Ok(response.body(Bytes::from(reply.text)).unwrap())
    }
}

#[derive(Clone)]
struct Available(Inventory<MemoryStore>);

impl Stock for Available {
    async fn available(
        &self,
        skus: Vec<String>,
    ) -> std::result::Result<Vec<(String, u32)>, StockUnknown> {
        let found = self.0.available(&skus, chassis::clock::now_ms()).await;
        let found = found.map_err(|refusal| StockUnknown(format!("{refusal:?}")))?;
        Ok(found.into_iter().map(|entry| (entry.sku, entry.available)).collect())
    }
}

async fn sign_in(JsonBody(body): JsonBody) -> Response {
    if body != json!({"email": "admin@shop.test", "password": "right"}) {
        return Problem::unauthorized("Wrong password.").into_response();
    }
    let token = Issuer::new().token("usr_admin", &["admin"]);
    Json(json!({"access_token": token, "token_type": "Bearer"})).into_response()
}

impl World {
    fn new() -> World {
        let inventory = Inventory::new(MemoryStore::new());
        let stock = Available(inventory.clone());
        let catalog =
            Catalog::new(MemoryStore::new(), stock, MemoryProducer::new(), Memo::default());
        let keys = Issuer::new().key_set();
        let stock = App { inventory: inventory.clone(), keys: keys.clone() };
        let router = catalog::routes::router(catalog, keys)
            .route("/api/v1/sessions", post(sign_in))
            .fallback_service(inventory::routes::router(stock));
        World {
            shop: Client::of(router),
            inventory,
            clock: ManualClock::default(),
            calls: Arc::default(),
            faults: Arc::default(),
        }
    }

    fn set_faults(&self, faults: Faults) {
        self.calls.store(0, Relaxed);
        *self.faults.lock().unwrap() = faults;
    }

    fn importer<S: Store>(&self, store: S, password: &str) -> Importer<S, World, ManualClock> {
        let (email, password) = ("admin@shop.test".to_owned(), password.to_owned());
        let shop = Shop::new(self.clone(), self.clock.clone());
        Importer::new(store, shop, Credentials { email, password })
    }

    /// Calls the route; status and body of the response.
    async fn import<S: Store>(&self, store: S) -> (u16, Value) {
        let client = Client::new(router(self.importer(store, "right")));
        client.post("/import", &Value::Null).await.parts()
    }

    /// Asserts that a customer finds all products, and that their stock is right.
    async fn assert_complete(&self) {
        let categories = self.shop.get("/api/v1/categories").await.expect(200);
        let counts = categories["items"].as_array().unwrap().iter();
        let products: u64 = counts.map(|category| category["count"].as_u64().unwrap()).sum();
        assert_eq!(products, all() as u64);
        for item in &Data::parse(DATA).unwrap().items {
            assert_eq!(self.received(&item.sku).await, item.stock, "{}", item.sku);
        }
    }

    async fn received(&self, sku: &str) -> u32 {
        let levels = self.inventory.levels(sku, chassis::clock::now_ms()).await.unwrap();
        levels.map_or(0, |levels| levels.received)
    }
}

fn all() -> usize {
    Data::parse(DATA).unwrap().items.len()
}

#[tokio::test]
async fn an_empty_shop_gets_all_products_once() {
    let (world, store) = (World::new(), MemoryStore::new());
    let (status, report) = world.import(store.clone()).await;
    assert_eq!((status, &report["status"]), (200, &json!("imported")));
    assert_eq!(report["created"], json!(all()));
    assert_eq!(report["received"], json!(all()));
    // Signing in, then two calls for each product.
    assert_eq!(world.calls.load(Relaxed) as usize, 1 + 2 * all());
    world.assert_complete().await;

    world.set_faults(Faults::default());
    let (status, report) = world.import(store).await;
    assert_eq!((status, &report["status"]), (200, &json!("unchanged")));
    assert_eq!(world.calls.load(Relaxed), 0);
}

#[tokio::test]
async fn an_interrupted_import_continues() {
    let (world, store) = (World::new(), MemoryStore::new());
    world.set_faults(Faults { unreachable_from: Some(101), ..Faults::default() });
    let (status, problem) = world.import(store.clone()).await;
    assert_eq!((status, &problem["type"]), (502, &json!("/problems/import-stopped")));

    world.set_faults(Faults::default());
    let (status, report) = world.import(store).await;
    assert_eq!(status, 200);
    let imported = report["imported"].as_u64().unwrap();
    assert!(imported < all() as u64 && imported > all() as u64 - 60, "{imported}");
    world.assert_complete().await;
}

#[tokio::test]
async fn after_a_crash_at_any_step_the_next_import_completes_the_shop() {
    for operations in [0, 1, 2, 3, 10, 30, 32, 33, 34] {
        let (world, store) = (World::new(), MemoryStore::new());
        let first = world.import(ScriptedStore::failing_after(operations, store.clone())).await.0;
        assert_eq!(first == 200, operations > 33, "after {operations} operations");
        assert_eq!(world.import(store).await.0, 200);
        world.assert_complete().await;
    }
}

#[tokio::test]
async fn an_import_without_progress_changes_nothing_in_a_complete_shop() {
    let world = World::new();
    world.import(MemoryStore::new()).await;
    let (status, report) = world.import(MemoryStore::new()).await;
    assert_eq!((status, &report["imported"]), (200, &json!(all())));
    let changes = ["created", "updated", "received"].map(|count| report[count].as_u64());
    assert_eq!(changes, [Some(0); 3]);
    world.assert_complete().await;
}

#[tokio::test]
async fn calls_are_repeated_after_lost_responses_and_overload() {
    let world = World::new();
    let (lose_every, busy_every) = (Some(5), Some(7));
    world.set_faults(Faults { lose_every, busy_every, unreachable_from: None });
    assert_eq!(world.import(MemoryStore::new()).await.0, 200);
    world.assert_complete().await;
}

#[tokio::test]
async fn attempts_and_delays_of_a_call_are_limited() {
    let unreachable = Faults { unreachable_from: Some(1), ..Faults::default() };
    let busy = Faults { busy_every: Some(1), ..Faults::default() };
    let delays = u64::from(ATTEMPTS_MAX) - 1;
    for (faults, waited_ms) in [
        (unreachable, 200 + 400 + 800 + 1_600 + 3_200 + 2 * BACKOFF_MAX_MS),
        (busy, delays * BACKOFF_MAX_MS),
    ] {
        let world = World::new();
        world.set_faults(faults);
        assert_eq!(world.import(MemoryStore::new()).await.0, 502);
        assert_eq!(world.calls.load(Relaxed), ATTEMPTS_MAX);
        assert_eq!(chassis::Clock::now_ms(&world.clock), waited_ms);
    }
}

#[tokio::test]
async fn a_wrong_password_is_reported_and_not_repeated() {
    let world = World::new();
    let importer = world.importer(MemoryStore::new(), "wrong");
    let reply = Client::new(router(importer)).post("/import", &Value::Null).await;
    let problem = reply.expect_problem(502, "import-stopped");
    let detail = "POST /api/v1/sessions: the response was 401 Unauthorized: Wrong password.";
    assert_eq!(problem["detail"], detail);
    assert_eq!(world.calls.load(Relaxed), 1);
}

#[tokio::test]
async fn a_new_file_changes_products_and_never_reduces_stock() {
    let (world, store) = (World::new(), MemoryStore::new());
    world.import(store.clone()).await;
    let sku = "KIT-0001";
    world.inventory.receive(sku, 1_000, chassis::clock::now_ms()).await.unwrap();

    let text = DATA
        .replacen("Bread Knife with Beech Handle", "Bread Knife with Ash Handle", 1)
        .replacen("\"stock\": 48", "\"stock\": 50", 1);
    let data = Data::parse(&text).unwrap();
    let summary = world.importer(store, "right").import(&data).await.unwrap();
    assert_eq!((summary.imported, summary.updated, summary.received), (2, 1, 1));
    let product = world.shop.get(&format!("/api/v1/products/{sku}")).await.expect(200);
    assert_eq!(product["name"], "Bread Knife with Ash Handle");
    assert_eq!(product["available"], 1_000);
    assert_eq!(world.received("KIT-0002").await, 50);
}
