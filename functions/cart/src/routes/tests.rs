mod guests;

use chassis::events::Event;
use chassis::outbox::{Draft, Outbox};
use chassis::testing::{Client, Issuer, MemoryStore, Reply, ScriptedStore};
use serde_json::{Value, json};

use super::*;
use crate::testing::{NOW_MS, Shelf, shelf_at};
use chassis::testing::ManualClock;

struct Shop<S = MemoryStore> {
    client: Client,
    carts: Carts<S, Shelf, ManualClock>,
    shelf: Shelf,
}

impl<S: Store> Shop<S> {
    fn over(store: S) -> Shop<S> {
        let shelf = shelf_at(1_999);
        let carts = Carts::new(store, shelf.clone(), ManualClock::new(NOW_MS));
        let client = Client::new(router(carts.clone(), Issuer::new().key_set()));
        Shop { client, carts, shelf }
    }

    fn user(&self, id: &str) -> Client {
        self.client.customer(id)
    }

    async fn get(&self, user: &str) -> Value {
        self.user(user).get("/api/v1/cart").await.expect(200)
    }

    async fn put(&self, user: &str, sku: &str, quantity: u32) -> Reply {
        let path = format!("/api/v1/cart/items/{sku}");
        self.user(user).put(&path, &json!({"quantity": quantity})).await
    }

    async fn remove(&self, user: &str, path: &str) -> Reply {
        self.user(user).delete(&format!("/api/v1/cart{path}")).await
    }
}

fn shop() -> Shop {
    Shop::over(MemoryStore::new())
}

fn len(items: &Value) -> usize {
    items.as_array().unwrap().len()
}

#[tokio::test]
async fn a_user_without_items_has_an_empty_cart() {
    let reply = shop().user("usr_1").get("/api/v1/cart").await;
    assert_eq!((reply.etag(), reply.header("cache-control")), ("\"0\"", "no-store"));
    let expected = json!({"items": [], "total": {"amount": 0, "currency": "EUR"}, "version": 0});
    assert_eq!(reply.expect(200), expected);
}

#[tokio::test]
async fn products_are_added_with_names_and_totals() {
    let shop = shop();
    shop.put("usr_1", "SKU-1", 2).await;
    let reply = shop.put("usr_1", "SKU-2", 1).await;
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
    assert_eq!(reply.etag(), "\"2\"");
    assert_eq!(reply.expect(200), expected);
    assert_eq!(shop.get("usr_1").await, expected);
}

#[tokio::test]
async fn each_user_has_their_own_cart() {
    let shop = shop();
    shop.put("usr_1", "SKU-1", 2).await;
    assert_eq!(shop.get("usr_2").await["items"], json!([]));
    assert_eq!(shop.client.get("/api/v1/cart").await.status, 401);
    assert_eq!(shop.client.delete("/api/v1/cart/items/SKU-1").await.status, 401);
}

#[tokio::test]
async fn products_are_removed_one_by_one_or_all_at_once() {
    let shop = shop();
    for sku in ["SKU-1", "SKU-2", "SKU-3"] {
        shop.put("usr_1", sku, 1).await;
    }
    for _ in 0..2 {
        let reply = shop.remove("usr_1", "/items/SKU-2").await;
        assert_eq!((reply.status, reply.etag()), (204, "\"4\""));
    }
    assert_eq!(len(&shop.get("usr_1").await["items"]), 2);
    for _ in 0..2 {
        let reply = shop.remove("usr_1", "").await;
        assert_eq!((reply.status, reply.etag()), (204, "\"5\""));
    }
    assert_eq!(shop.get("usr_1").await["items"], json!([]));
}

#[tokio::test]
async fn removing_a_product_does_not_create_a_cart() {
    let store = MemoryStore::new();
    let shop = Shop::over(store.clone());
    assert_eq!(shop.remove("usr_1", "/items/SKU-1").await.status, 204);
    assert_eq!(shop.remove("usr_1", "").await.status, 204);
    assert_eq!(store.keys(), Vec::<String>::new());
}

#[tokio::test]
async fn unknown_products_are_not_added() {
    let shop = shop();
    let long = format!("SKU-{}", "1".repeat(SKU_CHARS_MAX));
    for sku in ["NOPE-1", "sku-1", "%20", "..%2F..", &long] {
        shop.put("usr_1", sku, 1).await.expect_problem(404, "not-found");
    }
    assert_eq!(shop.get("usr_1").await["version"], 0);
}

