use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chassis::testing::{Client, FailingStore, Issuer, MemoryProducer, MemoryStore, Reply};
use serde_json::{Value, json};

use super::*;
use crate::ports::StockUnknown;
use crate::records::Memo;

const PRODUCTS: &str = "/api/v1/products";

/// Seven pieces of each product, while it responds.
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
            return Err(StockUnknown("no response".to_owned()));
        }
        Ok(skus.into_iter().map(|sku| (sku, 7)).collect())
    }
}

struct Shop {
    client: Client,
    stock: Seven,
    log: MemoryProducer,
}

impl Shop {
    fn new() -> Shop {
        Shop::over(MemoryStore::new())
    }

    fn over<S: Store>(store: S) -> Shop {
        let (stock, log) = (Seven::default(), MemoryProducer::new());
        let catalog = Catalog::new(store, stock.clone(), log.clone(), Memo::default());
        let client = Client::new(router(catalog, Issuer::new().key_set()));
        Shop { client, stock, log }
    }

    async fn get(&self, path: &str) -> Value {
        self.client.get(path).await.expect(200)
    }

    async fn add(&self, body: &Value) -> Reply {
        self.client.admin().post(PRODUCTS, body).await
    }

    async fn put(&self, path: &str, body: &Value) -> Reply {
        self.client.admin().put(path, body).await
    }

    async fn sweep(&self) -> Value {
        self.client.post("/sweep", &Value::Null).await.expect(200)
    }

    /// Id and type of each published event.
    fn published(&self) -> Vec<String> {
        let kind = |kind: &str| kind.trim_end_matches(".v1").rsplit('.').next().unwrap().to_owned();
        let events = self.log.events();
        events.iter().map(|event| format!("{} {}", event.id, kind(&event.kind))).collect()
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
    let created = shop.add(&product("TEA-0001", "Teapot", "Coffee & Tea")).await;
    assert_eq!(created.header("location"), "/api/v1/products/TEA-0001");
    let expected = json!({
        "sku": "TEA-0001", "name": "Teapot", "description": "A good thing.",
        "category": "Coffee & Tea", "price": {"amount": 1999, "currency": "EUR"},
        "available": 7, "image": "/images/TEA-0001.svg",
    });
    assert_eq!(created.expect(201), expected);
    assert_eq!(shop.get("/api/v1/products/TEA-0001").await, expected);
    shop.client.get("/api/v1/products/TEA-0002").await.expect_problem(404, "not-found");
}

#[tokio::test]
async fn an_import_can_be_repeated_but_does_not_overwrite() {
    let shop = Shop::new();
    for status in [201, 200] {
        shop.add(&product("TEA-0001", "Teapot", "Tea")).await.expect(status);
    }
    shop.add(&product("TEA-0001", "Mug", "Tea")).await.expect_problem(409, "sku-taken");
    assert_eq!(shop.get("/api/v1/products/TEA-0001").await["name"], "Teapot");
}

#[tokio::test]
async fn the_details_of_a_product_can_be_changed_but_not_its_sku() {
    let shop = Shop::new();
    shop.add(&product("TEA-0001", "Teapot", "Tea")).await;
    let path = "/api/v1/products/TEA-0001";
    let mut changed = product("TEA-0001", "Large Teapot", "Tea");
    shop.put(path, &changed).await.expect(200);
    changed.as_object_mut().unwrap().remove("sku");
    shop.put(path, &changed).await.expect(200);
    assert_eq!(shop.get(path).await["name"], "Large Teapot");
    assert_eq!(shop.get("/api/v1/products?q=large").await["items"][0]["sku"], "TEA-0001");
    let problem = shop.put(path, &product("TEA-0002", "X", "Tea")).await.expect(422);
    assert_eq!(problem["errors"][0]["pointer"], "/sku");
    shop.put("/api/v1/products/TEA-0009", &changed).await.expect_problem(404, "not-found");
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
        let page = shop.get(&path).await;
        let items = page["items"].as_array().unwrap();
        skus.extend(items.iter().map(|item| item["sku"].as_str().unwrap().to_owned()));
        pages += 1;
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/api/v1/products?limit=10&cursor={cursor}");
    }
    assert_eq!(pages, 3);
    assert_eq!(skus, (0..25).map(|n| format!("X-{n:02}")).collect::<Vec<_>>());

    let page = shop.get("/api/v1/products?category=coffee-tea&limit=100").await;
    assert_eq!(page["items"].as_array().unwrap().len(), 13);
    assert_eq!(page["next_cursor"], Value::Null);
    let found = shop.get("/api/v1/products?q=THING%2007").await;
    assert_eq!(found["items"][0]["sku"], "X-07");
}

