//! Every order in which a few use cases can meet, with one of them dying anywhere.

use super::*;
use crate::domain::Standing;
use chassis::store::interleavings::{End, SteppedStore, at_once, explore};
use std::pin::Pin;

type Outcome = Result<(), Refusal>;
type Running = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// When reservations of these tests run out.
const OVER_MS: u64 = TTL;

fn now<R>(future: impl Future<Output = R>) -> R {
    at_once(future).unwrap()
}

/// A store with so many pieces, and reservations that are held of them.
fn prepared(skus: &[(&str, u32)], held: &[(&str, &[(&str, u32)])]) -> MemoryStore {
    let (store, inventory) = now(stocked(skus));
    for (id, wanted) in held {
        now(inventory.reserve(id, &lines(wanted), TTL, 0)).unwrap();
    }
    store
}

/// What must hold in every state: nothing is made, lost, or promised twice.
fn adds_up(store: &MemoryStore) {
    for book in now(Inventory::new(store.clone()).books(0, 100)).unwrap().entries {
        assert!(book.on_hand >= 0 && book.sold >= 0, "never promised twice: {book:?}");
        let reserved = i64::try_from(book.reserved).expect("few");
        assert_eq!(book.on_hand + reserved + book.sold, i64::from(book.received), "{book:?}");
        let claimed: u64 = book.claims.iter().map(|claim| u64::from(claim.quantity)).sum();
        assert_eq!(claimed, book.reserved, "{book:?}");
    }
}

/// On hand, reserved, sold, once all reservations are over.
fn left(store: &MemoryStore, sku: &str) -> (u32, u32, u32) {
    let inventory = Inventory::new(store.clone());
    now(inventory.sweep(OVER_MS)).unwrap();
    let figures = now(figures(&inventory, sku, OVER_MS));
    let book = now(inventory.books(0, 100)).unwrap().entries;
    assert!(book.iter().all(|book| book.claims.is_empty()), "nothing is held for ever: {book:?}");
    figures
}

fn standing(store: &MemoryStore, id: &str) -> Standing {
    let inventory = Inventory::new(store.clone());
    now(inventory.standings(&[id.to_owned()], OVER_MS)).unwrap()[0]
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

/// Asks what is left after the reservations ran out, which settles what is over.
fn look(store: SteppedStore) -> Running {
    Box::pin(async move { Inventory::new(store).levels("a", OVER_MS).await.map(drop) })
}

#[test]
fn two_buyers_of_the_last_piece_never_both_get_it() {
    for deaths in [0, 1] {
        let explored = explore(
            || prepared(&[("a", 1)], &[]),
            &[|store| buy(store, "r", &[("a", 1)]), |store| buy(store, "s", &[("a", 1)])],
            deaths,
            adds_up,
            |store, ends| {
                let told = ends.iter().filter(|end| **end == End::Done(Ok(()))).count();
                let (on_hand, _, sold) = left(store, "a");
                assert!(told <= sold as usize, "who was told that it is theirs has it");
                assert_eq!((on_hand, sold <= 1), (1 - sold, true));
                let died = ends.contains(&End::Died);
                assert!(died || told == 1, "the piece is not refused to both: {ends:?}");
            },
        );
        assert!(explored.unwrap().states > 100);
    }
}

#[test]
fn a_commit_a_release_and_the_expiry_agree_on_one_fate() {
    let explored = explore(
        || prepared(&[("a", 2), ("b", 2)], &[("r", &[("a", 1), ("b", 1)])]),
        &[|store| commit(store, "r"), |store| release(store, "r"), look],
        1,
        adds_up,
        |store, ends| {
            let (a, b) = (left(store, "a"), left(store, "b"));
            assert_eq!(a, b, "all lines share one fate");
            let sold = standing(store, "r") == Standing::Committed;
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
                assert_eq!(standing(store, "r"), Standing::Released);
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
            if now(inventory.reserve("r", &lines(&[("a", 2)]), TTL, 0)).is_ok() {
                now(inventory.commit("r", 0)).unwrap();
                assert_eq!(left(store, "a"), (0, 0, 2));
            } else {
                panic!("a repeat always gets through: {ends:?}");
            }
        },
    );
    assert!(explored.unwrap().states > 50);
}

#[test]
fn baskets_in_opposite_order_never_hold_each_other_up() {
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
fn a_sale_taken_back_twice_and_dying_on_the_way_counts_once() {
    let prepare = || {
        let store = prepared(&[("a", 3)], &[("r", &[("a", 1)]), ("other", &[("a", 1)])]);
        let inventory = Inventory::new(store.clone());
        now(inventory.commit("r", 0)).unwrap();
        now(inventory.commit("other", 0)).unwrap();
        store
    };
    let explored = explore(
        prepare,
        &[|store| take_back(store, "r"), |store| take_back(store, "r"), look],
        1,
        adds_up,
        |store, _| {
            // Whoever died on its way is repeated.
            now(Inventory::new(store.clone()).take_back("r", 0)).unwrap();
            assert_eq!(left(store, "a"), (2, 0, 1));
        },
    );
    assert!(explored.unwrap().states > 100);
}
