use chassis::testing::{Client, FixedFlags, Issuer, MemoryStore};
use serde_json::json;

use super::*;
use crate::testing::{changed, confirmed, user_id};

/// The recommendations after some events.
async fn client() -> Client {
    let recommendations = Recommendations::new(MemoryStore::new());
    let flags = FixedFlags::on(CART_FLAG, &user_id(1));
    let client = Client::new(router(recommendations, flags, Issuer::new().key_set()));
    for event in [
        changed("TEA", 1, "Sencha"),
        changed("POT", 1, "Teapot"),
        confirmed(1, 1, &["TEA", "POT"]),
        confirmed(2, 2, &["TEA"]),
    ] {
        client.deliver(&event).await.expect(204);
    }
    client
}

#[tokio::test]
async fn a_product_has_companions() {
    let client = client().await;
    let page = client.get("/api/v1/products/TEA/also-bought?limit=5").await.expect(200);
    let expected = json!({
        "items": [{
            "sku": "POT", "name": "Teapot", "category": "Kitchen", "image": "/images/POT.svg",
            "price": {"amount": 500, "currency": "EUR"}, "reason": "also_bought",
        }],
        "next_cursor": null,
    });
    assert_eq!(page, expected);
    client.get("/api/v1/products/TEA/also-bought?limit=0").await.expect(400);
    let unknown = client.get("/api/v1/products/X/also-bought?limit=1").await.expect(200);
    assert_eq!(unknown["items"][0]["reason"], "popular");
}

#[tokio::test]
async fn the_feed_is_public_and_personal_with_a_token() {
    let client = client().await;
    let first = async |client: &Client| {
        let page = client.get("/api/v1/recommendations").await.expect(200);
        format!("{} {}", page["items"][0]["sku"], page["items"][0]["reason"])
    };
    assert_eq!(first(&client).await, "\"TEA\" \"popular\"");
    assert_eq!(first(&client.customer(&user_id(2))).await, "\"POT\" \"also_bought\"");
    let invalid = client.with_token("made-up").get("/api/v1/recommendations").await;
    assert_eq!(invalid.status, 401, "an invalid token is not ignored");
}

#[tokio::test]
async fn a_cart_has_recommendations_for_those_with_the_feature() {
    let client = client().await;
    let customer = client.customer(&user_id(1));
    let with = async |client: &Client, cart: &str| {
        let page = client.get(&format!("/api/v1/recommendations?cart={cart}")).await.expect(200);
        let items = page["items"].as_array().cloned().unwrap_or_default();
        items.iter().map(|item| format!("{} {}", item["sku"], item["reason"])).collect::<Vec<_>>()
    };
    assert_eq!(with(&customer, "TEA").await, ["\"POT\" \"also_bought\""]);
    assert!(with(&customer, "TEA,POT").await.is_empty(), "what is in the cart is left out");
    assert!(with(&customer, "UNKNOWN,").await.is_empty(), "no popular products");
    assert!(with(&client.customer(&user_id(2)), "TEA").await.is_empty());
    assert!(with(&client, "TEA").await.is_empty());
    let skus = (0..21).map(|number| format!("S-{number}")).collect::<Vec<_>>().join(",");
    customer.get(&format!("/api/v1/recommendations?cart={skus}")).await.expect(400);
    let repeated = format!("{}POT,UNKNOWN", "TEA,".repeat(20));
    assert!(with(&customer, &repeated).await.is_empty(), "a SKU counts once");
    let distinct = (0..20).map(|number| format!("S-{number}")).collect::<Vec<_>>().join(",");
    let too_many = format!("{}{distinct},TEA", "S-1,".repeat(20));
    customer.get(&format!("/api/v1/recommendations?cart={too_many}")).await.expect(400);
    let twice = customer.get("/api/v1/recommendations?cart=TEA&cart=POT").await.expect(400);
    assert_eq!(twice["status"], 400, "it is a problem: {twice}");
}

#[tokio::test]
async fn administrators_see_the_age_of_the_copy() {
    let client = client().await;
    let uri = "/api/v1/admin/projections/recommendations";
    let state = client.admin().get(uri).await.expect(200);
    assert_eq!((&state["name"], &state["entries"]), (&json!("recommendations"), &json!(2)));
    assert_eq!(state["last_event_at"], "2026-01-31T12:00:02.000Z");
    assert!(state["staleness_ms"].as_u64().is_some());
    client.customer(&user_id(9)).get(uri).await.expect(403);
    client.get(uri).await.expect(401);
}

#[tokio::test]
async fn an_invalid_event_is_refused_permanently() {
    let client = client().await;
    let mut broken = confirmed(3, 1, &["TEA"]);
    broken.data = "[]".to_owned();
    client.deliver(&broken).await.expect(422);
}
