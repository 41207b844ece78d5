#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::steps::RETURN_NOTED_MS;
use super::*;
use chassis::store::{FailingStore, MemoryStore};
use proptest::prelude::*;
use std::collections::BTreeMap;

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

/// On hand, reserved, sold; and that they add up.
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
async fn pieces_go_from_hand_to_reserved_to_sold_and_back() {
    let (_, inventory) = stocked(&[("a", 5)]).await;
    let reservation = inventory.reserve("r", &lines(&[("a", 2)]), TTL, 10).await.unwrap();
    assert_eq!(reservation.expires_at_ms, 10 + TTL);
    assert_eq!(figures(&inventory, "a", 10).await, (3, 2, 0));
    inventory.commit("r", 11).await.unwrap();
    inventory.commit("r", 9_999_999).await.unwrap();
    assert_eq!(figures(&inventory, "a", 11).await, (3, 0, 2));
    inventory.take_back("r", 12).await.unwrap();
    inventory.take_back("r", 13).await.unwrap();
    assert_eq!(figures(&inventory, "a", 13).await, (5, 0, 0));
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
    assert_eq!(again, expected, "a refusal is the answer of this id for good");
    assert_eq!(inventory.levels("never", 0).await, Ok(None), "asking makes no SKU");
}

#[tokio::test]
async fn reserving_again_answers_the_same_and_other_lines_conflict() {
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
    // Even a clock that goes back can't sell what was given to somebody else.
    assert!(matches!(inventory.commit("r1", TTL - 1).await, Err(Refusal::Expired(_))));
    inventory.commit("r3", TTL).await.unwrap();
    assert_eq!(figures(&inventory, "a", TTL).await, (0, 0, 2));
}

#[tokio::test]
async fn a_release_before_the_reserve_bars_its_id() {
    let (_, inventory) = stocked(&[("a", 2)]).await;
    inventory.release("r").await.unwrap();
    inventory.release("r").await.unwrap();
    let late = inventory.reserve("r", &lines(&[("a", 1)]), TTL, 0).await;
    assert!(matches!(late, Err(Refusal::Expired(_))));
    inventory.take_back("s", 0).await.unwrap();
    let late = inventory.reserve("s", &lines(&[("a", 1)]), TTL, 0).await;
    assert!(matches!(late, Err(Refusal::Expired(_))));
    assert_eq!(figures(&inventory, "a", 0).await, (2, 0, 0));
}

#[tokio::test]
async fn a_sale_is_taken_back_not_released() {
    let (_, inventory) = stocked(&[("a", 2)]).await;
    inventory.reserve("r", &lines(&[("a", 1)]), TTL, 0).await.unwrap();
    inventory.commit("r", 0).await.unwrap();
    assert!(matches!(inventory.release("r").await, Err(Refusal::Committed(_))));
    let again = inventory.reserve("r", &lines(&[("a", 1)]), TTL, 0).await;
    assert!(matches!(again, Err(Refusal::Committed(_))));
    inventory.take_back("r", 0).await.unwrap();
    assert!(matches!(inventory.commit("r", 0).await, Err(Refusal::Expired(_))));
    inventory.release("r").await.unwrap();
    assert_eq!(figures(&inventory, "a", 0).await, (2, 0, 0));
}

#[tokio::test]
async fn taking_back_frees_what_was_never_sold() {
    let (_, inventory) = stocked(&[("a", 2)]).await;
    inventory.reserve("r", &lines(&[("a", 1)]), TTL, 0).await.unwrap();
    inventory.take_back("r", 0).await.unwrap();
    assert_eq!(figures(&inventory, "a", 0).await, (2, 0, 0));
    assert!(matches!(inventory.commit("r", 0).await, Err(Refusal::Expired(_))));
}

