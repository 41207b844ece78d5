#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod guests;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Body;
use axum::http::Request;
use chassis::app::router_with_problems;
use chassis::auth::testing::Issuer;
use chassis::money::Money;
use chassis::store::{FailingStore, MemoryStore};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::*;
use crate::ports::{Product, Unavailable};

/// Knows every SKU that begins with `SKU-`, at 19.99, while it answers.
#[derive(Clone, Default)]
struct Shelf {
    silent: Arc<AtomicBool>,
}

impl Products for Shelf {
    async fn get_many(&self, skus: Vec<String>) -> std::result::Result<Vec<Product>, Unavailable> {
        if self.silent.load(Ordering::Relaxed) {
            return Err(Unavailable("no answer".to_owned()));
        }
        assert!(skus.len() <= 100, "the contract takes 100 SKUs");
        let known = skus.into_iter().filter(|sku| sku.starts_with("SKU-"));
        let price = Money::new(1_999, "EUR");
        Ok(known
            .map(|sku| Product { name: format!("The {sku}"), price: price.clone(), sku })
            .collect())
    }
}

const CUSTOMER: &[&str] = &["customer"];

struct Shop<S> {
    router: Router,
    carts: Carts<S, Shelf>,
    shelf: Shelf,
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    json: Value,
}

impl Answer {
    fn etag(&self) -> String {
        self.headers["etag"].to_str().unwrap().to_owned()
    }
}

impl<S: Store> Shop<S> {
    fn over(store: S) -> Shop<S> {
        Shop::at(store, chassis::clock::now_ms)
    }

