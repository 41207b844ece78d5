#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use chassis::store::{FailingStore, MemoryStore};

use super::*;
use crate::domain::{GUEST_EMPTY_TTL_MS, GUEST_TTL_MS, MERGED_KEPT_MS};
use crate::ports::Product;

const BEGUN_MS: u64 = 1_800_000_000_000;
const DAY_MS: u64 = 86_400_000;

fn begun() -> u64 {
    BEGUN_MS
}

fn two_days_later() -> u64 {
    BEGUN_MS + 2 * MERGED_KEPT_MS
}

fn when_unchanged_ones_are_over() -> u64 {
    BEGUN_MS + GUEST_TTL_MS + 2 * DAY_MS
}

fn when_all_are_over() -> u64 {
    BEGUN_MS + 2 * GUEST_TTL_MS + 4 * DAY_MS
}

/// Everything is for sale.
#[derive(Clone)]
struct Shelf;

impl Products for Shelf {
    async fn get_many(&self, skus: Vec<String>) -> Result<Vec<Product>, Unavailable> {
        let product = |sku: String| Product {
            name: sku.clone(),
            price: chassis::money::Money::new(1, "EUR"),
            sku,
        };
        Ok(skus.into_iter().map(product).collect())
    }
}

fn carts<S: Store>(store: S, now_ms: fn() -> u64) -> Carts<S, Shelf> {
    Carts::new(store, Shelf, now_ms)
}

/// A guest cart with an item.
async fn fill<S: Store>(store: &S, id: &str) {
    let carts = carts(store.clone(), begun);
    carts.begin(id).await.unwrap();
    carts.put_guest(id, "A-1", 1, None).await.unwrap();
}

/// The keys of guest carts in the store, without the sweep's progress and the census.
fn left(store: &MemoryStore) -> Vec<String> {
    let own = ["guest_sweep", "guest_census"];
    store.keys().into_iter().filter(|key| !own.contains(&key.as_str())).collect()
}

fn swept(looked_at: usize, deleted: usize, kept: usize) -> Swept {
    Swept { looked_at, deleted, kept }
}

#[tokio::test]
async fn abandoned_baskets_are_deleted_and_changed_ones_have_more_time() {
    let store = MemoryStore::new();
    for id in ["crt_1", "crt_2", "crt_3"] {
        fill(&store, id).await;
    }
    carts(store.clone(), two_days_later).put_guest("crt_2", "A-1", 2, None).await.unwrap();
    carts(store.clone(), two_days_later).merge("usr_1", "crt_3", None).await.unwrap();
    let early = carts(store.clone(), || BEGUN_MS + GUEST_EMPTY_TTL_MS).sweep().await;
    assert_eq!(early, Ok(swept(0, 0, 0)));

    let later = carts(store.clone(), when_unchanged_ones_are_over);
    assert_eq!(later.sweep().await, Ok(swept(3, 3, 0)));
    assert_eq!(left(&store), ["cart/usr_1"]);
}

#[tokio::test]
async fn a_basket_that_is_in_use_outlives_its_first_day() {
    let store = MemoryStore::new();
    fill(&store, "crt_1").await;
    let changed = carts(store.clone(), || BEGUN_MS + GUEST_TTL_MS - 1);
    changed.put_guest("crt_1", "A-1", 2, None).await.unwrap();

    let later = carts(store.clone(), when_unchanged_ones_are_over);
    assert_eq!(later.sweep().await, Ok(swept(1, 0, 1)));
    assert_eq!(later.view_guest("crt_1").await.unwrap().view.items[0].quantity, 2);
    assert_eq!(later.sweep().await, Ok(swept(0, 0, 0)));
    let last = carts(store.clone(), when_all_are_over);
    assert_eq!(last.sweep().await, Ok(swept(1, 1, 0)));
    assert_eq!(left(&store), Vec::<String>::new());
}

