#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Body;
use axum::http::Request;
use axum::response::Response;
use chassis::app::router_with_problems;
use chassis::auth::testing::Issuer;
use chassis::events::MemoryProducer;
use chassis::store::{FailingStore, MemoryStore};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::*;
use crate::ports::StockUnknown;
use crate::records::Memo;

/// Seven pieces of everything, while it answers.
#[derive(Clone, Default)]
struct Seven {
    silent: Arc<AtomicBool>,
}

impl Stock for Seven {
    async fn available(
        &self,
        skus: Vec<String>,
    ) -> std::result::Result<Vec<(String, u32)>, StockUnknown> {
        if self.silent.load(Ordering::Relaxed) {
            return Err(StockUnknown("no answer".to_owned()));
        }
        Ok(skus.into_iter().map(|sku| (sku, 7)).collect())
    }
}

struct Shop {
    router: Router,
    stock: Seven,
    log: MemoryProducer,
}

impl Shop {
    fn new() -> Shop {
        Shop::over(MemoryStore::new())
    }

    fn over<S: Store>(store: S) -> Shop {
        let stock = Seven::default();
        let log = MemoryProducer::new();
        let catalog = Catalog::new(store, stock.clone(), log.clone(), Memo::default());
        let router = router_with_problems(router(catalog, Issuer::new().key_set()));
        Shop { router, stock, log }
    }

    async fn send(&self, request: Request<Body>) -> (u16, HeaderMap, Value) {
        let response: Response = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
        let json = serde_json::from_slice(&body).unwrap_or(Value::Null);
        (head.status.as_u16(), head.headers, json)
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        let (status, _, json) = self.send(Request::get(path).body(Body::empty()).unwrap()).await;
        (status, json)
    }

    async fn write(&self, method: &str, path: &str, body: &Value) -> (u16, HeaderMap, Value) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {}", Issuer::new().token("usr_1", &["admin"])))
            .header("content-type", "application/json")
            .body(Body::from(body.to_string()))
            .unwrap();
        self.send(request).await
    }

    async fn add(&self, body: &Value) -> u16 {
        self.write("POST", "/api/v1/products", body).await.0
    }
}

fn product(sku: &str, name: &str, category: &str) -> Value {
    json!({
        "sku": sku, "name": name, "description": "A good thing.", "category": category,
        "price": {"amount": 1999, "currency": "EUR"},
    })
}

#[tokio::test]
async fn a_product_can_be_added_and_read() {
    let shop = Shop::new();
    let (status, headers, created) = shop
        .write("POST", "/api/v1/products", &product("TEA-0001", "Teapot", "Coffee & Tea"))
        .await;
    assert_eq!(status, 201);
    assert_eq!(headers["location"], "/api/v1/products/TEA-0001");
    let expected = json!({
        "sku": "TEA-0001", "name": "Teapot", "description": "A good thing.",
        "category": "Coffee & Tea", "price": {"amount": 1999, "currency": "EUR"},
        "available": 7, "image": "/images/TEA-0001.svg",
    });
    assert_eq!(created, expected);
    assert_eq!(shop.get("/api/v1/products/TEA-0001").await, (200, expected));
    let (status, problem) = shop.get("/api/v1/products/TEA-0002").await;
    assert_eq!((status, &problem["type"]), (404, &json!("/problems/not-found")));
}

#[tokio::test]
async fn an_import_can_be_repeated_but_not_overwrite() {
    let shop = Shop::new();
    assert_eq!(shop.add(&product("TEA-0001", "Teapot", "Tea")).await, 201);
    assert_eq!(shop.add(&product("TEA-0001", "Teapot", "Tea")).await, 200);
    let (status, _, problem) =
        shop.write("POST", "/api/v1/products", &product("TEA-0001", "Mug", "Tea")).await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/sku-taken")));
    assert_eq!(shop.get("/api/v1/products/TEA-0001").await.1["name"], "Teapot");
}

