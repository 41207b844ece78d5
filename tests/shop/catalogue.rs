//! The catalog after the import.

use crate::support::{Shop, catalogue_file};

#[tokio::test]
async fn the_importer_fills_the_catalog_at_startup() {
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
    for product in products.iter().take(20) {
        let picture = visitor.get(product["image"].as_str().unwrap()).await.expect(200);
        assert_eq!(picture.header("content-type"), "image/svg+xml", "{product}");
    }
}
