//! The routes of orders in front of the small world.

use axum::body::Body;
use chassis::app::router_with_problems;
use chassis::auth::testing::Issuer;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use orders::routes::{Api, router};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::World;

pub(crate) const ADA: &str = "usr_ada";

pub(crate) struct Shop {
    pub(crate) world: World,
    pub(crate) issuer: Issuer,
}

impl Shop {
    pub(crate) fn new() -> Self {
        Self { world: World::new(), issuer: Issuer::new() }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Response<Body> {
        let api = Api {
            orders: self.world.process(&chassis::id::new("run")),
            store: self.world.store(),
            keys: self.issuer.key_set(),
        };
        router_with_problems(router(api)).oneshot(request).await.unwrap()
    }

    pub(crate) async fn get(&self, user: &str, path: &str) -> (StatusCode, Value) {
        let request = self.request("GET", user, path).body(Body::empty()).unwrap();
        read(self.send(request).await).await
    }

    pub(crate) async fn post(&self, user: &str, path: &str) -> (StatusCode, Value) {
        let request = self.request("POST", user, path).body(Body::empty()).unwrap();
        read(self.send(request).await).await
    }

    pub(crate) async fn order(&self, user: &str, key: &str, body: &Value) -> Response<Body> {
        let request = self
            .request("POST", user, "/api/v1/orders")
            .header("idempotency-key", key)
            .header("content-type", "application/json")
            .body(Body::from(body.to_string()))
            .unwrap();
        self.send(request).await
    }

    pub(crate) fn request(&self, method: &str, user: &str, path: &str) -> http::request::Builder {
        let roles: &[&str] = if user == "usr_admin" { &["admin"] } else { &["customer"] };
        let token = self.issuer.token(user, roles);
        Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {token}"))
    }
}

pub(crate) async fn read(response: Response<Body>) -> (StatusCode, Value) {
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

pub(crate) fn body() -> Value {
    json!({
        "items": [{"sku": "SKU-1", "quantity": 2}],
        "shipping_address": {
            "name": "Ada", "street": "Hauptstr. 1", "city": "Wien",
            "postal_code": "1010", "country": "AT",
        },
        "payment_method": "tok_approved",
    })
}