#[tokio::test]
async fn concurrent_additions_all_arrive_and_one_sku_is_given_once() {
    let shop = Arc::new(Shop::new());
    let tasks: Vec<_> = (0..100)
        .map(|n| {
            let shop = shop.clone();
            // A hundred products, each offered by two tasks under different names.
            let body = product(&format!("A-{}", n / 2), &format!("Name {}", n % 2), "Tea");
            tokio::spawn(async move { shop.add(&body).await })
        })
        .collect();
    let mut statuses = Vec::new();
    for task in tasks {
        statuses.push(task.await.unwrap());
    }
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 50);
    assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 50);
    assert_eq!(
        shop.get("/api/v1/products?limit=100").await.1["items"].as_array().unwrap().len(),
        50
    );
}

#[tokio::test]
async fn a_product_can_be_changed_but_not_renamed_or_invented() {
    let shop = Shop::new();
    shop.add(&product("TEA-0001", "Teapot", "Tea")).await;
    let path = "/api/v1/products/TEA-0001";
    let mut changed = product("TEA-0001", "Large Teapot", "Tea");
    assert_eq!(shop.write("PUT", path, &changed).await.0, 200);
    changed.as_object_mut().unwrap().remove("sku");
    assert_eq!(shop.write("PUT", path, &changed).await.0, 200);
    assert_eq!(shop.get(path).await.1["name"], "Large Teapot");
    assert_eq!(shop.get("/api/v1/products?q=large").await.1["items"][0]["sku"], "TEA-0001");
    let (status, _, problem) = shop.write("PUT", path, &product("TEA-0002", "X", "Tea")).await;
    assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!("/sku")));
    assert_eq!(shop.write("PUT", "/api/v1/products/TEA-0009", &changed).await.0, 404);
}

#[tokio::test]
async fn a_list_is_paged_by_cursor_and_filtered() {
    let shop = Shop::new();
    for n in 0..25 {
        let category = if n % 2 == 0 { "Coffee & Tea" } else { "Kitchen" };
        shop.add(&product(&format!("X-{n:02}"), &format!("Thing {n:02}"), category)).await;
    }
    let mut path = "/api/v1/products?limit=10".to_owned();
    let mut skus = Vec::new();
    let mut pages = 0;
    loop {
        let (status, page) = shop.get(&path).await;
        assert_eq!(status, 200);
        let items = page["items"].as_array().unwrap();
        skus.extend(items.iter().map(|item| item["sku"].as_str().unwrap().to_owned()));
        pages += 1;
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/api/v1/products?limit=10&cursor={cursor}");
    }
    assert_eq!(pages, 3);
    assert_eq!(skus, (0..25).map(|n| format!("X-{n:02}")).collect::<Vec<_>>());

    let (_, page) = shop.get("/api/v1/products?category=coffee-tea&limit=100").await;
    assert_eq!(page["items"].as_array().unwrap().len(), 13);
    assert_eq!(page["next_cursor"], Value::Null);
    let (_, found) = shop.get("/api/v1/products?q=THING%2007").await;
    assert_eq!(found["items"][0]["sku"], "X-07");
}

#[tokio::test]
async fn a_cursor_of_another_list_is_refused() {
    let shop = Shop::new();
    for n in 0..3 {
        shop.add(&product(&format!("X-{n}"), &format!("Thing {n}"), "Tea")).await;
    }
    let (_, page) = shop.get("/api/v1/products?limit=1").await;
    let cursor = page["next_cursor"].as_str().unwrap();
    assert_eq!(shop.get(&format!("/api/v1/products?q=thing&cursor={cursor}")).await.0, 400);
    assert_eq!(shop.get("/api/v1/products?cursor=AAAA").await.0, 400);
}

#[tokio::test]
async fn malformed_queries_are_refused() {
    let shop = Shop::new();
    let long = format!("/api/v1/products?q={}", "a".repeat(crate::search::QUERY_CHARS_MAX + 1));
    for path in [
        &long,
        "/api/v1/products?limit=0",
        "/api/v1/products?limit=101",
        "/api/v1/products?q=a&q=b",
        "/api/v1/products?sort=best",
        "/api/v1/products?price_min=-1",
        "/api/v1/products?price_max=cheap",
        "/api/v1/categories?price_min=2&price_max=1",
    ] {
        let (status, problem) = shop.get(path).await;
        assert_eq!((status, &problem["status"]), (400, &json!(400)), "{path}");
    }
}

