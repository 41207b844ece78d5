//! Looking for something to buy.

use crate::support::{Shop, catalogue_file, product, unique};
use serde_json::json;
use std::collections::BTreeSet;

#[tokio::test]
async fn the_shop_is_filled_with_products_that_can_be_bought() {
    let shop = Shop::shared().await;
    let visitor = shop.visitor();
    let categories = visitor.get("/api/v1/categories").await.expect(200).json();
    assert!(categories["items"].as_array().unwrap().len() >= 8, "{categories}");
    let products = visitor.all("/api/v1/products", 100).await;
    assert!(products.len() >= 200, "{} products", products.len());
    for expected in catalogue_file() {
        let found = products.iter().find(|product| product["sku"] == expected["sku"]);
        let found = found.unwrap_or_else(|| panic!("{expected} is missing"));
        for member in ["name", "description", "category", "price"] {
            assert_eq!(found[member], expected[member], "{expected}");
        }
    }
}

#[tokio::test]
async fn every_picture_is_there() {
    let shop = Shop::shared().await;
    let visitor = shop.visitor();
    for product in visitor.get("/api/v1/products?limit=20").await.expect(200).json()["items"]
        .as_array()
        .unwrap()
    {
        let picture = visitor.get(product["image"].as_str().unwrap()).await.expect(200);
        assert_eq!(picture.header("content-type"), "image/svg+xml", "{product}");
        assert!(picture.text().contains("<svg"), "{product}");
    }
}

#[tokio::test]
async fn pages_have_every_product_once() {
    let shop = Shop::shared().await;
    let visitor = shop.visitor();
    for limit in [7, 100] {
        let products = visitor.all("/api/v1/products", limit).await;
        let distinct: BTreeSet<_> =
            products.iter().map(|product| product["sku"].to_string()).collect();
        assert_eq!(distinct.len(), products.len(), "some come twice at {limit} a page");
        for expected in catalogue_file() {
            assert!(distinct.contains(&expected["sku"].to_string()), "{expected} is in no page");
        }
    }
}

#[tokio::test]
async fn a_category_has_its_products_and_no_others() {
    let shop = Shop::shared().await;
    let visitor = shop.visitor();
    let categories = visitor.get("/api/v1/categories").await.expect(200).json();
    let names: BTreeSet<_> =
        catalogue_file().iter().map(|product| product["category"].to_string()).collect();
    let initial = categories["items"].as_array().unwrap().iter();
    for category in initial.filter(|category| names.contains(&category["name"].to_string())) {
        let slug = category["slug"].as_str().unwrap();
        let found = visitor.all(&format!("/api/v1/products?category={slug}"), 13).await;
        assert_eq!(json!(found.len()), category["count"], "{category}");
        for product in found {
            assert_eq!(product["category"], category["name"]);
        }
    }
}

#[tokio::test]
async fn search_finds_by_name_and_nothing_else() {
    let shop = Shop::shared().await;
    let admin = shop.admin().await;
    let word = format!("q{}", unique().to_lowercase());
    let mut expected = BTreeSet::new();
    for number in 0..5 {
        let sku = format!("TEST-{}", unique());
        let mut product = product(&sku, 100);
        product["name"] = json!(format!("Lantern {number} {word}"));
        admin.post("/api/v1/products", &product).await.expect(201);
        expected.insert(sku);
    }
    let visitor = shop.visitor();
    let found = visitor.all(&format!("/api/v1/products?q={word}"), 2).await;
    let found: Vec<_> = found.iter().map(|found| found["sku"].as_str().unwrap()).collect();
    assert_eq!(found.len(), expected.len(), "{found:?}");
    assert!(found.iter().all(|sku| expected.contains(*sku)), "{found:?}");
    let nothing = visitor.get("/api/v1/products?q=nobodysellsthis").await.expect(200).json();
    let expected = json!({"items": [], "total": 0, "approximate": false, "next_cursor": null});
    assert_eq!(nothing, expected);
}

#[tokio::test]
async fn a_single_product_is_shown_with_its_stock() {
    let shop = Shop::shared().await;
    let sku = shop.product(&shop.admin().await, 17).await;
    let shown = shop.visitor().get(&format!("/api/v1/products/{sku}")).await.expect(200).json();
    assert_eq!(shown["sku"], sku);
    assert_eq!(shown["price"], json!({"amount": 1250, "currency": "EUR"}));
    assert_eq!(shown["available"], 17);
    shop.visitor().get("/api/v1/products/TEST-NOTHING").await.problem(404);
}

#[tokio::test]
async fn a_cursor_of_another_list_is_refused() {
    let shop = Shop::shared().await;
    let visitor = shop.visitor();
    let first = visitor.get("/api/v1/products?limit=1").await.expect(200).json();
    let cursor = first["next_cursor"].as_str().unwrap();
    visitor.get(&format!("/api/v1/products?q=tea&cursor={cursor}")).await.problem(400);
    visitor.get("/api/v1/products?cursor=nonsense").await.problem(400);
}
