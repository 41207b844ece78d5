mod lists;
mod publishing;
mod refusals;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chassis::testing::{Client, Issuer, MemoryProducer, MemoryStore, Reply, ScriptedStore};
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
async fn products_are_shown_without_stock_while_inventory_does_not_respond() {
    let shop = Shop::new();
    shop.add(&product("A-1", "Teapot", "Tea")).await;
    shop.stock.silent.store(true, Ordering::Relaxed);
    let page = shop.get("/api/v1/products?q=teapot").await;
    assert_eq!(page["items"][0]["available"], Value::Null);
    assert_eq!(shop.get("/api/v1/products/A-1").await["available"], Value::Null);
}

#[tokio::test]
async fn a_failing_store_is_a_503_and_changes_nothing() {
    let store = MemoryStore::new();
    let shop = Shop::over(ScriptedStore::failing_after(1, store.clone()));
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
