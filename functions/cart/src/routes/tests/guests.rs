use super::*;
use crate::domain::GUEST_TTL_MS;

impl<S: Store> Shop<S> {
    async fn guest(&self, method: &str, path: &str, tag: Option<&str>, body: &str) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/api/v1/carts{path}"))
            .header("content-type", "application/json");
        if let Some(tag) = tag {
            request = request.header("if-match", tag);
        }
        self.send(request.body(Body::from(body.to_owned())).unwrap()).await
    }

    /// A new guest's cart with a product in it. Its id.
    async fn guest_with(&self, sku: &str, quantity: u32) -> String {
        let id = self.guest("POST", "", None, "").await.json["id"].as_str().unwrap().to_owned();
        let body = json!({"quantity": quantity}).to_string();
        let put = self.guest("PUT", &format!("/{id}/items/{sku}"), None, &body).await;
        assert_eq!(put.status, 200);
        id
    }

    async fn merge(&self, user: &str, id: &str, tag: Option<&str>) -> Answer {
        let body = json!({"guest_cart_id": id}).to_string();
        self.call(user, "POST", "/merge", tag, &body).await
    }
}

#[tokio::test]
async fn a_guest_begins_a_cart_without_signing_in() {
    let shop = shop();
    let begun = shop.guest("POST", "", None, "").await;
    let id = begun.json["id"].as_str().unwrap();
    assert_eq!((begun.status, id.len()), (201, 44));
    assert_eq!(begun.headers["location"], format!("/api/v1/carts/{id}"));
    assert_eq!((begun.etag().as_str(), &begun.json["items"]), ("\"0\"", &json!([])));
    assert!(chassis::clock::parse_rfc3339(begun.json["expires_at"].as_str().unwrap()).is_some());
    let other = shop.guest("POST", "", None, "").await;
    assert_ne!(other.json["id"], begun.json["id"]);

    let put = shop.guest("PUT", &format!("/{id}/items/SKU-1"), None, r#"{"quantity":2}"#).await;
    assert_eq!((put.status, put.etag().as_str()), (200, "\"1\""));
    let read = shop.guest("GET", &format!("/{id}"), None, "").await;
    assert_eq!(
        (read.status, &read.json["items"], read.etag()),
        (200, &put.json["items"], put.etag())
    );
    assert_eq!((&read.json["total"]["amount"], &read.json["id"]), (&json!(3998), &json!(id)));
    assert_eq!(read.headers["cache-control"], "no-store");
    let out = shop.guest("DELETE", &format!("/{id}/items/SKU-1"), None, "").await;
    assert_eq!((out.status, out.etag().as_str()), (204, "\"2\""));
}

#[tokio::test]
async fn too_many_guest_carts_are_reported() {
    let mut shop = shop();
    let carts = shop.carts.clone().with_guest_carts_max(1);
    shop.router = router_with_problems(router(carts, Issuer::new().key_set()));
    assert_eq!(shop.guest("POST", "", None, "").await.status, 201);
    let full = shop.guest("POST", "", None, "").await;
    assert_eq!((full.status, &full.json["type"]), (503, &json!("/problems/guest-carts-full")));
    assert_eq!((&full.json["guest_carts_max"], full.headers["retry-after"].len()), (&json!(1), 2));
}

#[tokio::test]
async fn a_whole_cart_is_replaced_at_once() {
    let shop = shop();
    let id = shop.guest_with("SKU-1", 1).await;
    let path = format!("/{id}");
    let lines =
        json!({"items": [{"sku": "SKU-2", "quantity": 3}, {"sku": "SKU-3", "quantity": 1}]});
    let answer = shop.guest("PUT", &path, Some("\"1\""), &lines.to_string()).await;
    assert_eq!((answer.status, answer.etag().as_str()), (200, "\"2\""));
    let skus: Vec<_> =
        answer.json["items"].as_array().unwrap().iter().map(|item| item["sku"].clone()).collect();
    assert_eq!(skus, ["SKU-2", "SKU-3"]);
    for (items, pointer) in [
        (json!([{"sku": "SKU-1", "quantity": 1}, {"sku": "NOPE", "quantity": 1}]), "/items/1/sku"),
        (json!([{"sku": "SKU-1", "quantity": 1}, {"sku": "SKU-1", "quantity": 2}]), "/items/1/sku"),
        (json!([{"sku": "SKU-1", "quantity": 0}]), "/items/0/quantity"),
    ] {
        let body = json!({ "items": items }).to_string();
        let answer = shop.guest("PUT", &path, None, &body).await;
        assert_eq!((answer.status, &answer.json["errors"][0]["pointer"]), (422, &json!(pointer)));
    }
    assert_eq!(shop.guest("GET", &path, None, "").await.etag(), "\"2\"");
}

#[tokio::test]
async fn what_is_no_cart_is_not_found() {
    let shop = shop();
    let thrown_away = shop.guest_with("SKU-1", 1).await;
    assert_eq!(shop.guest("DELETE", &format!("/{thrown_away}"), None, "").await.status, 204);
    let never = format!("crt_{}", "0".repeat(40));
    for id in [thrown_away.as_str(), &never, "crt_", "usr_1", "crt_..%2F..%2Fcart%2Fusr_1"] {
        for (method, path, body) in [
            ("GET", "", ""),
            ("DELETE", "", ""),
            ("PUT", "", r#"{"items":[]}"#),
            ("PUT", "/items/SKU-1", r#"{"quantity":1}"#),
            ("DELETE", "/items/SKU-1", ""),
        ] {
            let answer = shop.guest(method, &format!("/{id}{path}"), None, body).await;
            assert_eq!(answer.status, 404, "{method} {id}{path}");
        }
        assert_eq!(shop.merge("usr_1", id, None).await.status, 404, "{id}");
    }
}

#[tokio::test]
async fn a_guests_cart_is_changed_only_at_the_version_in_if_match() {
    let shop = shop();
    let id = shop.guest_with("SKU-1", 1).await;
    for (method, path, body) in [
        ("DELETE", "", ""),
        ("PUT", "", r#"{"items":[]}"#),
        ("PUT", "/items/SKU-1", r#"{"quantity":5}"#),
        ("DELETE", "/items/SKU-1", ""),
    ] {
        let answer = shop.guest(method, &format!("/{id}{path}"), Some("\"0\""), body).await;
        assert_eq!((answer.status, answer.etag().as_str()), (412, "\"1\""), "{method} {path}");
    }
    assert_eq!(shop.guest("DELETE", &format!("/{id}"), Some("\"1\""), "").await.status, 204);
}

#[tokio::test]
async fn at_sign_in_a_guests_cart_goes_into_ones_own() {
    let shop = shop();
    shop.put("usr_1", "SKU-1", 2).await;
    let id = shop.guest_with("SKU-1", 3).await;
    let anonymous = Request::post("/api/v1/cart/merge").body(Body::empty()).unwrap();
    assert_eq!(shop.send(anonymous).await.status, 401);
    let stale = shop.merge("usr_1", &id, Some("\"0\"")).await;
    assert_eq!((stale.status, stale.etag().as_str()), (412, "\"1\""));
    let merged = shop.merge("usr_1", &id, Some("\"1\"")).await;
    assert_eq!((merged.status, merged.etag().as_str()), (200, "\"2\""));
    assert_eq!(
        (&merged.json["items"][0]["quantity"], &merged.json["left_out"]),
        (&json!(5), &json!([]))
    );
    let again = shop.merge("usr_1", &id, Some("\"1\"")).await;
    assert_eq!((again.status, &again.json), (200, &merged.json), "asked again, done once");
    assert_eq!(shop.merge("usr_2", &id, None).await.status, 404);
    assert_eq!(shop.guest("GET", &format!("/{id}"), None, "").await.status, 404);
    assert_eq!(shop.get("usr_1").await.json["items"][0]["quantity"], 5);
    assert_eq!(shop.merge("usr_1", "", None).await.status, 422);
}

#[tokio::test]
async fn a_merge_that_can_not_be_shown_is_done_all_the_same() {
    let shop = shop();
    let id = shop.guest_with("SKU-1", 3).await;
    shop.shelf.silent.store(true, Ordering::Relaxed);
    assert_eq!(shop.merge("usr_1", &id, None).await.status, 503);
    shop.shelf.silent.store(false, Ordering::Relaxed);
    assert_eq!(shop.merge("usr_1", &id, None).await.json["items"][0]["quantity"], 3);
}

#[tokio::test]
async fn a_sweep_tells_how_many_carts_it_deleted() {
    let store = MemoryStore::new();
    let id = Shop::over(store.clone()).guest_with("SKU-1", 1).await;
    let later = Shop::at(store.clone(), || chassis::clock::now_ms() + 2 * GUEST_TTL_MS);
    let swept = later.send(Request::post("/sweep").body(Body::empty()).unwrap()).await;
    let counts = json!({"looked_at": 1, "deleted": 1, "kept": 0});
    assert_eq!((swept.status, swept.json), (200, counts));
    assert!(store.keys().iter().all(|key| !key.contains(&id)), "{:?}", store.keys());
}
