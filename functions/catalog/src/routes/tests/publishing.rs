//! The events about products.

use super::*;

#[tokio::test]
async fn the_removal_of_a_product_is_published() {
    let shop = Shop::new();
    shop.add(&product("TEA-0001", "Teapot", "Tea")).await;
    let path = "/api/v1/products/TEA-0001";
    shop.client.admin().delete(path).await.expect(204);
    shop.client.get(path).await.expect(404);
    assert_eq!(shop.get(PRODUCTS).await["items"], json!([]));
    shop.client.admin().delete(path).await.expect(404);
    shop.add(&product("TEA-0001", "Teapot", "Tea")).await.expect(201);
    shop.sweep().await;
    assert_eq!(
        shop.published(),
        ["TEA-0001.1 changed", "TEA-0001.2 removed", "TEA-0001.3 changed"]
    );
}

#[tokio::test]
async fn a_single_change_is_published_at_once_and_an_import_in_batches() {
    let shop = Shop::new();
    shop.add(&product("TEA-0001", "Teapot", "Tea")).await;
    assert_eq!(shop.published(), ["TEA-0001.1 changed"]);
    let before = shop.log.calls();
    for number in 0..252 {
        shop.add(&product(&format!("IMP-{number:04}"), "Thing", "Things")).await;
    }
    shop.sweep().await;
    assert_eq!(shop.published().len(), 253);
    let calls = shop.log.calls() - before;
    assert!(calls < 40, "{calls} publications for 252 products");
    assert_eq!(shop.sweep().await, json!({"published": 0, "failed": 0}));
}

#[tokio::test]
async fn products_are_added_while_the_log_is_down_and_published_later() {
    let shop = Shop::new();
    shop.log.set_down(true);
    shop.add(&product("TEA-0001", "Teapot", "Tea")).await.expect(201);
    assert_eq!(shop.sweep().await, json!({"published": 0, "failed": 1}));
    shop.log.set_down(false);
    assert_eq!(shop.sweep().await, json!({"published": 1, "failed": 0}));
    assert_eq!(shop.published(), ["TEA-0001.1 changed"]);
}

#[tokio::test]
async fn after_a_crash_at_any_step_a_change_is_published_once_if_it_was_made() {
    for operations in 0..12 {
        let store = MemoryStore::new();
        let dying = Shop::over(ScriptedStore::failing_after(operations, store.clone()));
        let status = dying.add(&product("TEA-0001", "Teapot", "Tea")).await.status;
        let shop = Shop::over(store);
        shop.sweep().await;
        let exists = shop.client.get("/api/v1/products/TEA-0001").await.status == 200;
        assert!(exists || status == 503, "after {operations} operations");
        let mut published = [dying.published(), shop.published()].concat();
        published.dedup();
        assert_eq!(published.len(), usize::from(exists), "after {operations}: {published:?}");
    }
}
