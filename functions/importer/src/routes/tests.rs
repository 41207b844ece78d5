#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::{Method, Request};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use catalog::ports::{Stock, StockUnknown};
use catalog::service::Catalog;
use catalog::records::Memo;
use chassis::auth::testing::Issuer;
use chassis::events::MemoryProducer;
use chassis::form::JsonBody;
use chassis::http::OutboundError;
use chassis::store::{FailingStore, MemoryStore};
use inventory::routes::App;
use inventory::service::Inventory;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::*;
use crate::client::{ATTEMPTS_MAX, BACKOFF_MAX_MS, GATEWAY, Shop};
use crate::service::Credentials;

/// The shop as the importer meets it: the real catalogue, the real inventory and a door
/// where an admin signs in.
#[derive(Clone)]
struct World {
    router: Router,
    inventory: Inventory<MemoryStore>,
    calls: Arc<AtomicU32>,
    trouble: Arc<Mutex<Trouble>>,
}

/// What goes wrong, and from which call on.
#[derive(Clone, Copy, Default)]
struct Trouble {
    /// Every so many calls, the answer is lost after the shop has acted.
    lose_every: Option<u32>,
    /// Every so many calls, the shop is too busy.
    busy_every: Option<u32>,
    /// From this call on, nothing gets through.
    dead_from: Option<u32>,
}

impl Outbound for World {
    async fn send(
        &self,
        request: Request<Bytes>,
        _: u64,
    ) -> std::result::Result<http::Response<Bytes>, OutboundError> {
        let trouble = *self.trouble.lock().unwrap();
        let call = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let hits = |every: Option<u32>| every.is_some_and(|every| call.is_multiple_of(every));
        if trouble.dead_from.is_some_and(|from| call >= from) {
            return Err(OutboundError::Connect("refused".to_owned()));
        }
        if hits(trouble.busy_every) {
            let busy = http::Response::builder().status(429).header("retry-after", "9999");
            return Ok(busy.body(Bytes::new()).unwrap());
        }
        let path = request.uri().to_string().strip_prefix(GATEWAY).unwrap().to_owned();
        let (mut head, body) = request.into_parts();
        head.uri = path.parse().unwrap();
        let request = Request::from_parts(head, Body::from(body));
        let response: Response = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
        if hits(trouble.lose_every) {
            return Err(OutboundError::Broken("reset".to_owned()));
        }
        Ok(http::Response::from_parts(head, body))
    }
}

#[derive(Clone)]
struct Pieces(Inventory<MemoryStore>);

impl Stock for Pieces {
    async fn available(
        &self,
        skus: Vec<String>,
    ) -> std::result::Result<Vec<(String, u32)>, StockUnknown> {
        let found = self.0.available(&skus, chassis::clock::now_ms()).await;
        let found = found.map_err(|refusal| StockUnknown(format!("{refusal:?}")))?;
        Ok(found.into_iter().map(|entry| (entry.sku, entry.available)).collect())
    }
}

async fn sign_in(body: JsonBody) -> Response {
    let JsonBody(body) = body;
    match body == json!({"email": "admin@shop.test", "password": "right"}) {
        true => Json(json!({"access_token": Issuer::new().token("usr_admin", &["admin"]), "token_type": "Bearer"})).into_response(),
        false => Problem::unauthorized("Wrong password.").into_response(),
    }
}

impl World {
    fn new() -> World {
        let inventory = Inventory::new(MemoryStore::new());
        let stock = Pieces(inventory.clone());
        let catalog =
            Catalog::new(MemoryStore::new(), stock, MemoryProducer::new(), Memo::default());
        let keys = Issuer::new().key_set();
        let router = catalog::routes::router(catalog, keys.clone())
            .route("/api/v1/sessions", post(sign_in))
            .fallback_service(inventory::routes::router(App {
                inventory: inventory.clone(),
                keys,
            }));
        World { router, inventory, calls: Arc::default(), trouble: Arc::default() }
    }

    fn suffer(&self, trouble: Trouble) {
        self.calls.store(0, Ordering::Relaxed);
        *self.trouble.lock().unwrap() = trouble;
    }

    async fn get(&self, path: &str) -> Value {
        let request = Request::get(format!("{GATEWAY}{path}")).body(Bytes::new()).unwrap();
        let response = self.send(request, 0).await.unwrap();
        serde_json::from_slice(response.body()).unwrap()
    }

    /// What a customer finds: products in the catalogue, products with the right stock.
    async fn filled(&self) -> (usize, usize) {
        self.suffer(Trouble::default());
        let categories = self.get("/api/v1/categories").await;
        let counts = categories["items"].as_array().unwrap().iter();
        let products: u64 = counts.map(|category| category["count"].as_u64().unwrap()).sum();
        let mut right = 0;
        for item in &Data::parse(DATA).unwrap().items {
            right += usize::from(self.received(&item.sku).await == item.stock);
        }
        (usize::try_from(products).unwrap(), right)
    }

    async fn received(&self, sku: &str) -> u32 {
        let levels = self.inventory.levels(sku, chassis::clock::now_ms()).await.unwrap();
        levels.map_or(0, |levels| levels.received)
    }
}

/// Time that passes only when somebody waits.
#[derive(Clone, Default)]
struct Waited {
    longest_ms: Arc<AtomicU64>,
}

impl Pause for Waited {
    async fn pause(&self, ms: u64) {
        self.longest_ms.fetch_max(ms, Ordering::Relaxed);
        tokio::task::yield_now().await;
    }
}

