#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::returns::RETURN_NOTED_MS;
use super::*;
use crate::records::{lane_key, stock_key};
use chassis::testing::{MemoryStore, ScriptedStore};
use proptest::prelude::*;

mod books;
mod concurrency;
mod interleavings;
mod lanes;
mod model;
mod restock;

const TTL: u64 = 1_000;

pub(super) fn lines(wanted: &[(&str, u32)]) -> Vec<Line> {
    wanted.iter().map(|(sku, quantity)| Line { sku: (*sku).into(), quantity: *quantity }).collect()
}

pub(super) async fn stocked(skus: &[(&str, u32)]) -> (MemoryStore, Inventory<MemoryStore>) {
    let store = MemoryStore::new();
    let inventory = Inventory::new(store.clone());
    for (sku, received) in skus {
        inventory.receive(sku, *received, 0).await.unwrap();
    }
    (store, inventory)
}

/// Pieces on hand, reserved and sold. Checks that they add up.
pub(super) async fn figures<S: Store>(
    inventory: &Inventory<S>,
    sku: &str,
    now_ms: u64,
) -> (u32, u32, u32) {
    let levels = inventory.levels(sku, now_ms).await.unwrap().unwrap();
    assert_eq!(levels.on_hand + levels.reserved + levels.sold, levels.received);
    (levels.on_hand, levels.reserved, levels.sold)
}

#[tokio::test]
async fn all_lines_are_reserved_or_none() {
    let (_, inventory) = stocked(&[("a", 5), ("b", 1), ("c", 0)]).await;
    let wanted = lines(&[("a", 2), ("b", 2), ("c", 1), ("never", 1)]);
    let short = |sku: &str, available| Availability { sku: sku.into(), available };
    let expected = Err(Refusal::OutOfStock(vec![short("b", 1), short("c", 0), short("never", 0)]));
    assert_eq!(inventory.reserve("r", &wanted, TTL, 0).await, expected);
    assert_eq!(figures(&inventory, "a", 0).await, (5, 0, 0));
    inventory.receive("b", 9, 0).await.unwrap();
    let again = inventory.reserve("r", &wanted, TTL, 0).await;
    assert_eq!(again, expected, "the refusal of an id is final");
    assert_eq!(inventory.levels("never", 0).await, Ok(None), "a query creates no SKU");
}

#[tokio::test]
async fn a_repeated_reserve_returns_the_same_and_other_lines_conflict() {
    let (_, inventory) = stocked(&[("a", 5), ("b", 5)]).await;
    let first = inventory.reserve("r", &lines(&[("a", 1), ("b", 2)]), TTL, 0).await.unwrap();
    let again = inventory.reserve("r", &lines(&[("b", 2), ("a", 1)]), 7, 500).await;
    assert_eq!(again.as_ref(), Ok(&first));
    let other = inventory.reserve("r", &lines(&[("a", 2)]), TTL, 0).await;
    assert!(matches!(other, Err(Refusal::Conflict(_))));
    assert_eq!(figures(&inventory, "a", 0).await, (4, 1, 0));
}

#[tokio::test]
async fn an_expired_reservation_frees_its_pieces_and_can_not_be_sold() {
    let (_, inventory) = stocked(&[("a", 2)]).await;
    inventory.reserve("r1", &lines(&[("a", 2)]), TTL, 0).await.unwrap();
    let early = inventory.reserve("r2", &lines(&[("a", 2)]), TTL, TTL - 1).await;
    assert!(matches!(early, Err(Refusal::OutOfStock(_))));
    inventory.reserve("r3", &lines(&[("a", 2)]), TTL, TTL).await.unwrap();
    assert!(matches!(inventory.commit("r1", TTL).await, Err(Refusal::Expired(_))));
    // Also if the clock goes back: the pieces were given to another reservation.
    assert!(matches!(inventory.commit("r1", TTL - 1).await, Err(Refusal::Expired(_))));
    inventory.commit("r3", TTL).await.unwrap();
    assert_eq!(figures(&inventory, "a", TTL).await, (0, 0, 2));
}

#[tokio::test]
async fn invalid_requests_are_refused() {
    let (_, inventory) = stocked(&[("a", 2)]).await;
    let invalid = |result: Result<(), Refusal>| matches!(result, Err(Refusal::Invalid(_)));
    for (id, ttl) in [("", TTL), ("r", 0), ("r", 3_600_001), ("../r", TTL)] {
        let result = inventory.reserve(id, &lines(&[("a", 1)]), ttl, 0).await;
        assert!(invalid(result.map(drop)), "{id} {ttl}");
    }
    assert!(matches!(inventory.commit("unknown", 0).await, Err(Refusal::NotFound(_))));
    let many: Vec<String> = (0..101).map(|n| n.to_string()).collect();
    assert!(invalid(inventory.available(&many, 0).await.map(drop)));
}

#[tokio::test]
async fn availability_is_in_the_requested_order() {
    let (_, inventory) = stocked(&[("a", 2), ("b", 3)]).await;
    inventory.reserve("r", &lines(&[("b", 1)]), TTL, 0).await.unwrap();
    let skus = ["b", "nothing", "a"].map(str::to_owned);
    let answer = inventory.available(&skus, 0).await.unwrap();
    let figures: Vec<u32> = answer.iter().map(|line| line.available).collect();
    assert_eq!(figures, [2, 0, 2]);
}

#[tokio::test]
async fn a_take_back_resumed_much_later_still_counts_once() {
    let wanted = lines(&[("a", 1), ("b", 2)]);
    let much_later = 10 * RETURN_NOTED_MS;
    for operations in 0..30 {
        let (store, inventory) = stocked(&[("a", 9), ("b", 9)]).await;
        for id in ["r", "s", "t"] {
            inventory.reserve(id, &wanted, TTL, 0).await.unwrap();
            inventory.commit(id, 0).await.unwrap();
        }
        let crashing = Inventory::new(ScriptedStore::failing_after(operations, store));
        let _ = crashing.take_back("r", 0).await;
        // Another return, hours later, removes old notes, but not of an unfinished one.
        inventory.take_back("s", much_later).await.unwrap();
        inventory.take_back("r", much_later + 1).await.unwrap();
        assert_eq!(figures(&inventory, "a", much_later).await, (8, 0, 1), "step {operations}");
        assert_eq!(figures(&inventory, "b", much_later).await, (7, 0, 2), "step {operations}");
    }
}

#[tokio::test]
async fn old_notes_of_finished_returns_are_removed() {
    let (store, inventory) = stocked(&[("a", 9)]).await;
    for (id, at_ms) in [("r", 0), ("s", RETURN_NOTED_MS + 1)] {
        inventory.reserve(id, &lines(&[("a", 1)]), TTL, at_ms).await.unwrap();
        inventory.commit(id, at_ms).await.unwrap();
        inventory.take_back(id, at_ms).await.unwrap();
    }
    let stock: Stock = store.read(&stock_key("a")).await.unwrap().unwrap();
    assert_eq!(stock.returns_before(u64::MAX, 9), ["s"]);
}