#[tokio::test]
async fn questions_without_sense_are_refused() {
    let (_, inventory) = stocked(&[("a", 2)]).await;
    let invalid = |result: Result<(), Refusal>| matches!(result, Err(Refusal::Invalid(_)));
    for (id, ttl) in [("", TTL), ("r", 0), ("r", 3_600_001), ("../r", TTL)] {
        let result = inventory.reserve(id, &lines(&[("a", 1)]), ttl, 0).await;
        assert!(invalid(result.map(drop)), "{id} {ttl}");
    }
    assert!(matches!(inventory.commit("nobody", 0).await, Err(Refusal::NotFound(_))));
    let many: Vec<String> = (0..101).map(|n| n.to_string()).collect();
    assert!(invalid(inventory.available(&many, 0).await.map(drop)));
}

#[tokio::test]
async fn availability_is_answered_in_the_order_asked() {
    let (_, inventory) = stocked(&[("a", 2), ("b", 3)]).await;
    inventory.reserve("r", &lines(&[("b", 1)]), TTL, 0).await.unwrap();
    let skus = ["b", "nothing", "a"].map(str::to_owned);
    let answer = inventory.available(&skus, 0).await.unwrap();
    let figures: Vec<u32> = answer.iter().map(|line| line.available).collect();
    assert_eq!(figures, [2, 0, 2]);
}

/// Runs a use case with the power going off after 0, 1, 2, … operations of the store, and
/// repeats it with power; answers the state that each of them leaves.
async fn cut_at_every_step<F, G>(prepare: F, act: G, check: impl AsyncFn(&Inventory<MemoryStore>))
where
    F: AsyncFn(&Inventory<MemoryStore>),
    G: AsyncFn(&dyn Fn() -> Step) -> bool,
{
    for operations in 0..200 {
        let (store, inventory) = stocked(&[("a", 5), ("b", 5), ("c", 5)]).await;
        prepare(&inventory).await;
        let dying = FailingStore::after(operations, store.clone());
        let finished = act(&|| Step::Dying(Inventory::new(dying.clone()))).await;
        assert!(act(&|| Step::Sound(Inventory::new(store.clone()))).await, "step {operations}");
        check(&inventory).await;
        if finished {
            assert!(operations > 3, "the use case must have steps to die in");
            return;
        }
    }
    panic!("200 operations were not enough");
}

enum Step {
    Dying(Inventory<FailingStore<MemoryStore>>),
    Sound(Inventory<MemoryStore>),
}

macro_rules! on {
    ($step:expr, |$inventory:ident| $call:expr) => {
        match $step() {
            Step::Dying($inventory) => $call.await.is_ok(),
            Step::Sound($inventory) => $call.await.is_ok(),
        }
    };
}

#[tokio::test]
async fn a_reserve_cut_anywhere_is_resumed_without_holding_twice() {
    let wanted = lines(&[("a", 5), ("b", 4), ("c", 3)]);
    cut_at_every_step(
        async |_| {},
        async |step| on!(step, |i| i.reserve("r", &wanted, TTL, 0)),
        async |inventory| {
            assert_eq!(figures(inventory, "a", 0).await, (0, 5, 0));
            assert_eq!(figures(inventory, "b", 0).await, (1, 4, 0));
            inventory.commit("r", 0).await.unwrap();
            assert_eq!(figures(inventory, "a", 9 * TTL).await, (0, 0, 5));
            assert_eq!(figures(inventory, "c", 9 * TTL).await, (2, 0, 3));
        },
    )
    .await;
}

#[tokio::test]
async fn a_reserve_cut_anywhere_and_never_repeated_frees_itself() {
    let wanted = lines(&[("a", 5), ("b", 4), ("c", 3)]);
    for operations in 0..60 {
        let (store, inventory) = stocked(&[("a", 5), ("b", 5), ("c", 5)]).await;
        let dying = Inventory::new(FailingStore::after(operations, store));
        let _ = dying.reserve("r", &wanted, TTL, 0).await;
        for sku in ["a", "b", "c"] {
            assert_eq!(figures(&inventory, sku, TTL).await, (5, 0, 0), "step {operations}");
        }
        assert!(inventory.commit("r", TTL).await.is_err());
    }
}