    fn at(store: S, now_ms: fn() -> u64) -> Shop<S> {
        let shelf = Shelf::default();
        let carts = Carts::new(store, shelf.clone(), now_ms);
        Shop {
            router: router_with_problems(router(carts.clone(), Issuer::new().key_set())),
            carts,
            shelf,
        }
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let (head, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
        let json = serde_json::from_slice(&body).unwrap_or(Value::Null);
        Answer { status: head.status.as_u16(), headers: head.headers, json }
    }

    async fn call(
        &self,
        user: &str,
        method: &str,
        path: &str,
        tag: Option<&str>,
        body: &str,
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/api/v1/cart{path}"))
            .header("authorization", format!("Bearer {}", Issuer::new().token(user, CUSTOMER)))
            .header("content-type", "application/json");
        if let Some(tag) = tag {
            request = request.header("if-match", tag);
        }
        self.send(request.body(Body::from(body.to_owned())).unwrap()).await
    }

    async fn get(&self, user: &str) -> Answer {
        self.call(user, "GET", "", None, "").await
    }

    async fn put(&self, user: &str, sku: &str, quantity: u32) -> Answer {
        let body = json!({"quantity": quantity}).to_string();
        self.call(user, "PUT", &format!("/items/{sku}"), None, &body).await
    }
}

fn shop() -> Shop<MemoryStore> {
    Shop::over(MemoryStore::new())
}

#[tokio::test]
async fn an_empty_cart_is_a_cart() {
    let answer = shop().get("usr_1").await;
    assert_eq!(answer.status, 200);
    let expected = json!({"items": [], "total": {"amount": 0, "currency": "EUR"}, "version": 0});
    assert_eq!(answer.json, expected);
    assert_eq!(answer.etag(), "\"0\"");
    assert_eq!(answer.headers["cache-control"], "no-store");
}

#[tokio::test]
async fn products_are_put_in_with_names_and_totals() {
    let shop = shop();
    shop.put("usr_1", "SKU-1", 2).await;
    let answer = shop.put("usr_1", "SKU-2", 1).await;
    let price = json!({"amount": 1999, "currency": "EUR"});
    let expected = json!({
        "items": [
            {"sku": "SKU-1", "name": "The SKU-1", "quantity": 2, "price": price,
             "total": {"amount": 3998, "currency": "EUR"}},
            {"sku": "SKU-2", "name": "The SKU-2", "quantity": 1, "price": price, "total": price},
        ],
        "total": {"amount": 5997, "currency": "EUR"},
        "version": 2,
    });
    assert_eq!((answer.status, &answer.json), (200, &expected));
    assert_eq!(shop.get("usr_1").await.json, expected);
    assert_eq!(answer.etag(), "\"2\"");
}

#[tokio::test]
async fn everybody_has_a_cart_of_their_own() {
    let shop = shop();
    shop.put("usr_1", "SKU-1", 2).await;
    assert_eq!(shop.get("usr_2").await.json["items"], json!([]));
    let anonymous = Request::get("/api/v1/cart").body(Body::empty()).unwrap();
    assert_eq!(shop.send(anonymous).await.status, 401);
}

#[tokio::test]
async fn products_are_taken_out_one_by_one_or_all_at_once() {
    let shop = shop();
    for sku in ["SKU-1", "SKU-2", "SKU-3"] {
        shop.put("usr_1", sku, 1).await;
    }
    let answer = shop.call("usr_1", "DELETE", "/items/SKU-2", None, "").await;
    assert_eq!((answer.status, answer.etag().as_str()), (204, "\"4\""));
    let again = shop.call("usr_1", "DELETE", "/items/SKU-2", None, "").await;
    assert_eq!((again.status, again.etag().as_str()), (204, "\"4\""));
    assert_eq!(shop.get("usr_1").await.json["items"].as_array().unwrap().len(), 2);
    let answer = shop.call("usr_1", "DELETE", "", None, "").await;
    assert_eq!((answer.status, answer.etag().as_str()), (204, "\"5\""));
    assert_eq!(shop.get("usr_1").await.json["items"], json!([]));
}

#[tokio::test]
async fn taking_out_of_a_cart_that_never_was_creates_none() {
    let store = MemoryStore::new();
    let shop = Shop::over(store.clone());
    assert_eq!(shop.call("usr_1", "DELETE", "/items/SKU-1", None, "").await.status, 204);
    assert_eq!(shop.call("usr_1", "DELETE", "", None, "").await.status, 204);
    assert_eq!(store.keys(), Vec::<String>::new());
}

#[tokio::test]
async fn an_unknown_product_is_not_put_in() {
    let shop = shop();
    let long = format!("SKU-{}", "1".repeat(SKU_CHARS_MAX));
    for sku in ["NOPE-1", "sku-1", "%20", "..%2F..", &long] {
        let answer = shop.put("usr_1", sku, 1).await;
        assert_eq!(
            (answer.status, &answer.json["type"]),
            (404, &json!("/problems/not-found")),
            "{sku}"
        );
    }
    assert_eq!(shop.get("usr_1").await.json["version"], 0);
}

#[tokio::test]
async fn quantities_are_whole_numbers_from_1_to_1000() {
    let shop = shop();
    let bad = [
        "0",
        "-1",
        "1001",
        "4294967296",
        "4294967297",
        "18446744073709551616",
        "1.5",
        "\"3\"",
        "null",
        "true",
        "[1]",
        "{}",
        "1e2",
    ];
    for quantity in bad {
        let body = format!("{{\"quantity\": {quantity}}}");
        let answer = shop.call("usr_1", "PUT", "/items/SKU-1", None, &body).await;
        assert_eq!(answer.status, 422, "{quantity}");
        assert_eq!(answer.json["errors"][0]["pointer"], "/quantity", "{quantity}");
    }
    assert_eq!(shop.put("usr_1", "SKU-1", 1_000).await.status, 200);
    assert_eq!(shop.get("usr_1").await.json["items"][0]["quantity"], 1_000);
}

#[tokio::test]
async fn bodies_that_are_no_quantity_are_refused_by_kind() {
    let shop = shop();
    for (body, status) in
        [("", 400), ("{", 400), ("[]", 422), ("7", 422), ("null", 422), ("{}", 422)]
    {
        let answer = shop.call("usr_1", "PUT", "/items/SKU-1", None, body).await;
        assert_eq!(answer.status, status, "{body}");
        assert_eq!(answer.headers["content-type"], "application/problem+json", "{body}");
    }
    let unknown = r#"{"quantity": 1, "price": 1}"#;
    let answer = shop.call("usr_1", "PUT", "/items/SKU-1", None, unknown).await;
    assert_eq!((answer.status, &answer.json["errors"][0]["pointer"]), (422, &json!("/price")));
    let plain = Request::put("/api/v1/cart/items/SKU-1")
        .header("authorization", format!("Bearer {}", Issuer::new().token("usr_1", CUSTOMER)))
        .header("content-type", "text/plain")
        .body(Body::from("{\"quantity\": 1}"))
        .unwrap();
    assert_eq!(shop.send(plain).await.status, 415);
    assert_eq!(shop.get("usr_1").await.json["version"], 0);
}

#[tokio::test]
async fn a_change_for_another_version_is_refused() {
    let shop = shop();
    let tag = shop.put("usr_1", "SKU-1", 1).await.etag();
    let body = r#"{"quantity": 5}"#;
    let first = shop.call("usr_1", "PUT", "/items/SKU-1", Some(&tag), body).await;
    assert_eq!(first.status, 200);
    let late = shop.call("usr_1", "PUT", "/items/SKU-2", Some(&tag), body).await;
    assert_eq!((late.status, &late.json["type"]), (412, &json!("/problems/cart-changed")));
    assert_eq!((late.etag(), &late.json["version"]), (first.etag(), &json!(2)), "the current one");
    for path in ["/items/SKU-1", ""] {
        assert_eq!(shop.call("usr_1", "DELETE", path, Some(&tag), "").await.status, 412, "{path}");
    }
    assert_eq!(shop.get("usr_1").await.json["items"].as_array().unwrap().len(), 1);
    let any = shop.call("usr_1", "DELETE", "", Some("*"), "").await;
    assert_eq!(any.status, 204);
}

#[tokio::test]
async fn the_hundred_and_first_product_is_refused() {
    let shop = shop();
    for n in 0..LINES_MAX {
        assert_eq!(shop.put("usr_1", &format!("SKU-{n}"), 1).await.status, 200);
    }
    let answer = shop.put("usr_1", "SKU-X", 1).await;
    assert_eq!((answer.status, &answer.json["type"]), (409, &json!("/problems/cart-full")));
    assert_eq!(shop.get("usr_1").await.json["items"].as_array().unwrap().len(), LINES_MAX);
}

#[tokio::test]
async fn two_tabs_do_not_lose_each_others_products() {
    let shop = Arc::new(shop());
    let tasks: Vec<_> = (0..50)
        .map(|n| {
            let shop = shop.clone();
            tokio::spawn(async move { shop.put("usr_1", &format!("SKU-{n}"), 1).await.status })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), 200);
    }
    let cart = shop.get("usr_1").await.json;
    assert_eq!((cart["items"].as_array().unwrap().len(), &cart["version"]), (50, &json!(50)));
}

