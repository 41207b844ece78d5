//! More concurrent reservations of one SKU than one value can hold.

use super::*;
use crate::domain::HOLDS_MAX;

/// More than fit into the stock and two lanes.
const MANY: u32 = 3 * HOLDS_MAX as u32 + 1;

async fn crowded(pieces: u32) -> (MemoryStore, Inventory<MemoryStore>) {
    let (store, inventory) = stocked(&[("a", pieces)]).await;
    for number in 0..MANY {
        let id = format!("r{number}");
        inventory.reserve(&id, &lines(&[("a", 1)]), TTL + u64::from(number), 0).await.unwrap();
    }
    (store, inventory)
}

/// The books: on hand, reserved, sold. Checks that they balance.
async fn booked(inventory: &Inventory<MemoryStore>) -> (i64, u64, i64) {
    let [book] = inventory.books(0, 100).await.unwrap().entries.try_into().unwrap();
    let claimed: u64 = book.claims.iter().map(|claim| u64::from(claim.quantity)).sum();
    assert_eq!(claimed, book.reserved);
    let sum = book.on_hand + i64::try_from(book.reserved).unwrap() + book.sold;
    assert_eq!(sum, i64::from(book.received), "{book:?}");
    (book.on_hand, book.reserved, book.sold)
}

#[tokio::test]
async fn all_reservations_succeed_while_there_is_stock_and_nothing_is_sold_twice() {
    let (_, inventory) = crowded(MANY + 1).await;
    assert_eq!(figures(&inventory, "a", 0).await, (1, MANY, 0));
    assert_eq!(booked(&inventory).await, (1, MANY.into(), 0));
    let last = inventory.reserve("last", &lines(&[("a", 1)]), TTL, 0).await;
    assert!(last.is_ok(), "{last:?}");
    let short = inventory.reserve("more", &lines(&[("a", 1)]), TTL, 0).await;
    assert!(matches!(short, Err(Refusal::OutOfStock(_))), "{short:?}");
    // A repetition finds the existing reservation, wherever it is.
    for id in ["r0", "r12", "last"] {
        inventory.commit(id, 1).await.unwrap();
        inventory.commit(id, 1).await.unwrap();
    }
    assert_eq!(figures(&inventory, "a", 1).await, (0, MANY - 2, 3));
    for id in ["r12", "r12", "last"] {
        inventory.take_back(id, 2).await.unwrap();
    }
    for id in ["r1", "r11", "r11"] {
        inventory.release(id).await.unwrap();
    }
    assert_eq!(figures(&inventory, "a", 2).await, (4, MANY - 4, 1));
    assert_eq!(booked(&inventory).await, (4, (MANY - 4).into(), 1));
    let four = inventory.reserve("four", &lines(&[("a", 4)]), TTL, 2).await;
    assert!(four.is_ok(), "pieces that are released in lanes are available: {four:?}");
}

#[tokio::test]
async fn reservations_in_lanes_expire_too() {
    let (_, inventory) = crowded(MANY).await;
    inventory.commit("r12", 0).await.unwrap();
    let late = TTL + u64::from(MANY);
    let swept = inventory.sweep(late).await.unwrap();
    assert_eq!((swept.freed, swept.failed), (MANY - 1, 0));
    assert_eq!(booked(&inventory).await, ((MANY - 1).into(), 0, 1));
    let all = inventory.reserve("all", &lines(&[("a", MANY - 1)]), TTL, late).await;
    assert!(all.is_ok(), "{all:?}");
}

#[tokio::test]
async fn expired_pieces_in_a_lane_are_available_without_a_sweep() {
    let (_, inventory) = crowded(MANY).await;
    let late = TTL + u64::from(MANY);
    let available = inventory.available(&["a".to_owned()], late).await.unwrap();
    assert_eq!(available[0].available, MANY);
    let all = inventory.reserve("all", &lines(&[("a", MANY)]), TTL, late).await;
    assert!(all.is_ok(), "{all:?}");
}

#[tokio::test]
async fn a_hold_in_a_lane_survives_a_crash_at_any_step() {
    for operations in 0..300 {
        let (store, inventory) = crowded(MANY + 2).await;
        let crashing = Inventory::new(ScriptedStore::failing_after(operations, store));
        let calls = async {
            crashing.reserve("x", &lines(&[("a", 2)]), TTL, 0).await?;
            crashing.commit("x", 0).await?;
            crashing.take_back("x", 0).await
        };
        let ended = calls.await.is_ok();
        let (on_hand, reserved, _) = booked(&inventory).await;
        assert!(on_hand >= 0 && reserved >= u64::from(MANY), "step {operations}");
        inventory.take_back("x", 0).await.unwrap();
        inventory.sweep(TTL - 1).await.unwrap();
        assert_eq!(booked(&inventory).await, (2, MANY.into(), 0), "step {operations}");
        let free = inventory.reserve("y", &lines(&[("a", 2)]), TTL, 1).await;
        assert!(free.is_ok(), "step {operations}: {free:?}");
        if ended {
            return;
        }
    }
    panic!("the calls take more operations than expected");
}

/// An outdated attempt may have left a hold in another lane.
#[tokio::test]
async fn an_outdated_hold_in_one_lane_does_not_hide_the_hold_in_another() {
    let (store, inventory) = crowded(MANY + 1).await;
    inventory.reserve("x", &lines(&[("a", 1)]), TTL, 0).await.unwrap();
    let key = lane_key("a", 1);
    let mut lane: serde_json::Value = store.read(&key).await.unwrap().unwrap();
    let holds = lane["holds"].as_object_mut().unwrap();
    let other = holds.keys().next().unwrap().clone();
    let mut outdated = holds.remove(&other).unwrap();
    outdated["attempt"] = serde_json::json!(0);
    holds.insert("x".to_owned(), outdated);
    store.write(&key, &lane).await.unwrap();

    inventory.commit("x", 1).await.unwrap();
    assert_eq!(booked(&inventory).await, (0, MANY.into(), 1));
    inventory.take_back("x", 2).await.unwrap();
    inventory.sweep(TTL + u64::from(MANY)).await.unwrap();
    assert_eq!(booked(&inventory).await, ((MANY + 1).into(), 0, 0), "no piece is created");
}

#[tokio::test]
async fn free_pieces_in_a_lane_are_not_reserved() {
    let (_, inventory) = crowded(MANY).await;
    let late = TTL + u64::from(MANY);
    assert_eq!(inventory.receive("a", 0, late).await.unwrap().on_hand, 0);
}

#[tokio::test]
async fn books_with_inconsistent_transfers_do_not_balance() {
    let (store, inventory) = crowded(MANY).await;
    let key = lane_key("a", 1);
    let mut lane: serde_json::Value = store.read(&key).await.unwrap().unwrap();
    lane["arrived"] = serde_json::json!(lane["arrived"].as_u64().unwrap() + 1);
    store.write(&key, &lane).await.unwrap();
    let [book] = inventory.books(0, 100).await.unwrap().entries.try_into().unwrap();
    let sum = book.on_hand + i64::try_from(book.reserved).unwrap() + book.sold;
    assert_eq!(sum, i64::from(book.received) + 1, "a piece too many: {book:?}");
}
