#![allow(clippy::unwrap_used)]
use super::*;
use crate::domain::Line;
use axum::body::Body;
use chassis::app::router_with_problems;
use chassis::auth::testing::Issuer;
use chassis::store::MemoryStore;
use http::Request;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

struct Shop {
    inventory: Inventory<MemoryStore>,
    issuer: Issuer,
}

impl Shop {
    fn new() -> Shop {
        Shop { inventory: Inventory::new(MemoryStore::new()), issuer: Issuer::new() }
    }

    async fn send(&self, method: &str, uri: &str, roles: &[&str], body: &str) -> (u16, Value) {
        let token = self.issuer.token("usr_1", roles);
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .body(Body::from(body.to_owned()))
            .unwrap();
        self.answer(request).await
    }

    async fn answer(&self, request: Request<Body>) -> (u16, Value) {
        let app = App { inventory: self.inventory.clone(), keys: self.issuer.key_set() };
        let response = router_with_problems(router(app)).oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }
}

const PATH: &str = "/api/v1/inventory/SKU-1";

#[tokio::test]
async fn an_admin_sets_and_reads_what_was_received() {
    let shop = Shop::new();
    let expected = json!({"sku": "SKU-1", "received": 7, "on_hand": 7, "reserved": 0, "sold": 0});
    assert_eq!(shop.send("PUT", PATH, &["admin"], r#"{"received":7}"#).await, (200, expected));
    let line = Line { sku: "SKU-1".to_owned(), quantity: 3 };
    shop.inventory.reserve("r", &[line], 60_000, now_ms()).await.unwrap();
    let expected = json!({"sku": "SKU-1", "received": 7, "on_hand": 4, "reserved": 3, "sold": 0});
    assert_eq!(shop.send("GET", PATH, &["admin"], "").await, (200, expected));
}

#[tokio::test]
async fn received_below_what_is_promised_is_a_conflict() {
    let shop = Shop::new();
    shop.send("PUT", PATH, &["admin"], r#"{"received":7}"#).await;
    let line = Line { sku: "SKU-1".to_owned(), quantity: 3 };
    shop.inventory.reserve("r", &[line], 60_000, now_ms()).await.unwrap();
    let (status, problem) = shop.send("PUT", PATH, &["admin"], r#"{"received":2}"#).await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/conflict")));
}

#[tokio::test]
async fn only_administrators_are_let_in() {
    let shop = Shop::new();
    for (method, body) in [("GET", ""), ("PUT", r#"{"received":7}"#)] {
        assert_eq!(shop.send(method, PATH, &["customer"], body).await.0, 403);
        let request = Request::builder().method(method).uri(PATH).body(body.to_owned().into());
        assert_eq!(shop.answer(request.unwrap()).await.0, 401);
    }
    assert_eq!(shop.send("GET", PATH, &["admin"], "").await.0, 404, "nothing was written");
}

#[tokio::test]
async fn faults_of_the_body_and_the_path_are_named() {
    let shop = Shop::new();
    for body in [r#"{"received":-1}"#, r#"{"received":4294967296}"#, r#"{"received":"7"}"#, "{}"] {
        let (status, problem) = shop.send("PUT", PATH, &["admin"], body).await;
        assert_eq!(
            (status, &problem["errors"][0]["pointer"]),
            (422, &json!("/received")),
            "{body}"
        );
    }
    assert_eq!(shop.send("PUT", PATH, &["admin"], "{").await.0, 400);
    let odd = "/api/v1/inventory/a%2Fb";
    assert_eq!(shop.send("PUT", odd, &["admin"], r#"{"received":1}"#).await.0, 400);
    assert_eq!(shop.send("DELETE", PATH, &["admin"], "").await.0, 405);
}

#[tokio::test]
async fn a_sweep_answers_what_it_did() {
    let shop = Shop::new();
    shop.send("PUT", PATH, &["admin"], r#"{"received":7}"#).await;
    let line = Line { sku: "SKU-1".to_owned(), quantity: 3 };
    shop.inventory.reserve("r", &[line], 1, 0).await.unwrap();
    let request = Request::post("/sweep").body(Body::empty()).unwrap();
    let expected = json!({"skus": 1, "failed": 0, "freed": 3, "sold": 0});
    assert_eq!(shop.answer(request).await, (200, expected));
}
