//! Audits and sweeps.

use super::*;
use crate::domain::{Claim, ReservationStatus};
use crate::service::{SWEEP_SKUS_MAX, Swept};

#[tokio::test]
async fn the_books_are_not_changed_by_an_audit() {
    let (_, inventory) = stocked(&[("a", 5), ("b", 1)]).await;
    inventory.reserve("r", &lines(&[("a", 2)]), TTL, 0).await.unwrap();
    inventory.reserve("s", &lines(&[("a", 1), ("b", 1)]), TTL, 0).await.unwrap();
    inventory.commit("s", 0).await.unwrap();
    for _ in 0..2 {
        let page = inventory.books(0, 100).await.unwrap();
        let [a, b] = page.entries.try_into().unwrap();
        assert_eq!((a.sku.as_str(), a.received, a.on_hand, a.reserved, a.sold), ("a", 5, 2, 2, 1));
        let claim = Claim { reservation_id: "r".to_owned(), quantity: 2, expires_at_ms: Some(TTL) };
        assert_eq!(a.claims, [claim]);
        assert_eq!((b.on_hand, b.reserved, b.sold, b.claims.len()), (0, 0, 1, 0));
        assert_eq!(page.next, None);
    }
}

#[tokio::test]
async fn each_sku_is_in_the_books_once_in_the_order_of_first_receipts() {
    let (_, inventory) = stocked(&[]).await;
    let names: Vec<String> = (0..25).map(|n| format!("sku{}", 24 - n)).collect();
    for round in 1..3 {
        for name in &names {
            inventory.receive(name, round, 0).await.unwrap();
        }
    }
    for limit in [1, 10, 100] {
        let (mut found, mut after) = (Vec::new(), 0);
        loop {
            let page = inventory.books(after, limit).await.unwrap();
            assert!(page.entries.len() <= limit as usize);
            found.extend(page.entries.into_iter().map(|book| book.sku));
            match page.next {
                Some(next) => after = next,
                None => break,
            }
        }
        assert_eq!(found, names, "{limit}");
    }
}

#[tokio::test]
async fn an_interrupted_first_receipt_is_in_the_books_once_after_a_repetition() {
    for operations in 0..10 {
        let (store, inventory) = stocked(&[]).await;
        let crashing = Inventory::new(ScriptedStore::failing_after(operations, store));
        let _ = crashing.receive("a", 3, 0).await;
        let before = inventory.books(0, 100).await.unwrap().entries;
        let known = inventory.levels("a", 0).await.unwrap().is_some();
        assert_eq!(before.len(), usize::from(known), "no SKU is missing in the books");
        inventory.receive("a", 3, 0).await.unwrap();
        assert_eq!(inventory.books(0, 100).await.unwrap().entries.len(), 1, "step {operations}");
    }
}

#[tokio::test]
async fn a_decided_sale_that_is_not_booked_has_no_expiry() {
    for operations in 0..10 {
        let (store, inventory) = stocked(&[("a", 5)]).await;
        inventory.reserve("r", &lines(&[("a", 2)]), TTL, 0).await.unwrap();
        let _ =
            Inventory::new(ScriptedStore::failing_after(operations, store)).commit("r", 0).await;
        let [book] = inventory.books(0, 100).await.unwrap().entries.try_into().unwrap();
        let status = inventory.statuses(&["r".to_owned()], 0).await.unwrap()[0];
        for claim in &book.claims {
            assert_eq!(claim.expires_at_ms.is_none(), status == ReservationStatus::Committed);
        }
        let swept = inventory.sweep(TTL).await.unwrap();
        let expected = match (status, book.claims.len()) {
            (ReservationStatus::Committed, 1) => Swept { skus: 1, failed: 0, freed: 0, sold: 2 },
            (ReservationStatus::Committed, _) => Swept { skus: 1, failed: 0, freed: 0, sold: 0 },
            _ => Swept { skus: 1, failed: 0, freed: 2, sold: 0 },
        };
        assert_eq!(swept, expected, "step {operations}");
    }
}

#[tokio::test]
async fn the_status_of_a_reservation_is_that_of_its_record() {
    let (_, inventory) = stocked(&[("a", 9)]).await;
    for id in ["held", "sold", "freed", "back", "late"] {
        let ttl_ms = if id == "late" { 1 } else { TTL };
        inventory.reserve(id, &lines(&[("a", 1)]), ttl_ms, 0).await.unwrap();
    }
    inventory.reserve("greedy", &lines(&[("a", 900)]), TTL, 0).await.unwrap_err();
    inventory.commit("sold", 0).await.unwrap();
    inventory.commit("back", 0).await.unwrap();
    inventory.take_back("back", 0).await.unwrap();
    inventory.release("freed").await.unwrap();
    let ids = ["held", "sold", "freed", "back", "late", "greedy", "unknown"].map(str::to_owned);
    let expected = [
        ReservationStatus::Held,
        ReservationStatus::Committed,
        ReservationStatus::Released,
        ReservationStatus::TakenBack,
        ReservationStatus::Expired,
        ReservationStatus::Released,
        ReservationStatus::Unknown,
    ];
    assert_eq!(inventory.statuses(&ids, 5).await.unwrap(), expected);
    let many: Vec<String> = (0..101).map(|n| n.to_string()).collect();
    assert!(matches!(inventory.statuses(&many, 0).await, Err(Refusal::Invalid(_))));
}

