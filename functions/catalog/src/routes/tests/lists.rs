//! Lists of products and categories.

use super::*;

#[tokio::test]
async fn a_list_is_paged_by_cursor_and_filtered() {
    let shop = Shop::new();
    for n in 0..25 {
        let category = if n % 2 == 0 { "Coffee & Tea" } else { "Kitchen" };
        shop.add(&product(&format!("X-{n:02}"), &format!("Thing {n:02}"), category)).await;
    }
    let mut path = "/api/v1/products?limit=10".to_owned();
    let mut skus = Vec::new();
    let mut pages = 0;
    loop {
        let page = shop.get(&path).await;
        let items = page["items"].as_array().unwrap();
        skus.extend(items.iter().map(|item| item["sku"].as_str().unwrap().to_owned()));
        pages += 1;
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/api/v1/products?limit=10&cursor={cursor}");
    }
    assert_eq!(pages, 3);
    assert_eq!(skus, (0..25).map(|n| format!("X-{n:02}")).collect::<Vec<_>>());

    let page = shop.get("/api/v1/products?category=coffee-tea&limit=100").await;
    assert_eq!(page["items"].as_array().unwrap().len(), 13);
    assert_eq!(page["next_cursor"], Value::Null);
    let found = shop.get("/api/v1/products?q=THING%2007").await;
    assert_eq!(found["items"][0]["sku"], "X-07");
}

#[tokio::test]
async fn a_cursor_of_another_list_is_refused() {
    let shop = Shop::new();
    for n in 0..3 {
        shop.add(&product(&format!("X-{n}"), &format!("Thing {n}"), "Tea")).await;
    }
    let page = shop.get("/api/v1/products?limit=1").await;
    let cursor = page["next_cursor"].as_str().unwrap();
    for query in [format!("q=thing&cursor={cursor}"), "cursor=AAAA".to_owned()] {
        assert_eq!(shop.client.get(&format!("{PRODUCTS}?{query}")).await.status, 400, "{query}");
    }
}

#[tokio::test]
async fn malformed_queries_are_refused() {
    let shop = Shop::new();
    let long = format!("/api/v1/products?q={}", "a".repeat(crate::search::QUERY_CHARS_MAX + 1));
    for path in [
        &long,
        "/api/v1/products?limit=0",
        "/api/v1/products?limit=101",
        "/api/v1/products?q=a&q=b",
        "/api/v1/products?sort=best",
        "/api/v1/products?price_min=-1",
        "/api/v1/products?price_max=cheap",
        "/api/v1/categories?price_min=2&price_max=1",
    ] {
        shop.client.get(path).await.expect_problem(400, "bad-request");
    }
}

#[tokio::test]
async fn categories_are_counted() {
    let shop = Shop::new();
    assert_eq!(shop.get("/api/v1/categories").await, json!({"items": [], "next_cursor": null}));
    shop.add(&product("A-1", "Teapot", "Coffee & Tea")).await;
    shop.add(&product("A-2", "Mug", "Coffee & Tea")).await;
    shop.add(&product("A-3", "Pan", "Kitchen")).await;
    let items = json!([
        {"slug": "coffee-tea", "name": "Coffee & Tea", "count": 2},
        {"slug": "kitchen", "name": "Kitchen", "count": 1},
    ]);
    assert_eq!(shop.get("/api/v1/categories").await["items"], items);
}

#[tokio::test]
async fn a_list_is_sorted_filtered_and_counted_with_its_categories() {
    let shop = Shop::new();
    for (sku, name, category, amount) in [
        ("KIT-1", "Bread Knife", "Kitchen", 3_490),
        ("KIT-2", "Pan", "Kitchen", 4_590),
        ("GAR-1", "Garden Knife", "Garden", 1_290),
    ] {
        let mut body = product(sku, name, category);
        body["price"]["amount"] = json!(amount);
        shop.add(&body).await.expect(201);
    }
    for (query, skus, total, approximate) in [
        ("q=knife&sort=price&limit=1", vec!["GAR-1"], 2, false),
        ("q=knife&sort=-price", vec!["KIT-1", "GAR-1"], 2, false),
        ("price_min=3490&price_max=4590&sort=name", vec!["KIT-1", "KIT-2"], 2, false),
        ("q=kinfe", vec!["KIT-1", "GAR-1"], 2, true),
        ("q=kit-2", vec!["KIT-2"], 1, false),
        ("q=spoon", vec![], 0, false),
    ] {
        let page = shop.get(&format!("/api/v1/products?{query}")).await;
        let items = page["items"].as_array().unwrap();
        let found: Vec<_> = items.iter().map(|item| item["sku"].as_str().unwrap()).collect();
        assert_eq!(found, skus, "{query}");
        assert_eq!(page["total"], total, "{query}");
        assert_eq!(page["approximate"], approximate, "{query}");
    }
    let counts = async |query: &str| {
        let page = shop.get(&format!("/api/v1/categories?{query}")).await;
        let items = page["items"].as_array().unwrap().clone();
        items.iter().map(|it| it["count"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(counts("").await, [1, 2]);
    assert_eq!(counts("q=knife").await, [1, 1]);
    assert_eq!(counts("q=kinfe&price_min=2000").await, [0, 1]);
}
