//! Every interleaving of a few calls, in which one of them may crash at any step.

use super::*;
use crate::domain::ReservationStatus;
use chassis::store::interleavings::{End, SteppedStore, explore};
use chassis::testing::run;
use std::pin::Pin;

type Outcome = Result<(), Refusal>;
type Running = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// When the reservations of these tests expire.
const OVER_MS: u64 = TTL;

/// A store with these pieces and reservations.
fn prepared(skus: &[(&str, u32)], held: &[(&str, &[(&str, u32)])]) -> MemoryStore {
    let (store, inventory) = run(stocked(skus));
    for (id, wanted) in held {
        run(inventory.reserve(id, &lines(wanted), TTL, 0)).unwrap();
    }
    store
}

/// The invariant of all states: no piece is created, lost, or sold twice.
fn adds_up(store: &MemoryStore) {
    for book in run(Inventory::new(store.clone()).books(0, 100)).unwrap().entries {
        assert!(book.on_hand >= 0 && book.sold >= 0, "no piece is sold twice: {book:?}");
        let reserved = i64::try_from(book.reserved).expect("few");
        assert_eq!(book.on_hand + reserved + book.sold, i64::from(book.received), "{book:?}");
        let claimed: u64 = book.claims.iter().map(|claim| u64::from(claim.quantity)).sum();
        assert_eq!(claimed, book.reserved, "{book:?}");
    }
}

/// Pieces on hand, reserved and sold after all reservations have expired.
fn left(store: &MemoryStore, sku: &str) -> (u32, u32, u32) {
    let inventory = Inventory::new(store.clone());
    run(inventory.sweep(OVER_MS)).unwrap();
    let figures = run(figures(&inventory, sku, OVER_MS));
    let book = run(inventory.books(0, 100)).unwrap().entries;
    assert!(book.iter().all(|book| book.claims.is_empty()), "nothing is held forever: {book:?}");
    figures
}

fn status(store: &MemoryStore, id: &str) -> ReservationStatus {
    let inventory = Inventory::new(store.clone());
    run(inventory.statuses(&[id.to_owned()], OVER_MS)).unwrap()[0]
}

fn buy(store: SteppedStore, id: &'static str, wanted: &'static [(&'static str, u32)]) -> Running {
    Box::pin(async move {
        let inventory = Inventory::new(store);
        inventory.reserve(id, &lines(wanted), TTL, 0).await?;
        inventory.commit(id, 0).await
    })
}

fn reserve(
    store: SteppedStore,
    id: &'static str,
    wanted: &'static [(&'static str, u32)],
) -> Running {
    let wanted = lines(wanted);
    Box::pin(async move { Inventory::new(store).reserve(id, &wanted, TTL, 0).await.map(drop) })
}

fn commit(store: SteppedStore, id: &'static str) -> Running {
    Box::pin(async move { Inventory::new(store).commit(id, OVER_MS - 1).await })
}

fn release(store: SteppedStore, id: &'static str) -> Running {
    Box::pin(async move { Inventory::new(store).release(id).await })
}

fn take_back(store: SteppedStore, id: &'static str) -> Running {
    Box::pin(async move { Inventory::new(store).take_back(id, 0).await })
}

/// Reads the figures after the reservations have expired, which settles them.
fn expire(store: SteppedStore) -> Running {
    Box::pin(async move { Inventory::new(store).levels("a", OVER_MS).await.map(drop) })
}

#[test]
fn only_one_of_two_buyers_gets_the_last_piece() {
    for deaths in [0, 1] {
        let explored = explore(
            || prepared(&[("a", 1)], &[]),
            &[|store| buy(store, "r", &[("a", 1)]), |store| buy(store, "s", &[("a", 1)])],
            deaths,
            adds_up,
            |store, ends| {
                let confirmed = ends.iter().filter(|end| **end == End::Done(Ok(()))).count();
                let (on_hand, _, sold) = left(store, "a");
                assert!(confirmed <= sold as usize, "a confirmed sale exists");
                assert_eq!((on_hand, sold <= 1), (1 - sold, true));
                let died = ends.contains(&End::Died);
                assert!(died || confirmed == 1, "the piece is not refused to both: {ends:?}");
            },
        );
        assert!(explored.unwrap().states > 100);
    }
}