#[tokio::test]
async fn without_the_catalogue_one_can_still_take_out() {
    let shop = shop();
    shop.put("usr_1", "SKU-1", 1).await;
    shop.shelf.silent.store(true, Ordering::Relaxed);
    let answer = shop.get("usr_1").await;
    assert_eq!(answer.status, 503);
    assert!(answer.headers.contains_key("retry-after"));
    assert_eq!(shop.put("usr_1", "SKU-2", 1).await.status, 503);
    assert_eq!(shop.call("usr_1", "DELETE", "/items/SKU-1", None, "").await.status, 204);
    assert_eq!(shop.get("usr_1").await.json["items"], json!([]));
}

#[tokio::test]
async fn a_store_that_fails_is_a_503_and_leaves_the_cart_as_it_was() {
    let store = MemoryStore::new();
    Shop::over(store.clone()).put("usr_1", "SKU-1", 1).await;
    // A put reads, then swaps.
    for operations in 0..2 {
        let failing = Shop::over(FailingStore::after(operations, store.clone()));
        assert_eq!(failing.put("usr_1", "SKU-2", 1).await.status, 503, "{operations}");
    }
    let cart = Shop::over(store).get("usr_1").await.json;
    assert_eq!((cart["items"].as_array().unwrap().len(), &cart["version"]), (1, &json!(1)));
}

