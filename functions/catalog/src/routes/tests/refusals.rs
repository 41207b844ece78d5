//! Requests that are refused.

use super::*;

#[tokio::test]
async fn only_administrators_can_change_products() {
    let shop = Shop::new();
    let body = product("A-1", "Teapot", "Tea");
    for (path, method) in
        [(PRODUCTS, "POST"), ("/api/v1/products/A-1", "PUT"), ("/api/v1/products/A-1", "DELETE")]
    {
        for (client, status) in [(shop.client.clone(), 401), (shop.client.customer("usr_1"), 403)] {
            assert_eq!(client.json(method, path, &body).await.status, status, "{method}");
        }
    }
    assert_eq!(shop.get(PRODUCTS).await["items"], json!([]));
}

#[tokio::test]
async fn all_faults_of_a_product_are_reported() {
    let shop = Shop::new();
    let body = json!({
        "sku": "tea 1", "name": " ", "description": 7, "category": "&", "color": "red",
        "price": {"amount": 4_294_967_296_i64, "currency": "USD", "vat": 19},
    });
    let problem = shop.add(&body).await.expect(422);
    let mut pointers: Vec<_> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| fault["pointer"].as_str().unwrap())
        .collect();
    pointers.sort_unstable();
    let expected = "/category /color /description /name /price/amount /price/currency /sku";
    assert_eq!(pointers.join(" "), expected);
}

#[tokio::test]
async fn prices_are_positive_whole_cents_of_a_million_at_most() {
    let shop = Shop::new();
    let invalid = json!([0, -1, 19.99, "1999", null, 4_294_967_296_u64, u64::MAX, [], 100_000_001]);
    for amount in invalid.as_array().unwrap() {
        let mut body = product("A-1", "Teapot", "Tea");
        body["price"]["amount"] = amount.clone();
        let problem = shop.add(&body).await.expect(422);
        assert_eq!(problem["errors"][0]["pointer"], "/price/amount", "{amount}");
    }
    for price in [json!(1999), json!([]), json!("19.99 EUR"), json!(null)] {
        let mut body = product("A-1", "Teapot", "Tea");
        body["price"] = price.clone();
        assert_eq!(shop.add(&body).await.status, 422, "{price}");
    }
}

#[tokio::test]
async fn invalid_bodies_are_refused() {
    let shop = Shop::new();
    let good = product("A-1", "Teapot", "Tea").to_string();
    let (admin, long) = (shop.client.admin(), format!("{good}{}", " ".repeat(64 * 1024)));
    assert_eq!(admin.text("POST", PRODUCTS, &good).await.status, 415);
    for (kind, body, status) in [
        ("text/plain", good.as_str(), 415),
        ("application/json", "{", 400),
        ("application/json", "", 400),
        ("application/json", &long, 413),
        ("application/json", "[]", 422),
        ("application/json", "\"x\"", 422),
        ("application/json", "1", 422),
        ("application/json", "null", 422),
        ("application/json", "{}", 422),
    ] {
        let reply = admin.with("content-type", kind).text("POST", PRODUCTS, body).await;
        assert_eq!(reply.header("content-type"), "application/problem+json");
        assert_eq!(reply.status, status, "{kind} {reply:?}");
    }
}
