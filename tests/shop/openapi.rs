//! The OpenAPI description, and the check of responses against it.

use crate::support::Shop;
use harness::openapi::{schema_faults, structure_faults};
use serde_json::Value;
use std::collections::BTreeSet;

/// The part of the API that clients depend on.
const PROMISED: &str = "\
GET /api/v1/products
GET /api/v1/products/{sku}
POST /api/v1/products
GET /api/v1/categories
POST /api/v1/users
GET /api/v1/users/me
POST /api/v1/sessions
POST /oauth2/token
POST /oauth2/revoke
GET /.well-known/openid-configuration
GET /.well-known/jwks.json
GET /api/v1/cart
PUT /api/v1/cart/items/{sku}
DELETE /api/v1/cart/items/{sku}
POST /api/v1/orders
GET /api/v1/orders
GET /api/v1/orders/{id}
POST /api/v1/orders/{id}/cancel
GET /api/v1/orders/{id}/events
GET /api/v1/orders/{id}/shipments
GET /api/v1/notifications
GET /api/v1/inventory/{sku}
PUT /api/v1/inventory/{sku}
GET /api/v1/payments/ledger
GET /livez
GET /readyz
GET /problems
GET /problems/{slug}";

#[tokio::test]
async fn the_description_is_openapi_3_1() {
    let shop = Shop::shared().await;
    assert_eq!(structure_faults(shop.description().document()), Vec::<String>::new());
}

#[tokio::test]
async fn documents_with_another_structure_are_detected() {
    let shop = Shop::shared().await;
    let spoil: [fn(&mut Value); 4] = [
        |document| document["openapi"] = "3.0.3".into(),
        |document| document["info"]["version"] = Value::Null,
        |document| document["paths"]["/livez"]["get"]["response"] = "misspelt".into(),
        |document| document["paths"]["/livez"]["get"]["responses"]["2000"] = Value::Null,
    ];
    for spoil in spoil {
        let mut document = shop.description().document().clone();
        spoil(&mut document);
        assert_ne!(structure_faults(&document), Vec::<String>::new());
    }
}

#[tokio::test]
async fn every_schema_is_a_json_schema() {
    let shop = Shop::shared().await;
    let schemas = &shop.description().document()["components"]["schemas"];
    let schemas = schemas.as_object().unwrap();
    assert!(schemas.len() > 20);
    for (name, schema) in schemas {
        assert_eq!(schema_faults(schema), Vec::<String>::new(), "{name}");
    }
}

#[tokio::test]
async fn the_stable_part_of_the_api_is_described() {
    let shop = Shop::shared().await;
    let paths = shop.description().document()["paths"].as_object().unwrap().clone();
    let described: BTreeSet<String> = paths
        .iter()
        .flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().keys();
            methods.map(move |method| format!("{} {path}", method.to_uppercase()))
        })
        .collect();
    let missing: Vec<_> = PROMISED.lines().filter(|line| !described.contains(*line)).collect();
    assert_eq!(missing, Vec::<&str>::new());
}

#[tokio::test]
async fn every_problem_type_is_documented() {
    let shop = Shop::shared().await;
    let (browser, program) = (shop.visitor(), shop.visitor().with("accept", "application/json"));
    let list = program.get("/problems").await.expect(200).json();
    let items = list["items"].as_array().unwrap();
    assert!(items.len() > 30, "{} types", items.len());
    for item in items {
        let path = item["type"].as_str().unwrap();
        let page = browser.get(path).await.expect(200);
        assert!(page.header("content-type").starts_with("text/html"), "{path}");
        assert!(page.text().contains(path), "{path}");
        assert_eq!(program.get(path).await.expect(200).json(), *item);
    }
    let unknown = browser.get("/problems/no-such-thing").await.problem(404);
    browser.get(unknown["type"].as_str().unwrap()).await.expect(200);
}

/// Changes a response so that it contradicts the description.
type Spoil = fn(&mut harness::Answer);

#[tokio::test]
async fn responses_that_contradict_the_description_are_detected() {
    let shop = Shop::shared().await;
    let path = "/api/v1/products?limit=2";
    let answer = shop.visitor().get(path).await.expect(200);
    let spoil: [Spoil; 6] = [
        |answer| answer.status = http::StatusCode::IM_A_TEAPOT,
        |answer| _ = answer.headers.remove("x-request-id"),
        |answer| _ = answer.headers.insert("content-type", "text/plain".parse().unwrap()),
        |answer| answer.body = answer.text().replace("\"price\"", "\"cost\"").into(),
        |answer| answer.body = answer.text().replace("\"EUR\"", "\"euro\"").into(),
        |answer| answer.body = answer.text().replace("\"next_cursor\"", "\"next\"").into(),
    ];
    let is_sound = |answer: &harness::Answer| {
        let check = || shop.description().check(&http::Method::GET, path, answer);
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(check)).is_ok()
    };
    assert!(is_sound(&answer));
    for (number, spoil) in spoil.iter().enumerate() {
        let mut spoiled = answer.clone();
        spoil(&mut spoiled);
        assert!(!is_sound(&spoiled), "fault {number} of {answer:?}");
    }
}