#[tokio::test]
async fn checkout_empties_the_cart_that_it_read() {
    let shop = shop();
    shop.put("usr_1", "SKU-1", 2).await;
    let read = shop.carts.get("usr_1").await.unwrap();
    assert_eq!((read.version, read.lines[0].quantity), (1, 2));
    shop.put("usr_1", "SKU-2", 1).await;
    let late = shop.carts.clear_at("usr_1", read.version).await;
    assert_eq!(late, Err(Error::Refused(Refused::Changed { version: 2 })));
    assert_eq!(shop.carts.clear_at("usr_1", 2).await, Ok(()));
    assert_eq!(shop.carts.clear_at("usr_1", 2).await, Ok(()));
    assert_eq!(shop.carts.clear_at("usr_2", 9).await, Ok(()), "an empty cart is fine");
}

fn account_deleted(user: &str, data: &Value) -> Request<Body> {
    Request::post("/events")
        .header("ce-specversion", "1.0")
        .header("ce-id", format!("{user}.3"))
        .header("ce-source", "/shop/identity")
        .header("ce-type", chassis::sealed::ACCOUNT_DELETED)
        .header("ce-subject", user)
        .header("content-type", "application/json")
        .body(Body::from(data.to_string()))
        .unwrap()
}

#[tokio::test]
async fn a_deleted_account_leaves_an_empty_cart_that_refuses_items() {
    let store = MemoryStore::new();
    let shop = Shop::over(store.clone());
    for user in ["usr_1", "usr_2"] {
        shop.put(user, "SKU-1", 2).await;
    }
    let guest = shop.send(Request::post("/api/v1/carts").body(Body::empty()).unwrap()).await;
    assert_eq!(shop.send(account_deleted("usr_1", &json!({}))).await.status, 422);
    for _ in 0..2 {
        let delivery = account_deleted("usr_1", &json!({"user_id": "usr_1"}));
        assert_eq!(shop.send(delivery).await.status, 204);
    }
    let value = store.get("cart/usr_1").await.unwrap().unwrap();
    assert!(!String::from_utf8_lossy(&value).contains("SKU-1"));
    assert_eq!(shop.get("usr_1").await.json["items"], json!([]));
    // The token is still valid for some minutes.
    assert_eq!(shop.put("usr_1", "SKU-1", 1).await.status, 401);
    let merge = json!({"guest_cart_id": guest.json["id"]}).to_string();
    assert_eq!(shop.call("usr_1", "POST", "/merge", None, &merge).await.status, 401);
    assert_eq!(shop.carts.clear_at("usr_1", 1).await, Ok(()), "an order may still empty it");
    assert_eq!(shop.get("usr_2").await.json["items"].as_array().unwrap().len(), 1);
    assert_eq!(shop.call("usr_2", "POST", "/merge", None, &merge).await.status, 200);
}

#[tokio::test]
async fn after_a_crash_at_any_step_a_redelivered_event_empties_the_cart() {
    for operations in 0..6 {
        let store = MemoryStore::new();
        Shop::over(store.clone()).put("usr_1", "SKU-1", 2).await;
        let event = || account_deleted("usr_1", &json!({"user_id": "usr_1"}));
        let dying = Shop::over(FailingStore::after(operations, store.clone()));
        let first = dying.send(event()).await.status;
        assert!(first == 204 || first == 503, "after {operations} operations: {first}");
        let shop = Shop::over(store);
        assert_eq!(shop.send(event()).await.status, 204);
        assert_eq!(shop.get("usr_1").await.json["items"], json!([]));
    }
}