#[tokio::test]
async fn a_cursor_of_another_list_is_refused() {
    let shop = Shop::new();
    for n in 0..3 {
        shop.add(&product(&format!("X-{n}"), &format!("Thing {n}"), "Tea")).await;
    }
    let page = shop.get("/api/v1/products?limit=1").await;
    let cursor = page["next_cursor"].as_str().unwrap();
    for query in [format!("q=thing&cursor={cursor}"), "cursor=AAAA".to_owned()] {
        assert_eq!(shop.client.get(&format!("{PRODUCTS}?{query}")).await.status, 400, "{query}");
    }
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
        shop.client.get(path).await.expect_problem(400, "bad-request");
    }
}

#[tokio::test]
async fn categories_are_counted() {
    let shop = Shop::new();
    assert_eq!(shop.get("/api/v1/categories").await, json!({"items": [], "next_cursor": null}));
    shop.add(&product("A-1", "Teapot", "Coffee & Tea")).await;
    shop.add(&product("A-2", "Mug", "Coffee & Tea")).await;
    shop.add(&product("A-3", "Pan", "Kitchen")).await;
    let items = json!([
        {"slug": "coffee-tea", "name": "Coffee & Tea", "count": 2},
        {"slug": "kitchen", "name": "Kitchen", "count": 1},
    ]);
    assert_eq!(shop.get("/api/v1/categories").await["items"], items);
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
        shop.add(&body).await.expect(201);
    }
    for (query, skus, total, approximate) in [
        ("q=knife&sort=price&limit=1", vec!["GAR-1"], 2, false),
        ("q=knife&sort=-price", vec!["KIT-1", "GAR-1"], 2, false),
        ("price_min=3490&price_max=4590&sort=name", vec!["KIT-1", "KIT-2"], 2, false),
        ("q=kinfe", vec!["KIT-1", "GAR-1"], 2, true),
        ("q=kit-2", vec!["KIT-2"], 1, false),
        ("q=spoon", vec![], 0, false),
    ] {
        let page = shop.get(&format!("/api/v1/products?{query}")).await;
        let items = page["items"].as_array().unwrap();
        let found: Vec<_> = items.iter().map(|item| item["sku"].as_str().unwrap()).collect();
        assert_eq!(found, skus, "{query}");
        assert_eq!(page["total"], total, "{query}");
        assert_eq!(page["approximate"], approximate, "{query}");
    }
    let counts = async |query: &str| {
        let page = shop.get(&format!("/api/v1/categories?{query}")).await;
        let items = page["items"].as_array().unwrap().clone();
        items.iter().map(|it| it["count"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(counts("").await, [1, 2]);
    assert_eq!(counts("q=knife").await, [1, 1]);
    assert_eq!(counts("q=kinfe&price_min=2000").await, [0, 1]);
}

#[tokio::test]
async fn products_are_shown_without_stock_while_inventory_does_not_respond() {
    let shop = Shop::new();
    shop.add(&product("A-1", "Teapot", "Tea")).await;
    shop.stock.silent.store(true, Ordering::Relaxed);
    let page = shop.get("/api/v1/products?q=teapot").await;
    assert_eq!(page["items"][0]["available"], Value::Null);
    assert_eq!(shop.get("/api/v1/products/A-1").await["available"], Value::Null);
}

#[tokio::test]
async fn only_administrators_can_change_products() {
    let shop = Shop::new();
    let body = product("A-1", "Teapot", "Tea");
    for (path, method) in
        [(PRODUCTS, "POST"), ("/api/v1/products/A-1", "PUT"), ("/api/v1/products/A-1", "DELETE")]
    {
        for (client, status) in [(shop.client.clone(), 401), (shop.client.customer("usr_1"), 403)] {
            assert_eq!(client.json(method, path, &body).await.status, status, "{method}");
        }
    }
    assert_eq!(shop.get(PRODUCTS).await["items"], json!([]));
}

#[tokio::test]
async fn all_faults_of_a_product_are_reported() {
    let shop = Shop::new();
    let body = json!({
        "sku": "tea 1", "name": " ", "description": 7, "category": "&", "color": "red",
        "price": {"amount": 4_294_967_296_i64, "currency": "USD", "vat": 19},
    });
    let problem = shop.add(&body).await.expect(422);
    let mut pointers: Vec<_> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| fault["pointer"].as_str().unwrap())
        .collect();
    pointers.sort_unstable();
    let expected = "/category /color /description /name /price/amount /price/currency /sku";
    assert_eq!(pointers.join(" "), expected);
}

#[tokio::test]
async fn prices_are_positive_whole_cents_of_a_million_at_most() {
    let shop = Shop::new();
    let invalid = json!([0, -1, 19.99, "1999", null, 4_294_967_296_u64, u64::MAX, [], 100_000_001]);
    for amount in invalid.as_array().unwrap() {
        let mut body = product("A-1", "Teapot", "Tea");
        body["price"]["amount"] = amount.clone();
        let problem = shop.add(&body).await.expect(422);
        assert_eq!(problem["errors"][0]["pointer"], "/price/amount", "{amount}");
    }
    for price in [json!(1999), json!([]), json!("19.99 EUR"), json!(null)] {
        let mut body = product("A-1", "Teapot", "Tea");
        body["price"] = price.clone();
        assert_eq!(shop.add(&body).await.status, 422, "{price}");
    }
}

#[tokio::test]
async fn invalid_bodies_are_refused() {
    let shop = Shop::new();
    let good = product("A-1", "Teapot", "Tea").to_string();
    let (admin, long) = (shop.client.admin(), format!("{good}{}", " ".repeat(64 * 1024)));
    assert_eq!(admin.text("POST", PRODUCTS, &good).await.status, 415);
    for (kind, body, status) in [
        ("text/plain", good.as_str(), 415),
        ("application/json", "{", 400),
        ("application/json", "", 400),
        ("application/json", &long, 413),
        ("application/json", "[]", 422),
        ("application/json", "\"x\"", 422),
        ("application/json", "1", 422),
        ("application/json", "null", 422),
        ("application/json", "{}", 422),
    ] {
        let reply = admin.with("content-type", kind).text("POST", PRODUCTS, body).await;
        assert_eq!(reply.header("content-type"), "application/problem+json");
        assert_eq!(reply.status, status, "{kind} {reply:?}");
    }
}

#[tokio::test]
async fn a_failing_store_is_a_503_and_changes_nothing() {
    let store = MemoryStore::new();
    let shop = Shop::over(FailingStore::after(1, store.clone()));
    shop.add(&product("A-1", "Teapot", "Tea")).await.expect(503);
    shop.client.get(PRODUCTS).await.expect(503);
    assert_eq!(store.keys(), Vec::<String>::new());
}

#[tokio::test]
async fn an_instance_sees_the_changes_of_other_instances() {
    let store = MemoryStore::new();
    let (one, other) = (Shop::over(store.clone()), Shop::over(store));
    one.add(&product("A-1", "Teapot", "Tea")).await;
    assert_eq!(one.get("/api/v1/products/A-1").await["name"], "Teapot");
    other.put("/api/v1/products/A-1", &product("A-1", "Kettle", "Tea")).await.expect(200);
    assert_eq!(one.get("/api/v1/products/A-1").await["name"], "Kettle");
    assert_eq!(one.get("/api/v1/products?q=kettle").await["items"][0]["name"], "Kettle");
}

#[tokio::test]
async fn many_products_are_read_at_once_without_unknown_ones() {
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

#[tokio::test]
async fn the_removal_of_a_product_is_published() {
    let shop = Shop::new();
    shop.add(&product("TEA-0001", "Teapot", "Tea")).await;
    let path = "/api/v1/products/TEA-0001";
    shop.client.admin().delete(path).await.expect(204);
    shop.client.get(path).await.expect(404);
    assert_eq!(shop.get(PRODUCTS).await["items"], json!([]));
    shop.client.admin().delete(path).await.expect(404);
    shop.add(&product("TEA-0001", "Teapot", "Tea")).await.expect(201);
    shop.sweep().await;
    assert_eq!(
        shop.published(),
        ["TEA-0001.1 changed", "TEA-0001.2 removed", "TEA-0001.3 changed"]
    );
}

#[tokio::test]
async fn a_single_change_is_published_at_once_and_an_import_in_batches() {
    let shop = Shop::new();
    shop.add(&product("TEA-0001", "Teapot", "Tea")).await;
    assert_eq!(shop.published(), ["TEA-0001.1 changed"]);
    let before = shop.log.calls();
    for number in 0..252 {
        shop.add(&product(&format!("IMP-{number:04}"), "Thing", "Things")).await;
    }
    shop.sweep().await;
    assert_eq!(shop.published().len(), 253);
    let calls = shop.log.calls() - before;
    assert!(calls < 40, "{calls} publications for 252 products");
    assert_eq!(shop.sweep().await, json!({"published": 0, "failed": 0}));
}

#[tokio::test]
async fn products_are_added_while_the_log_is_down_and_published_later() {
    let shop = Shop::new();
    shop.log.set_down(true);
    shop.add(&product("TEA-0001", "Teapot", "Tea")).await.expect(201);
    assert_eq!(shop.sweep().await, json!({"published": 0, "failed": 1}));
    shop.log.set_down(false);
    assert_eq!(shop.sweep().await, json!({"published": 1, "failed": 0}));
    assert_eq!(shop.published(), ["TEA-0001.1 changed"]);
}

#[tokio::test]
async fn after_a_crash_at_any_step_a_change_is_published_once_if_it_was_made() {
    for operations in 0..12 {
        let store = MemoryStore::new();
        let dying = Shop::over(FailingStore::after(operations, store.clone()));
        let status = dying.add(&product("TEA-0001", "Teapot", "Tea")).await.status;
        let shop = Shop::over(store);
        shop.sweep().await;
        let exists = shop.client.get("/api/v1/products/TEA-0001").await.status == 200;
        assert!(exists || status == 503, "after {operations} operations");
        let mut published = [dying.published(), shop.published()].concat();
        published.dedup();
        assert_eq!(published.len(), usize::from(exists), "after {operations}: {published:?}");
    }
}