#[tokio::test]
async fn quantities_are_whole_numbers_from_1_to_1000() {
    let shop = shop();
    let user = shop.user("usr_1").with("content-type", "application/json");
    let invalid = "0 -1 1001 4294967297 18446744073709551616 1.5 \"3\" null true [1] 1e2";
    for quantity in invalid.split(' ') {
        let body = format!("{{\"quantity\": {quantity}}}");
        let reply = user.text("PUT", "/api/v1/cart/items/SKU-1", &body).await;
        assert_eq!(reply.expect(422)["errors"][0]["pointer"], "/quantity", "{quantity}");
    }
    let reply = shop.put("usr_1", "SKU-1", 1_000).await;
    assert_eq!(reply.expect(200)["items"][0]["quantity"], 1_000);
}

#[tokio::test]
async fn invalid_bodies_are_refused() {
    let shop = shop();
    let put = async |kind: &str, body: &str| {
        let user = shop.user("usr_1").with("content-type", kind);
        let reply = user.text("PUT", "/api/v1/cart/items/SKU-1", body).await;
        assert_eq!(reply.header("content-type"), "application/problem+json", "{body}");
        reply
    };
    for (body, status) in
        [("", 400), ("{", 400), ("[]", 422), ("7", 422), ("null", 422), ("{}", 422)]
    {
        assert_eq!(put("application/json", body).await.status, status, "{body}");
    }
    let unknown = put("application/json", r#"{"quantity": 1, "price": 1}"#).await;
    assert_eq!(unknown.expect(422)["errors"][0]["pointer"], "/price");
    assert_eq!(put("text/plain", r#"{"quantity": 1}"#).await.status, 415);
    assert_eq!(shop.get("usr_1").await["version"], 0);
}

#[tokio::test]
async fn a_change_needs_the_version_in_if_match() {
    let shop = shop();
    let reply = shop.put("usr_1", "SKU-1", 1).await;
    let user = shop.user("usr_1").with("if-match", reply.etag());
    let body = json!({"quantity": 5});
    let first = user.put("/api/v1/cart/items/SKU-1", &body).await;
    assert_eq!((first.status, first.etag()), (200, "\"2\""));
    let late = user.put("/api/v1/cart/items/SKU-2", &body).await;
    assert_eq!(late.etag(), "\"2\"", "the current one");
    assert_eq!(late.expect_problem(412, "cart-changed")["version"], 2);
    for path in ["/api/v1/cart/items/SKU-1", "/api/v1/cart"] {
        assert_eq!(user.delete(path).await.status, 412, "{path}");
    }
    assert_eq!(len(&shop.get("usr_1").await["items"]), 1);
    let malformed = shop.user("usr_1").with("if-match", "2").delete("/api/v1/cart").await;
    assert_eq!(malformed.status, 400);
    let any = shop.user("usr_1").with("if-match", "*").delete("/api/v1/cart").await;
    assert_eq!(any.status, 204);
}

#[tokio::test]
async fn a_full_cart_refuses_new_products_but_accepts_changes() {
    let shop = shop();
    for number in 0..LINES_MAX {
        assert_eq!(shop.put("usr_1", &format!("SKU-{number}"), 1).await.status, 200);
    }
    shop.put("usr_1", "SKU-X", 1).await.expect_problem(409, "cart-full");
    shop.put("usr_1", "NOPE", 1).await.expect_problem(404, "not-found");
    let changed = shop.put("usr_1", "SKU-7", 9).await.expect(200);
    assert_eq!((len(&changed["items"]), &changed["items"][7]["quantity"]), (LINES_MAX, &json!(9)));
}

#[tokio::test]
async fn products_can_be_removed_while_the_catalog_does_not_respond() {
    let shop = shop();
    shop.put("usr_1", "SKU-1", 1).await;
    shop.shelf.set_silent(true);
    let reply = shop.user("usr_1").get("/api/v1/cart").await;
    assert_eq!((reply.status, reply.header("retry-after")), (503, "2"));
    assert_eq!(shop.put("usr_1", "SKU-2", 1).await.status, 503);
    assert_eq!(shop.remove("usr_1", "/items/SKU-1").await.status, 204);
    assert_eq!(shop.get("usr_1").await["items"], json!([]));
}

#[tokio::test]
async fn a_failing_store_leaves_the_cart_unchanged() {
    let store = MemoryStore::new();
    Shop::over(store.clone()).put("usr_1", "SKU-1", 1).await;
    // A put reads, then swaps.
    for operations in 0..2 {
        let failing = Shop::over(ScriptedStore::failing_after(operations, store.clone()));
        assert_eq!(failing.put("usr_1", "SKU-2", 1).await.status, 503, "{operations}");
    }
    let cart = Shop::over(store).get("usr_1").await;
    assert_eq!((len(&cart["items"]), &cart["version"]), (1, &json!(1)));
}

#[tokio::test]
async fn an_order_empties_only_the_cart_that_it_has_read() {
    let shop = shop();
    shop.put("usr_1", "SKU-1", 2).await;
    let read = shop.carts.get("usr_1").await.unwrap();
    assert_eq!((read.version, read.lines[0].quantity), (1, 2));
    let changed = |version| Err(Error::Refused(Refused::Changed { version }));
    shop.put("usr_1", "SKU-2", 1).await;
    assert_eq!(shop.carts.clear_at("usr_1", read.version).await, changed(2));
    assert_eq!(shop.carts.clear_at("usr_1", 2).await, Ok(()));
    assert_eq!(shop.carts.clear_at("usr_1", 2).await, Ok(()), "a lost response");
    assert_eq!(shop.carts.clear_at("usr_2", 9).await, Ok(()), "an empty cart is fine");
    shop.put("usr_1", "SKU-3", 1).await;
    assert_eq!(shop.carts.clear_at("usr_1", 2).await, changed(4), "another cart");
}

fn account_deleted(user: &str, data: &Value) -> Event {
    let (source, kind) = ("/shop/identity".into(), chassis::sealed::ACCOUNT_DELETED.into());
    let draft = Draft { source, kind, subject: user.into(), at_ms: NOW_MS, data: data.clone() };
    let mut outbox = Outbox::default();
    outbox.push(draft).unwrap();
    outbox.pending()[0].clone()
}

#[tokio::test]
async fn a_deleted_account_leaves_an_empty_cart_that_refuses_items() {
    let store = MemoryStore::new();
    let shop = Shop::over(store.clone());
    for user in ["usr_1", "usr_2"] {
        shop.put(user, "SKU-1", 2).await;
    }
    let guest = shop.guest_with("SKU-1", 1).await;
    assert_eq!(shop.client.deliver(&account_deleted("usr_1", &json!({}))).await.status, 422);
    for _ in 0..2 {
        let event = account_deleted("usr_1", &json!({"user_id": "usr_1"}));
        assert_eq!(shop.client.deliver(&event).await.status, 204);
    }
    let value = store.get("cart/usr_1").await.unwrap().unwrap();
    assert!(!String::from_utf8_lossy(&value).contains("SKU-1"));
    let cart = shop.get("usr_1").await;
    assert_eq!((&cart["items"], &cart["version"]), (&json!([]), &json!(2)), "closed once");
    // The token is still valid for some minutes.
    assert_eq!(shop.put("usr_1", "SKU-1", 1).await.status, 401);
    assert_eq!(shop.merge("usr_1", &guest).await.status, 401);
    assert_eq!(shop.carts.clear_at("usr_1", 1).await, Ok(()), "an order may still empty it");
    assert_eq!(len(&shop.get("usr_2").await["items"]), 1);
    assert_eq!(shop.merge("usr_2", &guest).await.status, 200);
}

#[tokio::test]
async fn after_a_crash_at_any_step_a_redelivered_event_empties_the_cart() {
    for operations in 0..6 {
        let store = MemoryStore::new();
        Shop::over(store.clone()).put("usr_1", "SKU-1", 2).await;
        let event = account_deleted("usr_1", &json!({"user_id": "usr_1"}));
        let dying = Shop::over(ScriptedStore::failing_after(operations, store.clone()));
        let first = dying.client.deliver(&event).await.status;
        assert!(first == 204 || first == 503, "after {operations} operations: {first}");
        let shop = Shop::over(store);
        assert_eq!(shop.client.deliver(&event).await.status, 204);
        assert_eq!(shop.get("usr_1").await["items"], json!([]));
    }
}
