#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use axum::body::Body;
use axum::http::Request;
use chassis::app::router_with_problems;
use chassis::auth::testing::Issuer;
use chassis::events::Event;
use chassis::store::MemoryStore;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::*;
use crate::testing::{changed, confirmed, user_id};

struct World(Router);

impl World {
    async fn new() -> World {
        let recommendations = Recommendations::new(MemoryStore::new());
        let api = Api { recommendations, keys: Issuer::new().key_set() };
        let world = World(router_with_problems(router(api)));
        for event in [
            changed("TEA", 1, "Sencha"),
            changed("POT", 1, "Teapot"),
            confirmed(1, 1, &["TEA", "POT"]),
            confirmed(2, 2, &["TEA"]),
        ] {
            assert_eq!(world.deliver(&event).await.0, 204);
        }
        world
    }

    async fn send(&self, request: Request<Body>) -> (u16, Value) {
        let response = self.0.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    async fn get(&self, token: Option<&str>, uri: &str) -> (u16, Value) {
        let mut request = Request::get(uri);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// Delivers an event in the structured mode.
    async fn deliver(&self, event: &Event) -> (u16, Value) {
        let data: Value = serde_json::from_str(&event.data).unwrap_or(Value::Null);
        let body = json!({
            "specversion": "1.0", "id": event.id, "source": event.source, "type": event.kind,
            "subject": event.subject, "time": event.time, "datacontenttype": "application/json",
            "partitionkey": event.extensions["partitionkey"],
            "sequence": event.extensions["sequence"], "data": data,
        });
        let request = Request::post("/events")
            .header("content-type", "application/cloudevents+json")
            .body(Body::from(body.to_string()));
        self.send(request.unwrap()).await
    }
}

#[tokio::test]
async fn a_product_has_companions() {
    let world = World::new().await;
    let (status, page) = world.get(None, "/api/v1/products/TEA/also-bought?limit=5").await;
    let expected = json!({
        "items": [{
            "sku": "POT", "name": "Teapot", "category": "Kitchen", "image": "/images/POT.svg",
            "price": {"amount": 500, "currency": "EUR"}, "reason": "also_bought",
        }],
        "next_cursor": null,
    });
    assert_eq!((status, page), (200, expected));
    assert_eq!(world.get(None, "/api/v1/products/TEA/also-bought?limit=0").await.0, 400);
    let (_, unknown) = world.get(None, "/api/v1/products/X/also-bought?limit=1").await;
    assert_eq!(unknown["items"][0]["reason"], "popular");
}

#[tokio::test]
async fn the_feed_is_for_everybody_and_personal_with_a_token() {
    let world = World::new().await;
    let first = |page: &Value| {
        let item = &page["items"][0];
        (item["sku"].as_str().map(str::to_owned), item["reason"].as_str().map(str::to_owned))
    };
    let uri = "/api/v1/recommendations";
    let expected = |sku: &str, reason: &str| (Some(sku.to_owned()), Some(reason.to_owned()));
    assert_eq!(first(&world.get(None, uri).await.1), expected("TEA", "popular"));
    let token = Issuer::new().token(&user_id(2), &["customer"]);
    assert_eq!(first(&world.get(Some(&token), uri).await.1), expected("POT", "also_bought"));
    assert_eq!(world.get(Some("made-up"), uri).await.0, 401, "a bad token is no anonymity");
}

#[tokio::test]
async fn administrators_see_how_fresh_it_is() {
    let world = World::new().await;
    let uri = "/api/v1/admin/projections/recommendations";
    let token = |roles| Issuer::new().token(&user_id(9), roles);
    let (status, state) = world.get(Some(&token(&["admin"])), uri).await;
    assert_eq!(
        (status, &state["name"], &state["entries"]),
        (200, &json!("recommendations"), &json!(2))
    );
    assert_eq!(state["last_event_at"], "2026-01-31T12:00:02.000Z");
    assert!(state["staleness_ms"].as_u64().is_some());
    assert_eq!(world.get(Some(&token(&["customer"])), uri).await.0, 403);
    assert_eq!(world.get(None, uri).await.0, 401);
}

#[tokio::test]
async fn a_broken_event_is_refused_for_good() {
    let world = World::new().await;
    let mut broken = confirmed(3, 1, &["TEA"]);
    broken.data = "[]".to_owned();
    assert_eq!(world.deliver(&broken).await.0, 422);
}