#[tokio::test]
async fn categories_are_counted() {
    let shop = Shop::new();
    assert_eq!(shop.get("/api/v1/categories").await.1, json!({"items": [], "next_cursor": null}));
    shop.add(&product("A-1", "Teapot", "Coffee & Tea")).await;
    shop.add(&product("A-2", "Mug", "Coffee & Tea")).await;
    shop.add(&product("A-3", "Pan", "Kitchen")).await;
    let items = json!([
        {"slug": "coffee-tea", "name": "Coffee & Tea", "count": 2},
        {"slug": "kitchen", "name": "Kitchen", "count": 1},
    ]);
    assert_eq!(shop.get("/api/v1/categories").await.1["items"], items);
}

#[tokio::test]
async fn a_list_is_sorted_filtered_and_counted_with_its_categories() {
    let shop = Shop::new();
    for (sku, name, category, amount) in [
        ("KIT-1", "Bread Knife", "Kitchen", 3_490),
        ("KIT-2", "Pan", "Kitchen", 4_590),
        ("GAR-1", "Garden Knife", "Garden", 1_290),
    ] {
        let mut body = product(sku, name, category);
        body["price"]["amount"] = json!(amount);
        assert_eq!(shop.add(&body).await, 201);
    }
    for (query, skus, total, approximate) in [
        ("q=knife&sort=price&limit=1", vec!["GAR-1"], 2, false),
        ("q=knife&sort=-price", vec!["KIT-1", "GAR-1"], 2, false),
        ("price_min=3490&price_max=4590&sort=name", vec!["KIT-1", "KIT-2"], 2, false),
        ("q=kinfe", vec!["KIT-1", "GAR-1"], 2, true),
        ("q=kit-2", vec!["KIT-2"], 1, false),
        ("q=spoon", vec![], 0, false),
    ] {
        let (status, page) = shop.get(&format!("/api/v1/products?{query}")).await;
        let items = page["items"].as_array().unwrap();
        let found: Vec<_> = items.iter().map(|item| item["sku"].as_str().unwrap()).collect();
        assert_eq!((status, found), (200, skus), "{query}");
        assert_eq!(page["total"], total, "{query}");
        assert_eq!(page["approximate"], approximate, "{query}");
    }
    let counts = async |query: &str| {
        let page = shop.get(&format!("/api/v1/categories?{query}")).await.1;
        let items = page["items"].as_array().unwrap().clone();
        items.iter().map(|it| it["count"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(counts("").await, [1, 2]);
    assert_eq!(counts("q=knife").await, [1, 1]);
    assert_eq!(counts("q=kinfe&price_min=2000").await, [0, 1]);
}

#[tokio::test]
async fn browsing_survives_without_inventory() {
    let shop = Shop::new();
    shop.add(&product("A-1", "Teapot", "Tea")).await;
    shop.stock.silent.store(true, Ordering::Relaxed);
    let (status, page) = shop.get("/api/v1/products?q=teapot").await;
    assert_eq!((status, &page["items"][0]["available"]), (200, &Value::Null));
    assert_eq!(shop.get("/api/v1/products/A-1").await.1["available"], Value::Null);
}

#[tokio::test]
async fn only_admins_write() {
    let shop = Shop::new();
    let body = product("A-1", "Teapot", "Tea").to_string();
    for (path, method) in [("/api/v1/products", "POST"), ("/api/v1/products/A-1", "PUT")] {
        let request = || {
            Request::builder().method(method).uri(path).header("content-type", "application/json")
        };
        let anonymous = request().body(Body::from(body.clone())).unwrap();
        assert_eq!(shop.send(anonymous).await.0, 401, "{method}");
        let bearer = format!("Bearer {}", Issuer::new().token("usr_1", &["customer"]));
        let customer =
            request().header("authorization", bearer).body(Body::from(body.clone())).unwrap();
        assert_eq!(shop.send(customer).await.0, 403, "{method}");
    }
    assert_eq!(shop.get("/api/v1/products").await.1["items"], json!([]));
}

#[tokio::test]
async fn every_fault_of_a_product_is_named() {
    let shop = Shop::new();
    let body = json!({
        "sku": "tea 1", "name": " ", "description": 7, "category": "&", "color": "red",
        "price": {"amount": 4_294_967_296_i64, "currency": "USD", "vat": 19},
    });
    let (status, _, problem) = shop.write("POST", "/api/v1/products", &body).await;
    assert_eq!(status, 422);
    let mut pointers: Vec<_> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| fault["pointer"].as_str().unwrap())
        .collect();
    pointers.sort_unstable();
    let expected = [
        "/category",
        "/color",
        "/description",
        "/name",
        "/price/amount",
        "/price/currency",
        "/sku",
    ];
    assert_eq!(pointers, expected);
}

#[tokio::test]
async fn prices_are_positive_whole_cents_of_a_million_at_most() {
    let shop = Shop::new();
    let bad = [
        json!(0),
        json!(-1),
        json!(19.99),
        json!("1999"),
        json!(null),
        json!(4_294_967_296_u64),
        json!(u64::MAX),
        json!([]),
        json!(100_000_001),
    ];
    for amount in bad {
        let mut body = product("A-1", "Teapot", "Tea");
        body["price"]["amount"] = amount.clone();
        let (status, _, problem) = shop.write("POST", "/api/v1/products", &body).await;
        assert_eq!(status, 422, "{amount}");
        assert_eq!(problem["errors"][0]["pointer"], "/price/amount", "{amount}");
    }
    for price in [json!(1999), json!([]), json!("19.99 EUR"), json!(null)] {
        let mut body = product("A-1", "Teapot", "Tea");
        body["price"] = price.clone();
        assert_eq!(shop.add(&body).await, 422, "{price}");
    }
}

#[tokio::test]
async fn bodies_that_are_no_product_are_refused_by_kind() {
    let shop = Shop::new();
    let send = async |content_type: Option<&str>, body: String| {
        let mut request = Request::post("/api/v1/products").header(
            "authorization",
            format!("Bearer {}", Issuer::new().token("usr_1", &["admin"])),
        );
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        let (status, headers, _) = shop.send(request.body(Body::from(body)).unwrap()).await;
        assert_eq!(headers["content-type"], "application/problem+json");
        status
    };
    let json = Some("application/json");
    let good = product("A-1", "Teapot", "Tea").to_string();
    assert_eq!(send(None, good.clone()).await, 415);
    assert_eq!(send(Some("text/plain"), good.clone()).await, 415);
    assert_eq!(send(json, "{".to_owned()).await, 400);
    assert_eq!(send(json, String::new()).await, 400);
    assert_eq!(send(json, format!("{good}{}", " ".repeat(64 * 1024))).await, 413);
    for other in ["[]", "\"x\"", "1", "null", "{}"] {
        assert_eq!(send(json, other.to_owned()).await, 422, "{other}");
    }
}

#[tokio::test]
async fn wrong_methods_and_paths_are_problems() {
    let shop = Shop::new();
    let request = Request::patch("/api/v1/products/A-1").body(Body::empty()).unwrap();
    let (status, headers, _) = shop.send(request).await;
    assert_eq!(status, 405);
    assert!(headers["allow"].to_str().unwrap().contains("PUT"));
    assert_eq!(shop.get("/api/v1/product").await.0, 404);
}

#[tokio::test]
async fn a_store_that_fails_is_a_503_and_nothing_is_acknowledged() {
    let store = MemoryStore::new();
    let shop = Shop::over(FailingStore::after(1, store.clone()));
    assert_eq!(shop.add(&product("A-1", "Teapot", "Tea")).await, 503);
    assert_eq!(shop.get("/api/v1/products").await.0, 503);
    assert_eq!(store.keys(), Vec::<String>::new());
}

#[tokio::test]
async fn what_an_instance_remembers_never_hides_another_ones_write() {
    let store = MemoryStore::new();
    let (one, other) = (Shop::over(store.clone()), Shop::over(store));
    one.add(&product("A-1", "Teapot", "Tea")).await;
    assert_eq!(one.get("/api/v1/products/A-1").await.1["name"], "Teapot");
    other.write("PUT", "/api/v1/products/A-1", &product("A-1", "Kettle", "Tea")).await;
    assert_eq!(one.get("/api/v1/products/A-1").await.1["name"], "Kettle");
    assert_eq!(one.get("/api/v1/products?q=kettle").await.1["items"][0]["name"], "Kettle");
}

#[tokio::test]
async fn many_products_are_read_at_once_without_the_unknown() {
    let shop = MemoryStore::new();
    let catalog = Catalog::new(shop, Seven::default(), MemoryProducer::new(), Memo::default());
    for n in 0..20 {
        let details = domain::Details {
            name: format!("Thing {n}"),
            description: "A thing.".to_owned(),
            category: "Tea".to_owned(),
            price: Money::new(100, domain::CURRENCY),
        };
        catalog.add(&format!("A-{n}"), &details).await.unwrap();
    }
    let skus = ["A-3", "A-17", "B-1", "A-3", "", "A-0"].map(str::to_owned);
    let found = catalog.get_many(&skus).await.unwrap();
    let found: Vec<_> = found.into_iter().map(|product| product.sku).collect();
    assert_eq!(found, ["A-0", "A-17", "A-3"]);
}

impl Shop {
    /// SKU, last word but the version of the type, and number of each published event.
    fn told(&self) -> Vec<String> {
        let events = self.log.events();
        let kind = |kind: &str| kind.trim_end_matches(".v1").rsplit('.').next().unwrap().to_owned();
        events.iter().map(|event| format!("{} {}", event.id, kind(&event.kind))).collect()
    }

    async fn sweep(&self) -> Value {
        self.send(Request::post("/sweep").body(Body::empty()).unwrap()).await.2
    }
}

#[tokio::test]
async fn a_removed_product_is_gone_and_others_are_told() {
    let shop = Shop::new();
    shop.add(&product("TEA-0001", "Teapot", "Tea")).await;
    let path = "/api/v1/products/TEA-0001";
    let stranger = Request::delete(path).body(Body::empty()).unwrap();
    assert_eq!(shop.send(stranger).await.0, 401);
    assert_eq!(shop.write("DELETE", path, &Value::Null).await.0, 204);
    assert_eq!(shop.get(path).await.0, 404);
    assert_eq!(shop.get("/api/v1/products").await.1["items"], json!([]));
    assert_eq!(shop.write("DELETE", path, &Value::Null).await.0, 404);
    assert_eq!(shop.add(&product("TEA-0001", "Teapot", "Tea")).await, 201, "it comes back");
    shop.sweep().await;
    assert_eq!(shop.told(), ["TEA-0001.1 changed", "TEA-0001.2 removed", "TEA-0001.3 changed"]);
}

#[tokio::test]
async fn a_single_change_is_told_at_once_and_an_import_in_batches() {
    let shop = Shop::new();
    shop.add(&product("TEA-0001", "Teapot", "Tea")).await;
    assert_eq!(shop.told(), ["TEA-0001.1 changed"]);
    let before = shop.log.calls();
    for number in 0..252 {
        shop.add(&product(&format!("IMP-{number:04}"), "Thing", "Things")).await;
    }
    shop.sweep().await;
    assert_eq!(shop.told().len(), 253);
    let calls = shop.log.calls() - before;
    assert!(calls < 40, "{calls} publications for 252 products");
    assert_eq!(shop.sweep().await, json!({"published": 0, "failed": 0}));
}

#[tokio::test]
async fn products_are_sold_while_the_log_is_away_and_told_of_later() {
    let shop = Shop::new();
    shop.log.set_down(true);
    assert_eq!(shop.add(&product("TEA-0001", "Teapot", "Tea")).await, 201);
    assert_eq!(shop.sweep().await, json!({"published": 0, "failed": 1}));
    shop.log.set_down(false);
    assert_eq!(shop.sweep().await, json!({"published": 1, "failed": 0}));
    assert_eq!(shop.told(), ["TEA-0001.1 changed"]);
}

#[tokio::test]
async fn killed_at_any_step_a_change_is_told_once_if_it_was_made() {
    for operations in 0..12 {
        let store = MemoryStore::new();
        let dying = Shop::over(FailingStore::after(operations, store.clone()));
        let status = dying.add(&product("TEA-0001", "Teapot", "Tea")).await;
        let shop = Shop::over(store);
        shop.sweep().await;
        let exists = shop.get("/api/v1/products/TEA-0001").await.0 == 200;
        assert!(exists || status == 503, "after {operations} operations");
        let mut told = dying.told();
        told.extend(shop.told());
        told.dedup();
        assert_eq!(told.len(), usize::from(exists), "after {operations} operations: {told:?}");
    }
}
