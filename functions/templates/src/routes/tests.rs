#![allow(clippy::unwrap_used)]

use chassis::testing::{Client, Issuer, MemoryStore};
use serde_json::{Value, json};

use super::*;

fn anonymous() -> Client {
    let templates = Templates::new(MemoryStore::new());
    Client::new(router(App { templates, keys: Issuer::new().key_set() }))
}

fn admin() -> Client {
    anonymous().admin()
}

fn texts(subject: &str) -> Value {
    json!({
        "default_language": "en",
        "texts": [{"language": "en", "subject": subject, "text": "{{a}}", "html": "<p>{{b}}</p>"}],
    })
}

#[tokio::test]
async fn only_administrators_have_access() {
    anonymous().customer("usr_1").get(SCOPE).await.expect(403);
    anonymous().get(SCOPE).await.expect(401);
}

#[tokio::test]
async fn the_list_has_the_built_in_templates_in_pages() {
    let admin = admin();
    let first = admin.get(&format!("{SCOPE}?limit=6")).await.expect(200);
    assert_eq!(first["items"].as_array().unwrap().len(), 6);
    let next = format!("{SCOPE}?limit=6&cursor={}", first["next_cursor"].as_str().unwrap());
    let second = admin.get(&next).await.expect(200);
    let codes: Vec<_> = second["items"].as_array().unwrap().iter().map(|it| &it["code"]).collect();
    assert_eq!((codes.len(), *codes.last().unwrap()), (5, &json!("welcome")));
    assert_eq!(second["next_cursor"], Value::Null);
}

#[tokio::test]
async fn publishing_adds_a_version_and_keeps_the_old_one() {
    let admin = admin();
    let path = "/api/v1/templates/welcome/versions";
    let created = admin.post(path, &texts("Ahoy")).await.expect(201);
    assert_eq!(created["version"], 2);
    assert_eq!(created["variables"], json!(["a", "b"]));
    assert_eq!(created["created_by"], "usr_admin");
    let newest = admin.get("/api/v1/templates/welcome").await.expect(200);
    assert_eq!(newest["texts"][0]["subject"], "Ahoy");
    let first = admin.get(&format!("{path}/1")).await.expect(200);
    assert_eq!(first["texts"].as_array().unwrap().len(), 3);
    let all = admin.get(path).await.expect(200);
    let numbers: Vec<_> = all["items"].as_array().unwrap().iter().map(|v| &v["version"]).collect();
    assert_eq!(numbers, [2, 1]);
    for unknown in [0, 3] {
        admin.get(&format!("{path}/{unknown}")).await.expect(404);
    }
}

#[tokio::test]
async fn a_template_is_created_once() {
    let admin = admin();
    for (code, status) in [("news", 201), ("news", 409), ("welcome", 409)] {
        let mut body = texts("News");
        body["code"] = json!(code);
        admin.post(SCOPE, &body).await.expect(status);
    }
    let news = admin.get("/api/v1/templates/news").await.expect(200);
    assert_eq!(news["texts"][0]["subject"], "News");
    assert_eq!(admin.get(SCOPE).await.expect(200)["items"].as_array().unwrap().len(), 12);
    admin.get("/api/v1/templates/nope").await.expect(404);
}

#[tokio::test]
async fn a_template_can_be_as_long_as_a_document() {
    let admin = admin();
    let long = |count: usize| {
        let text = |letter: char| {
            let language = format!("en-{letter}{letter}");
            json!({"language": language, "subject": "News", "text": "x".repeat(16_000), "html": "y"})
        };
        let texts: Vec<_> = ('A'..='Z').take(count).map(text).collect();
        json!({"code": "long", "default_language": "en-AA", "texts": texts})
    };
    admin.post(SCOPE, &long(15)).await.expect(201);
    admin.post(SCOPE, &long(17)).await.expect_problem(413, "body-too-large");
}

#[tokio::test]
async fn all_faults_of_a_template_are_reported() {
    let body = json!({
        "code": "No Code",
        "default_language": "de",
        "texts": [
            {"language": "en", "subject": "a\nb", "text": "{{open", "html": "<a href=\"{{x}}\">"},
        ],
    });
    let problem = admin().post(SCOPE, &body).await.expect(422);
    let errors = problem["errors"].as_array().unwrap().iter();
    let mut pointers: Vec<_> = errors.map(|e| e["pointer"].as_str().unwrap()).collect();
    pointers.sort_unstable();
    let expected =
        ["/code", "/default_language", "/texts/0/html", "/texts/0/subject", "/texts/0/text"];
    assert_eq!(pointers, expected);
}