#[tokio::test]
async fn a_commit_cut_anywhere_sells_all_lines_once() {
    let wanted = lines(&[("a", 1), ("b", 2), ("c", 3)]);
    cut_at_every_step(
        async |inventory| drop(inventory.reserve("r", &wanted, TTL, 0).await.unwrap()),
        async |step| on!(step, |i| i.commit("r", 0)),
        async |inventory| {
            assert_eq!(figures(inventory, "a", 9 * TTL).await, (4, 0, 1));
            assert_eq!(figures(inventory, "b", 9 * TTL).await, (3, 0, 2));
            assert_eq!(figures(inventory, "c", 9 * TTL).await, (2, 0, 3));
        },
    )
    .await;
}

#[tokio::test]
async fn a_commit_cut_anywhere_and_never_repeated_is_wholly_done_or_not_at_all() {
    let wanted = lines(&[("a", 1), ("b", 2), ("c", 3)]);
    let mut outcomes = BTreeMap::new();
    for operations in 0..30 {
        let (store, inventory) = stocked(&[("a", 5), ("b", 5), ("c", 5)]).await;
        inventory.reserve("r", &wanted, TTL, 0).await.unwrap();
        let _ = Inventory::new(FailingStore::after(operations, store)).commit("r", 0).await;
        let mut sold = Vec::new();
        for sku in ["a", "b", "c"] {
            sold.push(figures(&inventory, sku, TTL).await.2);
        }
        assert!(sold == [0, 0, 0] || sold == [1, 2, 3], "step {operations}: {sold:?}");
        *outcomes.entry(sold).or_insert(0) += 1;
    }
    assert_eq!(outcomes.len(), 2, "the cuts met both sides of the decision");
}

#[tokio::test]
async fn a_release_cut_anywhere_frees_everything_once_repeated() {
    let wanted = lines(&[("a", 1), ("b", 2), ("c", 3)]);
    cut_at_every_step(
        async |inventory| drop(inventory.reserve("r", &wanted, TTL, 0).await.unwrap()),
        async |step| on!(step, |i| i.release("r")),
        async |inventory| {
            for sku in ["a", "b", "c"] {
                assert_eq!(figures(inventory, sku, 0).await, (5, 0, 0));
            }
        },
    )
    .await;
}

#[tokio::test]
async fn a_take_back_cut_anywhere_counts_once() {
    let wanted = lines(&[("a", 1), ("b", 2), ("c", 3)]);
    let other = lines(&[("a", 2), ("b", 2), ("c", 2)]);
    cut_at_every_step(
        async |inventory| {
            for (id, wanted) in [("r", &wanted), ("other", &other)] {
                inventory.reserve(id, wanted, TTL, 0).await.unwrap();
                inventory.commit(id, 0).await.unwrap();
            }
        },
        async |step| on!(step, |i| i.take_back("r", 0)),
        async |inventory| {
            for sku in ["a", "b", "c"] {
                assert_eq!(figures(inventory, sku, 0).await, (3, 0, 2));
            }
        },
    )
    .await;
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
        let dying = Inventory::new(FailingStore::after(operations, store));
        let _ = dying.take_back("r", 0).await;
        // Somebody else's return, hours later, forgets old ones, but not an open one.
        inventory.take_back("s", much_later).await.unwrap();
        inventory.take_back("r", much_later + 1).await.unwrap();
        assert_eq!(figures(&inventory, "a", much_later).await, (8, 0, 1), "step {operations}");
        assert_eq!(figures(&inventory, "b", much_later).await, (7, 0, 2), "step {operations}");
    }
}

#[tokio::test]
async fn returns_are_forgotten_when_they_are_over_and_old() {
    let (store, inventory) = stocked(&[("a", 9)]).await;
    for (id, at_ms) in [("r", 0), ("s", RETURN_NOTED_MS + 1)] {
        inventory.reserve(id, &lines(&[("a", 1)]), TTL, at_ms).await.unwrap();
        inventory.commit(id, at_ms).await.unwrap();
        inventory.take_back(id, at_ms).await.unwrap();
    }
    let stock: Stock = store.read(&stock_key("a")).await.unwrap().unwrap();
    assert_eq!(stock.returns_before(u64::MAX, 9), ["s"]);
}
