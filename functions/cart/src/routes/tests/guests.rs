use super::*;
use crate::domain::GUEST_TTL_MS;

impl<S: Store> Shop<S> {
    /// Sends the requests of a guest. The client is not signed in.
    async fn guest(&self, method: &str, path: &str, tag: Option<&str>, body: Value) -> Reply {
        let client = tag.map_or(self.client.clone(), |tag| self.client.with("if-match", tag));
        client.json(method, &format!("/api/v1/carts{path}"), &body).await
    }

    /// Creates a guest cart with a product and returns its id.
    pub(super) async fn guest_with(&self, sku: &str, quantity: u32) -> String {
        let begun = self.guest("POST", "", None, Value::Null).await.expect(201);
        let id = begun["id"].as_str().unwrap().to_owned();
        let path = format!("/{id}/items/{sku}");
        self.guest("PUT", &path, None, json!({"quantity": quantity})).await.expect(200);
        id
    }

    pub(super) async fn merge(&self, user: &str, id: &str) -> Reply {
        self.user(user).post("/api/v1/cart/merge", &json!({"guest_cart_id": id})).await
    }
}

#[tokio::test]
async fn a_guest_creates_a_cart_without_signing_in() {
    let shop = shop();
    let begun = shop.guest("POST", "", None, Value::Null).await;
    let id = begun.json["id"].as_str().unwrap();
    assert_eq!((begun.status, id.len(), begun.etag()), (201, 44, "\"0\""));
    assert_eq!(begun.header("location"), format!("/api/v1/carts/{id}"));
    assert_eq!(begun.json["items"], json!([]));
    assert!(chassis::clock::parse_rfc3339(begun.json["expires_at"].as_str().unwrap()).is_some());
    let other = shop.guest("POST", "", None, Value::Null).await;
    assert_ne!(other.json["id"], begun.json["id"]);

    let item = format!("/{id}/items/SKU-1");
    let put = shop.guest("PUT", &item, None, json!({"quantity": 2})).await;
    assert_eq!((put.status, put.etag()), (200, "\"1\""));
    let read = shop.guest("GET", &format!("/{id}"), None, Value::Null).await;
    assert_eq!((read.status, &read.json, read.etag()), (200, &put.json, put.etag()));
    assert_eq!((&read.json["total"]["amount"], &read.json["id"]), (&json!(3998), &json!(id)));
    assert_eq!(read.header("cache-control"), "no-store");
    let removed = shop.guest("DELETE", &item, None, Value::Null).await;
    assert_eq!((removed.status, removed.etag()), (204, "\"2\""));
}

#[tokio::test]
async fn too_many_guest_carts_are_reported() {
    let shop = shop();
    let carts = shop.carts.clone().with_guest_carts_max(1);
    let client = Client::new(router(carts, Issuer::new().key_set()));
    assert_eq!(client.post("/api/v1/carts", &Value::Null).await.status, 201);
    let full = client.post("/api/v1/carts", &Value::Null).await;
    assert_eq!(full.header("retry-after"), "60");
    assert_eq!(full.expect_problem(503, "guest-carts-full")["guest_carts_max"], 1);
}

#[tokio::test]
async fn the_whole_content_is_replaced_at_once() {
    let shop = shop();
    let path = format!("/{}", shop.guest_with("SKU-1", 1).await);
    let lines =
        json!({"items": [{"sku": "SKU-2", "quantity": 3}, {"sku": "SKU-3", "quantity": 1}]});
    let reply = shop.guest("PUT", &path, Some("\"1\""), lines).await;
    assert_eq!((reply.status, reply.etag()), (200, "\"2\""));
    let items = reply.json["items"].as_array().unwrap();
    let skus: Vec<_> = items.iter().map(|item| item["sku"].clone()).collect();
    assert_eq!(skus, ["SKU-2", "SKU-3"]);
    for (items, pointer) in [
        (json!([{"sku": "SKU-1", "quantity": 1}, {"sku": "NOPE", "quantity": 1}]), "/items/1/sku"),
        (json!([{"sku": "SKU-1", "quantity": 1}, {"sku": "SKU-1", "quantity": 2}]), "/items/1/sku"),
        (json!([{"sku": "SKU-1", "quantity": 0}]), "/items/0/quantity"),
    ] {
        let problem = shop.guest("PUT", &path, None, json!({ "items": items })).await.expect(422);
        assert_eq!(problem["errors"][0]["pointer"], pointer);
    }
    assert_eq!(shop.guest("GET", &path, None, Value::Null).await.etag(), "\"2\"");
}