#[tokio::test]
async fn a_sweep_does_a_bounded_amount_and_the_next_goes_on() {
    let store = MemoryStore::new();
    for number in 0..=SWEEP_NOTES_MAX {
        carts(store.clone(), begun).begin(&format!("crt_{number}")).await.unwrap();
    }
    let later = carts(store.clone(), when_all_are_over);
    assert_eq!(later.sweep().await, Ok(swept(SWEEP_NOTES_MAX, SWEEP_NOTES_MAX, 0)));
    assert_eq!(later.sweep().await, Ok(swept(1, 1, 0)));
    assert_eq!(left(&store), Vec::<String>::new());
}

#[tokio::test]
async fn guest_carts_are_limited_and_a_sweep_frees_some() {
    let store = MemoryStore::new();
    let at = |now_ms: fn() -> u64| carts(store.clone(), now_ms).with_guest_carts_max(3);
    for id in ["crt_1", "crt_2", "crt_3"] {
        at(begun).begin(id).await.unwrap();
    }
    let full = Err(Error::GuestCartsFull { max: 3 });
    assert_eq!(at(begun).begin("crt_4").await, full);
    assert!(!store.keys().contains(&"guest/crt_4".to_owned()));
    // Existing carts can be used, and carts of users are not affected.
    at(begun).put_guest("crt_1", "A-1", 1, None).await.unwrap();
    at(begun).put("usr_1", "A-1", 1, None).await.unwrap();
    // A discarded cart counts until the sweep has passed its note.
    at(begun).discard_guest("crt_2", None).await.unwrap();
    assert_eq!(at(begun).begin("crt_4").await, full);

    let later = at(two_days_later);
    assert_eq!(later.sweep().await, Ok(swept(3, 1, 1)));
    for id in ["crt_4", "crt_5"] {
        later.begin(id).await.unwrap();
    }
    assert_eq!(later.begin("crt_6").await, full, "the one with something in it was kept");
}

#[tokio::test]
async fn the_census_drops_notes_that_a_crash_never_wrote() {
    for operations in 0..8 {
        let store = MemoryStore::new();
        let dying = carts(FailingStore::after(operations, store.clone()), begun);
        let _ = dying.begin("crt_1").await;
        carts(store.clone(), when_all_are_over).sweep().await.unwrap();
        let later = carts(store.clone(), when_all_are_over).with_guest_carts_max(1);
        later.begin("crt_2").await.unwrap();
        let full = later.begin("crt_3").await;
        assert_eq!(full, Err(Error::GuestCartsFull { max: 1 }), "after {operations} operations");
    }
}

#[tokio::test]
async fn a_value_that_can_not_be_read_does_not_keep_the_others() {
    let store = MemoryStore::new();
    for id in ["crt_1", "crt_2"] {
        carts(store.clone(), begun).begin(id).await.unwrap();
    }
    store.set("guest/crt_1", b"?").await.unwrap();
    let later = carts(store.clone(), when_all_are_over);
    assert_eq!(later.sweep().await, Ok(swept(2, 1, 0)));
    assert_eq!(left(&store), ["guest/crt_1"]);
}

#[tokio::test]
async fn wherever_a_beginning_or_a_sweep_is_cut_off_the_next_sweep_finds_all() {
    for operations in 0..40 {
        let store = MemoryStore::new();
        let dying = carts(FailingStore::after(operations, store.clone()), begun);
        let _ = dying.begin("crt_1").await;
        fill(&store, "crt_2").await;
        let changed = carts(store.clone(), || BEGUN_MS + GUEST_TTL_MS - 1);
        changed.put_guest("crt_2", "A-1", 3, None).await.unwrap();

        // The first sweeps go through all the empty days.
        let dying = FailingStore::after(operations + EMPTY_DAYS, store.clone());
        let _ = carts(dying, when_unchanged_ones_are_over).sweep().await;
        let between = carts(store.clone(), when_unchanged_ones_are_over);
        between.sweep().await.unwrap();
        assert!(between.view_guest("crt_2").await.is_ok(), "after {operations} operations");
        carts(store.clone(), when_all_are_over).sweep().await.unwrap();
        assert_eq!(left(&store), Vec::<String>::new(), "after {operations} operations");
    }
}

