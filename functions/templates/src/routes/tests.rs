#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use axum::body::{Body, to_bytes};
use axum::http::Request;
use chassis::auth::testing::Issuer;
use chassis::store::MemoryStore;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::*;

struct Shop(Router);

impl Shop {
    fn new() -> Self {
        let app =
            App { templates: Templates::new(MemoryStore::new()), keys: Issuer::new().key_set() };
        Shop(chassis::app::router_with_problems(router(app)))
    }

    async fn send(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        self.send_as(&["admin"], method, path, body).await
    }

    async fn send_as(
        &self,
        roles: &[&str],
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> (u16, Value) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {}", Issuer::new().token("usr_admin", roles)))
            .header("content-type", "application/json")
            .body(Body::from(body.map(|body| body.to_string()).unwrap_or_default()))
            .unwrap();
        let response = self.0.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }
}

fn texts(subject: &str) -> Value {
    json!({
        "default_language": "en",
        "texts": [{"language": "en", "subject": subject, "text": "{{a}}", "html": "<p>{{b}}</p>"}],
    })
}

#[tokio::test]
async fn customers_are_kept_out() {
    let shop = Shop::new();
    assert_eq!(shop.send_as(&[], "GET", "/api/v1/templates", None).await.0, 403);
    let bare = Request::get("/api/v1/templates").body(Body::empty()).unwrap();
    assert_eq!(shop.0.oneshot(bare).await.unwrap().status(), 401);
}

#[tokio::test]
async fn the_list_has_the_builtins_in_pages() {
    let shop = Shop::new();
    let (status, first) = shop.send("GET", "/api/v1/templates?limit=6", None).await;
    assert_eq!((status, first["items"].as_array().unwrap().len()), (200, 6));
    let next =
        format!("/api/v1/templates?limit=6&cursor={}", first["next_cursor"].as_str().unwrap());
    let (_, second) = shop.send("GET", &next, None).await;
    let codes: Vec<_> = second["items"].as_array().unwrap().iter().map(|it| &it["code"]).collect();
    assert_eq!((codes.len(), *codes.last().unwrap()), (5, &json!("welcome")));
    assert_eq!(second["next_cursor"], Value::Null);
}

#[tokio::test]
async fn publishing_adds_a_version_and_keeps_the_old_one() {
    let shop = Shop::new();
    let path = "/api/v1/templates/welcome/versions";
    let (status, made) = shop.send("POST", path, Some(texts("Ahoy"))).await;
    assert_eq!((status, &made["version"]), (201, &json!(2)));
    assert_eq!(made["variables"], json!(["a", "b"]));
    assert_eq!(made["created_by"], "usr_admin");
    let (_, newest) = shop.send("GET", "/api/v1/templates/welcome", None).await;
    assert_eq!(newest["texts"][0]["subject"], "Ahoy");
    let (_, first) = shop.send("GET", &format!("{path}/1"), None).await;
    assert_eq!(first["texts"].as_array().unwrap().len(), 3);
    let (_, all) = shop.send("GET", path, None).await;
    let numbers: Vec<_> = all["items"].as_array().unwrap().iter().map(|v| &v["version"]).collect();
    assert_eq!(numbers, [2, 1]);
    assert_eq!(shop.send("GET", &format!("{path}/9"), None).await.0, 404);
}

#[tokio::test]
async fn templates_are_made_once() {
    let shop = Shop::new();
    let mut body = texts("News");
    body["code"] = json!("news");
    assert_eq!(shop.send("POST", "/api/v1/templates", Some(body.clone())).await.0, 201);
    assert_eq!(shop.send("POST", "/api/v1/templates", Some(body)).await.0, 409);
    assert_eq!(shop.send("GET", "/api/v1/templates/news", None).await.0, 200);
    assert_eq!(shop.send("GET", "/api/v1/templates/nope", None).await.0, 404);
}

#[tokio::test]
async fn a_template_may_be_as_long_as_a_document() {
    let shop = Shop::new();
    let long = |count: usize| {
        let text = |letter: char| {
            let language = format!("en-{letter}{letter}");
            json!({"language": language, "subject": "News", "text": "x".repeat(16_000), "html": "y"})
        };
        let texts: Vec<_> = ('A'..='Z').take(count).map(text).collect();
        json!({"code": "long", "default_language": "en-AA", "texts": texts})
    };
    let (status, answer) = shop.send("POST", "/api/v1/templates", Some(long(15))).await;
    assert_eq!(status, 201, "240 kB: {answer}");
    let (status, answer) = shop.send("POST", "/api/v1/templates", Some(long(17))).await;
    assert_eq!((status, &answer["type"]), (413, &json!("/problems/body-too-large")));
}

#[tokio::test]
async fn every_fault_of_a_template_is_pointed_at() {
    let shop = Shop::new();
    let body = json!({
        "code": "No Code",
        "default_language": "de",
        "texts": [
            {"language": "en", "subject": "a\nb", "text": "{{open", "html": "<a href=\"{{x}}\">"},
        ],
    });
    let (status, problem) = shop.send("POST", "/api/v1/templates", Some(body)).await;
    assert_eq!(status, 422);
    let mut pointers: Vec<_> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["pointer"].as_str().unwrap())
        .collect();
    pointers.sort_unstable();
    let expected =
        ["/code", "/default_language", "/texts/0/html", "/texts/0/subject", "/texts/0/text"];
    assert_eq!(pointers, expected);
}
