//! Partial returns of a sale.

use super::*;

async fn sold() -> (MemoryStore, Inventory<MemoryStore>) {
    let (store, inventory) = stocked(&[("a", 5), ("b", 5)]).await;
    inventory.reserve("r", &lines(&[("a", 3), ("b", 1)]), TTL, 0).await.unwrap();
    inventory.commit("r", 0).await.unwrap();
    (store, inventory)
}

#[tokio::test]
async fn returns_cannot_exceed_the_sale() {
    let (_, inventory) = sold().await;
    inventory.restock("r", "shp_1", &lines(&[("a", 2)]), 1).await.unwrap();
    for (name, back) in [
        ("shp_1", lines(&[("a", 1)])),
        ("shp_2", lines(&[("a", 2)])),
        ("shp_2", lines(&[("c", 1)])),
    ] {
        let refused = inventory.restock("r", name, &back, 1).await;
        assert!(matches!(refused, Err(Refusal::Conflict(_))), "{refused:?}");
    }
    inventory.reserve("held", &lines(&[("a", 1)]), TTL, 1).await.unwrap();
    for id in ["held", "unknown"] {
        let refused = inventory.restock(id, "shp_1", &lines(&[("a", 1)]), 1).await;
        assert!(matches!(refused, Err(Refusal::NotFound(_))), "{id}: {refused:?}");
    }
    // A later cancellation only takes back the rest.
    inventory.take_back("r", 2).await.unwrap();
    assert_eq!(figures(&inventory, "a", 2).await, (4, 1, 0));
}

#[tokio::test]
async fn an_interrupted_return_is_made_once_when_it_is_repeated() {
    for operations in 0..40 {
        let (store, inventory) = sold().await;
        let crashing = Inventory::new(ScriptedStore::failing_after(operations, store));
        let ended = crashing.restock("r", "shp_1", &lines(&[("a", 2), ("b", 1)]), 1).await.is_ok();
        inventory.restock("r", "shp_1", &lines(&[("a", 2), ("b", 1)]), 1).await.unwrap();
        assert_eq!(figures(&inventory, "a", 1).await, (4, 0, 1), "step {operations}");
        assert_eq!(figures(&inventory, "b", 1).await, (5, 0, 0), "step {operations}");
        if ended {
            return;
        }
    }
    panic!("a return takes more operations than expected");
}

#[tokio::test]
async fn notes_of_returns_expire() {
    let (store, inventory) = sold().await;
    inventory.restock("r", "shp_1", &lines(&[("a", 1)]), 1).await.unwrap();
    let late = RETURN_NOTED_MS + 2;
    inventory.restock("r", "shp_2", &lines(&[("a", 1)]), late).await.unwrap();
    let stock: serde_json::Value = store.read(&stock_key("a")).await.unwrap().unwrap();
    assert_eq!(stock["returned"], serde_json::json!({"r/shp_2": late}));
    inventory.restock("r", "shp_1", &lines(&[("a", 1)]), late).await.unwrap();
    assert_eq!(figures(&inventory, "a", late).await, (4, 0, 1), "the record has the return");
}