async fn import_with<S: Store>(
    world: &World,
    store: S,
    waited: Waited,
    password: &str,
) -> (u16, Value) {
    let credentials =
        Credentials { email: "admin@shop.test".to_owned(), password: password.to_owned() };
    let importer = Importer::new(store, Shop::new(world.clone(), waited), credentials);
    let router = chassis::app::router_with_problems(router(importer));
    let request = Request::builder().method(Method::POST).uri("/import").body(Body::empty());
    let response = router.oneshot(request.unwrap()).await.unwrap();
    let status = response.status().as_u16();
    let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

async fn import<S: Store>(world: &World, store: S) -> (u16, Value) {
    import_with(world, store, Waited::default(), "right").await
}

fn all() -> usize {
    Data::parse(DATA).unwrap().items.len()
}

#[tokio::test]
async fn an_empty_shop_is_filled_once() {
    let (world, store) = (World::new(), MemoryStore::new());
    let (status, report) = import(&world, store.clone()).await;
    assert_eq!((status, &report["status"]), (200, &json!("imported")));
    assert_eq!(report["created"], json!(all()));
    assert_eq!(report["received"], json!(all()));
    // Signing in, then two calls for each product.
    assert_eq!(world.calls.load(Ordering::Relaxed) as usize, 1 + 2 * all());
    assert_eq!(world.filled().await, (all(), all()));

    world.suffer(Trouble::default());
    let (status, report) = import(&world, store).await;
    assert_eq!((status, &report["status"]), (200, &json!("unchanged")));
    assert_eq!(world.calls.load(Ordering::Relaxed), 0, "nobody is bothered");
}

#[tokio::test]
async fn an_import_that_was_cut_off_goes_on_there() {
    let (world, store) = (World::new(), MemoryStore::new());
    world.suffer(Trouble { dead_from: Some(101), ..Trouble::default() });
    let (status, problem) = import(&world, store.clone()).await;
    assert_eq!((status, &problem["type"]), (502, &json!("/problems/import-stopped")));

    world.suffer(Trouble::default());
    let (status, report) = import(&world, store).await;
    assert_eq!(status, 200);
    let imported = report["imported"].as_u64().unwrap();
    assert!(imported < all() as u64 && imported > all() as u64 - 60, "{imported}");
    assert_eq!(world.filled().await, (all(), all()));
}

#[tokio::test]
async fn a_crash_at_any_step_is_mended_by_the_next_import() {
    for operations in [0, 1, 2, 3, 10, 30, 32, 33, 34] {
        let (world, store) = (World::new(), MemoryStore::new());
        let first = import(&world, FailingStore::after(operations, store.clone())).await.0;
        let done = operations > 33;
        assert_eq!(first == 200, done, "after {operations} operations");
        assert_eq!(import(&world, store).await.0, 200);
        assert_eq!(world.filled().await, (all(), all()), "after {operations} operations");
    }
}

#[tokio::test]
async fn a_forgetful_importer_changes_nothing() {
    let world = World::new();
    import(&world, MemoryStore::new()).await;
    let (status, report) = import(&world, MemoryStore::new()).await;
    assert_eq!((status, &report["imported"]), (200, &json!(all())));
    let idle = ["created", "updated", "received"].map(|count| report[count].as_u64());
    assert_eq!(idle, [Some(0); 3]);
    assert_eq!(world.filled().await, (all(), all()));
}

#[tokio::test]
async fn lost_answers_and_a_busy_shop_are_ridden_out() {
    let (world, store, waited) = (World::new(), MemoryStore::new(), Waited::default());
    let trouble = Trouble { lose_every: Some(5), busy_every: Some(7), dead_from: None };
    world.suffer(trouble);
    let (status, _) = import_with(&world, store, waited.clone(), "right").await;
    assert_eq!(status, 200);
    assert_eq!(world.filled().await, (all(), all()));
    assert_eq!(waited.longest_ms.load(Ordering::Relaxed), BACKOFF_MAX_MS, "waits are bounded");
}

#[tokio::test]
async fn a_shop_that_never_answers_is_given_up() {
    let world = World::new();
    world.suffer(Trouble { dead_from: Some(1), ..Trouble::default() });
    assert_eq!(import(&world, MemoryStore::new()).await.0, 502);
    assert_eq!(world.calls.load(Ordering::Relaxed), ATTEMPTS_MAX);
}

#[tokio::test]
async fn a_wrong_password_is_told_and_not_tried_again() {
    let world = World::new();
    let (status, problem) =
        import_with(&world, MemoryStore::new(), Waited::default(), "wrong").await;
    assert_eq!(status, 502);
    let detail = "POST /api/v1/sessions: it answered 401 Unauthorized: Wrong password.";
    assert_eq!(problem["detail"], detail);
    assert_eq!(world.calls.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_new_file_changes_products_and_raises_stock_but_never_lowers_it() {
    let (world, store) = (World::new(), MemoryStore::new());
    import(&world, store.clone()).await;
    let sku = "KIT-0001";
    world.inventory.receive(sku, 1_000, chassis::clock::now_ms()).await.unwrap();

    let text = DATA
        .replacen("Bread Knife with Beech Handle", "Bread Knife with Ash Handle", 1)
        .replacen("\"stock\": 48", "\"stock\": 50", 1);
    let data = Data::parse(&text).unwrap();
    let credentials =
        Credentials { email: "admin@shop.test".to_owned(), password: "right".to_owned() };
    let shop = Shop::new(world.clone(), Waited::default());
    let summary = Importer::new(store, shop, credentials).import(&data).await.unwrap();
    assert_eq!((summary.imported, summary.updated, summary.received), (2, 1, 1));
    let product = world.get(&format!("/api/v1/products/{sku}")).await;
    assert_eq!(product["name"], "Bread Knife with Ash Handle");
    assert_eq!(product["available"], 1_000);
    assert_eq!(world.received("KIT-0002").await, 50);
}