/// All operations on a guest cart: method, path after the id, body.
fn operations() -> [(&'static str, &'static str, Value); 5] {
    [
        ("GET", "", Value::Null),
        ("PUT", "", json!({"items": []})),
        ("PUT", "/items/SKU-1", json!({"quantity": 5})),
        ("DELETE", "/items/SKU-1", Value::Null),
        ("DELETE", "", Value::Null),
    ]
}

#[tokio::test]
async fn unknown_and_deleted_carts_are_not_found() {
    let store = MemoryStore::new();
    let shop = Shop::over(store.clone());
    let deleted = shop.guest_with("SKU-1", 1).await;
    let path = format!("/{deleted}");
    assert_eq!(shop.guest("DELETE", &path, None, Value::Null).await.status, 204);
    assert!(!store.keys().contains(&format!("guest/{deleted}")));
    let unknown = format!("crt_{}", "0".repeat(40));
    for id in [deleted.as_str(), &unknown, "crt_", "usr_1", "crt_..%2F..%2Fcart%2Fusr_1"] {
        for (method, path, body) in operations() {
            let reply = shop.guest(method, &format!("/{id}{path}"), None, body).await;
            assert_eq!(reply.status, 404, "{method} {id}{path}");
        }
        assert_eq!(shop.merge("usr_1", id).await.status, 404, "{id}");
    }
}

#[tokio::test]
async fn a_change_of_a_guest_cart_needs_the_version_in_if_match() {
    let shop = shop();
    let id = shop.guest_with("SKU-1", 1).await;
    for (method, path, body) in operations().into_iter().skip(1) {
        let reply = shop.guest(method, &format!("/{id}{path}"), Some("\"0\""), body).await;
        assert_eq!((reply.status, reply.etag()), (412, "\"1\""), "{method} {path}");
    }
    let deleted = shop.guest("DELETE", &format!("/{id}"), Some("\"1\""), Value::Null).await;
    assert_eq!(deleted.status, 204);
}

#[tokio::test]
async fn a_guest_cart_is_merged_at_sign_in() {
    let shop = shop();
    shop.put("usr_1", "SKU-1", 2).await;
    let id = shop.guest_with("SKU-1", 3).await;
    assert_eq!(shop.client.post("/api/v1/cart/merge", &Value::Null).await.status, 401);
    let body = json!({"guest_cart_id": id});
    let merge = async |tag: &str| {
        shop.user("usr_1").with("if-match", tag).post("/api/v1/cart/merge", &body).await
    };
    let stale = merge("\"0\"").await;
    assert_eq!((stale.status, stale.etag()), (412, "\"1\""));
    let merged = merge("\"1\"").await;
    assert_eq!((merged.status, merged.etag()), (200, "\"2\""));
    assert_eq!(
        (&merged.json["items"][0]["quantity"], &merged.json["left_out"]),
        (&json!(5), &json!([]))
    );
    assert_eq!(merge("\"1\"").await.parts(), (200, merged.json), "a repeated request");
    assert_eq!(shop.merge("usr_2", &id).await.status, 404);
    assert_eq!(shop.guest("GET", &format!("/{id}"), None, Value::Null).await.status, 404);
    assert_eq!(shop.get("usr_1").await["items"][0]["quantity"], 5);
    assert_eq!(shop.merge("usr_1", "").await.status, 422);
}

#[tokio::test]
async fn a_merge_succeeds_even_if_the_catalog_does_not_respond() {
    let shop = shop();
    let id = shop.guest_with("SKU-1", 3).await;
    shop.shelf.set_silent(true);
    assert_eq!(shop.merge("usr_1", &id).await.status, 503);
    shop.shelf.set_silent(false);
    assert_eq!(shop.merge("usr_1", &id).await.json["items"][0]["quantity"], 3);
}

#[tokio::test]
async fn a_sweep_reports_the_number_of_deleted_carts() {
    let store = MemoryStore::new();
    let id = Shop::over(store.clone()).guest_with("SKU-1", 1).await;
    let later = ManualClock::new(NOW_MS + 2 * GUEST_TTL_MS);
    let carts = Carts::new(store.clone(), shelf_at(1), later);
    let client = Client::new(router(carts, Issuer::new().key_set()));
    let swept = client.post("/sweep", &Value::Null).await.expect(200);
    assert_eq!(swept, json!({"looked_at": 1, "deleted": 1, "kept": 0}));
    assert!(store.keys().iter().all(|key| !key.contains(&id)), "{:?}", store.keys());
}
