#![allow(clippy::unwrap_used)]

use chassis::testing::Client;
use serde_json::json;

use super::*;
use crate::service::tests::World;

const KEY: &str = "a key";

fn client() -> Client {
    let api = Api { legacy: Legacy::new(World::new()), support_key: KEY.to_owned() };
    Client::new(router(api))
}

async fn signed_in(client: &Client) -> Client {
    let new = json!({"email": "Ada@example.org", "name": "Ada", "password": "long enough"});
    let created = client.post("/legacy/api/users", &new).await.expect(201);
    assert_eq!(created["id"], 1001);
    client.with(SESSION, created["session"].as_str().unwrap())
}

fn order(reference: &str) -> Value {
    json!({
        "reference": reference,
        "articles": [{"article": "OLD-0001", "pieces": 2}],
        "ship_to": {"name": "Ada", "street": "1 Main St", "city": "London", "zip": "N1", "country": "GB"},
        "card": "tok_approved",
    })
}

#[tokio::test]
async fn a_customer_orders_and_reads() {
    let ada = signed_in(&client()).await;
    let placed = ada.post("/legacy/api/orders", &order("a")).await.expect(201);
    let line = json!({"article": "OLD-0001", "name": "Assam, 250 g", "pieces": 2, "price": "6.50"});
    let expected = json!({
        "order": "1001", "state": "paid", "articles": [line], "total": "13.00",
        "currency": "EUR", "created": "2026-01-31 12:00:00",
    });
    assert_eq!(placed, expected);
    assert_eq!(ada.get("/legacy/api/orders/1001").await.expect(200), expected);
    assert_eq!(ada.get("/legacy/api/orders").await.expect(200), json!({"orders": [expected]}));
    let message = json!({"kind": "paid", "order": "1001", "sent": "2026-01-31 12:00:00"});
    let messages = ada.get("/legacy/api/notifications").await.expect(200);
    assert_eq!(messages, json!({"notifications": [message]}));
}

#[tokio::test]
async fn an_account_is_changed() {
    let ada = signed_in(&client()).await;
    ada.put("/legacy/api/users/me", &json!({"name": "Lady Ada", "language": "fr"}))
        .await
        .expect(200);
    let account = ada.get("/legacy/api/users/me").await.expect(200);
    let expected =
        json!({"id": 1001, "email": "ada@example.org", "name": "Lady Ada", "language": "fr"});
    assert_eq!(account, expected);
    let credentials = json!({"email": "ada@example.org", "password": "long enough"});
    ada.post("/legacy/api/sessions", &credentials).await.expect(200);
    ada.delete("/legacy/api/sessions").await.expect(204);
    ada.get("/legacy/api/users/me").await.expect(401);
}

#[tokio::test]
async fn errors_are_in_the_style_of_the_old_api() {
    let client = client();
    let refused = client.get("/legacy/api/orders").await.expect(401);
    assert_eq!(refused, json!({"error": "unauthorized", "message": "sign in first"}));
    let ada = signed_in(&client).await;
    let missing = ada.get("/legacy/api/orders/9").await.expect(404);
    assert_eq!(missing, json!({"error": "not_found", "message": "there is no such order"}));
    let mut unknown = order("a");
    unknown["articles"][0]["article"] = json!("X");
    for body in [json!({}), order(""), order("a/b"), unknown] {
        assert_eq!(ada.post("/legacy/api/orders", &body).await.expect(400)["error"], "bad_request");
    }
    let long = json!({"reference": "x".repeat(70_000)});
    ada.post("/legacy/api/orders", &long).await.expect(400);
    for new in [
        json!({"email": "ada", "name": "Ada", "password": "long enough"}),
        json!({"email": "a@b.c", "name": " ", "password": "long enough"}),
        json!({"email": "a@b.c", "name": "Ada", "password": "short"}),
        json!({"email": "a@b.c", "name": "Ada", "password": "long enough", "language": "_"}),
    ] {
        client.post("/legacy/api/users", &new).await.expect(400);
    }
}

#[tokio::test]
async fn only_support_corrects_a_total() {
    let ada = signed_in(&client()).await;
    ada.post("/legacy/api/orders", &order("a")).await.expect(201);
    let path = "/legacy/api/support/orders/1001";
    ada.put(path, &json!({"total": "1.00"})).await.expect(401);
    let support = ada.with(SUPPORT_KEY, KEY);
    support.put(path, &json!({"total": "1"})).await.expect(400);
    assert_eq!(support.put(path, &json!({"total": "1.00"})).await.expect(200)["total"], "1.00");
    assert_eq!(ada.get("/legacy/api/orders/1001").await.expect(200)["total"], "1.00");
}

#[tokio::test]
async fn other_components_learn_whether_a_reference_was_used() {
    let client = client();
    let ada = signed_in(&client).await;
    client.get("/internal/references/1001/a").await.expect(404);
    ada.post("/legacy/api/orders", &order("a")).await.expect(201);
    let found = client.get("/internal/references/1001/a").await.expect(200);
    assert_eq!(found, json!({"order": "1001"}));
    client.get("/internal/references/1001/b").await.expect(404);
    client.get("/internal/references/1002/a").await.expect(404);
}

#[tokio::test]
async fn other_components_read_accounts_and_write_copies() {
    let client = client();
    let ada = signed_in(&client).await;
    assert_eq!(client.get("/internal/users/1001").await.expect(200)["name"], "Ada");
    client.get("/internal/users/1").await.expect(404);
    let copy = json!({"customer": 1001, "sequence": 1, "order": {
        "order": "ord_1", "state": "open", "articles": [], "total": "1.00", "currency": "EUR",
        "created": "2026-01-31 12:00:00",
    }});
    client.put("/internal/copies/orders", &copy).await.expect(204);
    assert_eq!(ada.get("/legacy/api/orders/ord_1").await.expect(200), copy["order"]);
    let message = json!({"request": "r", "customer": 1001, "kind": "paid", "order": "ord_1"});
    client.post("/internal/messages", &message).await.expect(204);
    let sent =
        json!({"request": "s", "customer": 1001, "kind": "sent", "order": "ord_1", "sent": "x"});
    client.put("/internal/copies/messages", &sent).await.expect(204);
    let messages = ada.get("/legacy/api/notifications").await.expect(200);
    assert_eq!(messages["notifications"].as_array().unwrap().len(), 2);
    let past = client.post("/internal/past", &json!({})).await.expect(200);
    assert_eq!(past, json!({"events": 1, "next": null}));
    client.post("/sweep", &json!({})).await.expect(200);
}