#[test]
fn a_commit_a_release_and_the_expiry_have_one_result() {
    let explored = explore(
        || prepared(&[("a", 2), ("b", 2)], &[("r", &[("a", 1), ("b", 1)])]),
        &[|store| commit(store, "r"), |store| release(store, "r"), expire],
        1,
        adds_up,
        |store, ends| {
            let (a, b) = (left(store, "a"), left(store, "b"));
            assert_eq!(a, b, "all lines have the same result");
            let sold = status(store, "r") == ReservationStatus::Committed;
            assert_eq!(a, if sold { (1, 0, 1) } else { (2, 0, 0) });
            assert!(ends[0] != End::Done(Ok(())) || sold, "a sale that was confirmed stays");
            assert!(ends[1] != End::Done(Ok(())) || !sold, "a release that was confirmed stays");
        },
    );
    assert!(explored.unwrap().states > 100);
}

#[test]
fn a_reserve_and_its_own_cancellation_leave_nothing_held() {
    let explored = explore(
        || prepared(&[("a", 2), ("b", 2)], &[]),
        &[|store| reserve(store, "r", &[("a", 2), ("b", 1)]), |store| release(store, "r")],
        1,
        adds_up,
        |store, ends| {
            if ends[1] == End::Done(Ok(())) {
                assert_eq!(status(store, "r"), ReservationStatus::Released);
            }
            assert_eq!((left(store, "a"), left(store, "b")), ((2, 0, 0), (2, 0, 0)));
        },
    );
    assert!(explored.unwrap().states > 30);
}

#[test]
fn the_same_reserve_twice_holds_once_and_is_never_refused() {
    let explored = explore(
        || prepared(&[("a", 2)], &[]),
        &[|store| reserve(store, "r", &[("a", 2)]), |store| reserve(store, "r", &[("a", 2)])],
        1,
        adds_up,
        |store, ends| {
            let refused =
                |end: &End<Outcome>| matches!(end, End::Done(Err(Refusal::OutOfStock(_))));
            assert!(!ends.iter().any(refused), "it does not compete with itself: {ends:?}");
            let inventory = Inventory::new(store.clone());
            if run(inventory.reserve("r", &lines(&[("a", 2)]), TTL, 0)).is_ok() {
                run(inventory.commit("r", 0)).unwrap();
                assert_eq!(left(store, "a"), (0, 0, 2));
            } else {
                panic!("a repetition always succeeds: {ends:?}");
            }
        },
    );
    assert!(explored.unwrap().states > 50);
}

#[test]
fn reservations_in_opposite_order_do_not_block_each_other() {
    let explored = explore(
        || prepared(&[("a", 1), ("b", 1)], &[]),
        &[
            |store| reserve(store, "r", &[("a", 1), ("b", 1)]),
            |store| reserve(store, "s", &[("b", 1), ("a", 1)]),
        ],
        0,
        adds_up,
        |store, ends| {
            let got = ends.iter().filter(|end| **end == End::Done(Ok(()))).count();
            assert_eq!(got, 1, "{ends:?}");
            assert_eq!((left(store, "a"), left(store, "b")), ((1, 0, 0), (1, 0, 0)));
        },
    );
    assert!(explored.unwrap().states > 50);
}

#[test]
fn concurrent_and_interrupted_returns_of_a_sale_count_once() {
    let prepare = || {
        let store = prepared(&[("a", 3)], &[("r", &[("a", 1)]), ("other", &[("a", 1)])]);
        let inventory = Inventory::new(store.clone());
        run(inventory.commit("r", 0)).unwrap();
        run(inventory.commit("other", 0)).unwrap();
        store
    };
    let explored = explore(
        prepare,
        &[|store| take_back(store, "r"), |store| take_back(store, "r"), expire],
        1,
        adds_up,
        |store, _| {
            // Interrupted calls are repeated.
            run(Inventory::new(store.clone()).take_back("r", 0)).unwrap();
            assert_eq!(left(store, "a"), (2, 0, 1));
        },
    );
    assert!(explored.unwrap().states > 100);
}