#[tokio::test]
async fn a_sweep_only_frees_expired_holds() {
    let (store, inventory) = stocked(&[("a", 3), ("b", 3), ("c", 3)]).await;
    inventory.reserve("r", &lines(&[("a", 2), ("b", 1)]), TTL, 0).await.unwrap();
    inventory.reserve("s", &lines(&[("b", 2)]), 2 * TTL, 0).await.unwrap();
    assert_eq!(inventory.sweep(TTL - 1).await, Ok(Swept { skus: 3, failed: 0, freed: 0, sold: 0 }));
    assert_eq!(inventory.sweep(TTL).await, Ok(Swept { skus: 3, failed: 0, freed: 3, sold: 0 }));
    let stock: Stock = store.read(&stock_key("b")).await.unwrap().unwrap();
    assert_eq!(stock.holds().iter().map(|(id, _)| id).collect::<Vec<_>>(), ["s"]);
}

#[tokio::test]
async fn sweeps_continue_where_the_last_one_ended() {
    let (_, inventory) = stocked(&[]).await;
    let count = SWEEP_SKUS_MAX + SWEEP_SKUS_MAX / 2;
    for n in 0..count {
        inventory.receive(&n.to_string(), 1, 0).await.unwrap();
        let wanted = [Line { sku: n.to_string(), quantity: 1 }];
        inventory.reserve(&format!("r{n}"), &wanted, TTL, 0).await.unwrap();
    }
    let first = inventory.sweep(TTL).await.unwrap();
    let second = inventory.sweep(TTL).await.unwrap();
    assert_eq!((first.freed, second.freed), (SWEEP_SKUS_MAX, SWEEP_SKUS_MAX / 2));
    assert_eq!(inventory.sweep(TTL).await.unwrap().freed, 0);
}

#[tokio::test]
async fn an_interrupted_sweep_is_completed_by_the_next() {
    for operations in 0..60 {
        let (store, inventory) = stocked(&[("a", 3), ("b", 3)]).await;
        inventory.reserve("r", &lines(&[("a", 2), ("b", 1)]), TTL, 0).await.unwrap();
        let _ = Inventory::new(ScriptedStore::failing_after(operations, store)).sweep(TTL).await;
        inventory.sweep(TTL).await.unwrap();
        // The first one may begin in the middle, the second one begins with the first SKU.
        inventory.sweep(TTL).await.unwrap();
        for book in inventory.books(0, 100).await.unwrap().entries {
            assert_eq!((book.on_hand, book.claims.len()), (3, 0), "step {operations}");
        }
    }
}

#[tokio::test]
async fn sweeps_continue_after_an_unreadable_sku() {
    let (store, inventory) = stocked(&[]).await;
    for n in 0..=SWEEP_SKUS_MAX {
        inventory.receive(&n.to_string(), 1, 0).await.unwrap();
    }
    let last = [Line { sku: SWEEP_SKUS_MAX.to_string(), quantity: 1 }];
    inventory.reserve("r", &last, TTL, 0).await.unwrap();
    store.set(&stock_key("7"), b"?").await.unwrap();
    assert_eq!(inventory.sweep(TTL).await.unwrap().failed, 1);
    let second = inventory.sweep(TTL).await;
    assert_eq!(second, Ok(Swept { skus: 1, failed: 0, freed: 1, sold: 0 }));
}

#[tokio::test]
async fn sweeps_begin_again_if_the_register_is_unreadable() {
    let (store, inventory) = stocked(&[]).await;
    for n in 0..SWEEP_SKUS_MAX + 10 {
        inventory.receive(&n.to_string(), 1, 0).await.unwrap();
    }
    let place = format!("sku_place:{}", SWEEP_SKUS_MAX + 5);
    assert!(store.get(&place).await.unwrap().is_some());
    store.set(&place, b"?").await.unwrap();
    inventory.sweep(0).await.unwrap();
    inventory.sweep(0).await.unwrap_err();
    inventory.reserve("r", &lines(&[("0", 1)]), TTL, 0).await.unwrap();
    assert_eq!(inventory.sweep(TTL).await.unwrap().freed, 1);
}

#[tokio::test]
async fn reservations_beyond_the_received_pieces_are_in_the_books() {
    let (store, inventory) = stocked(&[("a", 5)]).await;
    inventory.reserve("r", &lines(&[("a", 3)]), TTL, 0).await.unwrap();
    let mut stock: serde_json::Value = store.read(&stock_key("a")).await.unwrap().unwrap();
    stock["received"] = serde_json::json!(1);
    store.write(&stock_key("a"), &stock).await.unwrap();
    let [book] = inventory.books(0, 100).await.unwrap().entries.try_into().unwrap();
    assert_eq!((book.on_hand, book.received), (-2, 1));
}