/// Days between the sweep's first and the one for which the first basket is noted.
const EMPTY_DAYS: usize = ((BEGUN_MS + GUEST_EMPTY_TTL_MS) / DAY_MS - 20_454) as usize;

#[tokio::test]
async fn a_basket_that_was_thrown_away_is_deleted_at_once() {
    let store = MemoryStore::new();
    let carts = carts(store.clone(), begun);
    carts.begin("crt_1").await.unwrap();
    carts.discard_guest("crt_1", None).await.unwrap();
    assert!(!store.keys().contains(&"guest/crt_1".to_owned()));
    let late = carts.put_guest("crt_1", "A-1", 1, None).await;
    assert_eq!(late.map(drop), Err(Error::Gone));
    assert_eq!(carts.merge("usr_1", "crt_1", None).await.map(drop), Err(Error::Gone));
    assert!(!store.keys().contains(&"guest/crt_1".to_owned()));
}

#[tokio::test]
async fn a_merge_that_was_cut_off_counts_once_even_if_repeated_after_the_inbox_forgot_it() {
    for operations in 0..20 {
        let store = MemoryStore::new();
        let steady = carts(store.clone(), begun);
        for id in ["crt_1", "crt_2"] {
            steady.begin(id).await.unwrap();
            steady.put_guest(id, "A-1", 2, None).await.unwrap();
        }
        let dying = carts(FailingStore::after(operations, store.clone()), begun);
        let ended = dying.merge("usr_1", "crt_1", None).await.is_ok();
        let later = carts(store.clone(), two_days_later);
        later.merge("usr_1", "crt_2", None).await.unwrap();
        let again = later.merge("usr_1", "crt_1", None).await.unwrap();
        assert_eq!(again.view.items[0].quantity, 4, "after {operations} operations");
        if ended {
            return;
        }
    }
    panic!("a merge takes more operations than expected");
}

/// A catalogue that counts questions, and is interrupted by another tab at the first of them.
#[derive(Clone)]
struct Interrupted {
    store: MemoryStore,
    questions: Arc<AtomicUsize>,
    other: Option<&'static str>,
}

impl Products for Interrupted {
    async fn get_many(&self, skus: Vec<String>) -> Result<Vec<Product>, Unavailable> {
        let first = self.questions.fetch_add(1, SeqCst) == 0;
        if let Some(other) = self.other.filter(|_| first) {
            let tab = carts(self.store.clone(), begun);
            tab.put("usr_1", other, 1, None).await.expect("put");
        }
        Shelf.get_many(skus).await
    }
}

#[tokio::test]
async fn the_catalogue_is_asked_once_unless_another_tab_was_at_it() {
    for (other, questions) in [(None, 1), (Some("A-1"), 1), (Some("C-3"), 2)] {
        let store = MemoryStore::new();
        carts(store.clone(), begun).put("usr_1", "A-1", 1, None).await.unwrap();
        let shelf = Interrupted { store: store.clone(), questions: Arc::default(), other };
        let view = Carts::new(store, shelf.clone(), begun).put("usr_1", "B-2", 2, None).await;
        let items = view.unwrap().items;
        assert!(items.iter().all(|item| item.price.is_some()), "{items:?}");
        assert_eq!(items.len(), 2 + usize::from(other == Some("C-3")));
        assert_eq!(shelf.questions.load(SeqCst), questions, "{other:?}");
    }
}

#[tokio::test]
async fn a_full_basket_takes_no_more_products_and_still_knows_the_unknown() {
    let carts = carts(MemoryStore::new(), begun);
    for number in 0..LINES_MAX {
        carts.put("usr_1", &format!("A-{number}"), 1, None).await.unwrap();
    }
    let full = carts.put("usr_1", "B-1", 1, None).await;
    assert_eq!(full, Err(Error::Refused(Refused::Full)));
    assert!(carts.put("usr_1", "A-7", 9, None).await.is_ok());
}
