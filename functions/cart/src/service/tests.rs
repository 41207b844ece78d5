mod merging;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use chassis::testing::{ManualClock, MemoryStore, ScriptedStore};

use super::*;
use crate::domain::{GUEST_EMPTY_TTL_MS, GUEST_TTL_MS, MERGED_KEPT_MS};
use crate::testing::{NOW_MS, Shelf, shelf_at};

const DAY_MS: u64 = 86_400_000;
const TWO_DAYS_LATER: u64 = NOW_MS + 2 * MERGED_KEPT_MS;
/// Unchanged carts have expired.
const WEEK_LATER: u64 = NOW_MS + GUEST_TTL_MS + 2 * DAY_MS;
/// All carts have expired.
const MUCH_LATER: u64 = NOW_MS + 2 * GUEST_TTL_MS + 4 * DAY_MS;

fn carts<S: Store>(store: &S, now_ms: u64) -> Carts<S, Shelf, ManualClock> {
    Carts::new(store.clone(), shelf_at(1), ManualClock::new(now_ms))
}

fn guest(id: &str) -> CartId {
    CartId::Guest(id.to_owned())
}

fn user(id: &str) -> CartId {
    CartId::User(id.to_owned())
}

impl<S: Store> Carts<S, Shelf, ManualClock> {
    /// Sets the quantity of the product `SKU-1`.
    async fn set(&self, id: &CartId, quantity: u32) -> Result<ShownCart, Error> {
        self.put(id, "SKU-1", quantity, &IfMatch::Any).await
    }

    /// Creates a guest cart with an item.
    async fn fill(&self, id: &str) {
        self.begin(id).await.unwrap();
        self.set(&guest(id), 1).await.unwrap();
    }
}

/// The keys in the store, without the sweep's progress and the census.
fn left(store: &MemoryStore) -> Vec<String> {
    let own = ["guest_sweep", "guest_census"];
    store.keys().into_iter().filter(|key| !own.contains(&key.as_str())).collect()
}

fn swept(looked_at: usize, deleted: usize, kept: usize) -> Swept {
    Swept { looked_at, deleted, kept }
}

#[tokio::test]
async fn expired_carts_are_deleted() {
    let store = MemoryStore::new();
    for id in ["crt_1", "crt_2", "crt_3"] {
        carts(&store, NOW_MS).fill(id).await;
    }
    carts(&store, TWO_DAYS_LATER).set(&guest("crt_2"), 2).await.unwrap();
    carts(&store, TWO_DAYS_LATER).merge("usr_1", "crt_3", &IfMatch::Any).await.unwrap();
    let early = carts(&store, NOW_MS + GUEST_EMPTY_TTL_MS).sweep().await;
    assert_eq!(early, Ok(swept(0, 0, 0)));
    assert_eq!(carts(&store, WEEK_LATER).sweep().await, Ok(swept(3, 3, 0)));
    assert_eq!(left(&store), ["cart/usr_1"]);
}

#[tokio::test]
async fn a_cart_that_was_changed_is_kept() {
    let store = MemoryStore::new();
    carts(&store, NOW_MS).fill("crt_1").await;
    carts(&store, NOW_MS + GUEST_TTL_MS - 1).set(&guest("crt_1"), 2).await.unwrap();

    let later = carts(&store, WEEK_LATER);
    assert_eq!(later.sweep().await, Ok(swept(1, 0, 1)));
    assert_eq!(later.view(&guest("crt_1")).await.unwrap().cart.items[0].quantity, 2);
    assert_eq!(later.sweep().await, Ok(swept(0, 0, 0)));
    assert_eq!(carts(&store, MUCH_LATER).sweep().await, Ok(swept(1, 1, 0)));
    assert_eq!(left(&store), Vec::<String>::new());
}

#[tokio::test]
async fn a_sweep_is_bounded_and_the_next_one_continues() {
    let store = MemoryStore::new();
    for number in 0..=SWEEP_NOTES_MAX {
        carts(&store, NOW_MS).begin(&format!("crt_{number}")).await.unwrap();
    }
    let later = carts(&store, MUCH_LATER);
    assert_eq!(later.sweep().await, Ok(swept(SWEEP_NOTES_MAX, SWEEP_NOTES_MAX, 0)));
    assert_eq!(later.sweep().await, Ok(swept(1, 1, 0)));
    assert_eq!(left(&store), Vec::<String>::new());
}

#[tokio::test]
async fn the_number_of_guest_carts_is_limited_until_a_sweep_deletes_some() {
    let store = MemoryStore::new();
    let now = carts(&store, NOW_MS).with_guest_carts_max(3);
    for id in ["crt_1", "crt_2", "crt_3"] {
        now.begin(id).await.unwrap();
    }
    let full = Err(Error::GuestCartsFull { max: 3 });
    assert_eq!(now.begin("crt_4").await, full);
    assert!(!store.keys().contains(&"guest/crt_4".to_owned()));
    // Existing carts can be used, and carts of users are not affected.
    now.set(&guest("crt_1"), 1).await.unwrap();
    now.set(&user("usr_1"), 1).await.unwrap();
    // A deleted cart counts until the sweep has passed its note.
    now.discard("crt_2", &IfMatch::Any).await.unwrap();
    assert_eq!(now.begin("crt_4").await, full);

    let later = carts(&store, TWO_DAYS_LATER).with_guest_carts_max(3);
    assert_eq!(later.sweep().await, Ok(swept(3, 1, 1)));
    for id in ["crt_4", "crt_5"] {
        later.begin(id).await.unwrap();
    }
    assert_eq!(later.begin("crt_6").await, full, "the one with an item was kept");
}

#[tokio::test]
async fn notes_that_a_crash_did_not_write_do_not_count_forever() {
    for operations in 0..8 {
        let store = MemoryStore::new();
        let dying = carts(&ScriptedStore::failing_after(operations, store.clone()), NOW_MS);
        let _ = dying.begin("crt_1").await;
        carts(&store, MUCH_LATER).sweep().await.unwrap();
        let later = carts(&store, MUCH_LATER).with_guest_carts_max(1);
        later.begin("crt_2").await.unwrap();
        let full = later.begin("crt_3").await;
        assert_eq!(full, Err(Error::GuestCartsFull { max: 1 }), "after {operations} operations");
    }
}

#[tokio::test]
async fn an_unreadable_value_does_not_stop_the_sweep() {
    let store = MemoryStore::new();
    for id in ["crt_1", "crt_2"] {
        carts(&store, NOW_MS).begin(id).await.unwrap();
    }
    store.set("guest/crt_1", b"?").await.unwrap();
    assert_eq!(carts(&store, MUCH_LATER).sweep().await, Ok(swept(2, 1, 0)));
    assert_eq!(left(&store), ["guest/crt_1"]);
}

#[tokio::test]
async fn after_a_crash_at_any_step_the_next_sweep_deletes_all_expired_carts() {
    for operations in 0..40 {
        let store = MemoryStore::new();
        let dying = carts(&ScriptedStore::failing_after(operations, store.clone()), NOW_MS);
        let _ = dying.begin("crt_1").await;
        carts(&store, NOW_MS).fill("crt_2").await;
        carts(&store, NOW_MS + GUEST_TTL_MS - 1).set(&guest("crt_2"), 3).await.unwrap();

        // The first sweeps go through all the empty days.
        let dying = ScriptedStore::failing_after(operations + EMPTY_DAYS, store.clone());
        let _ = carts(&dying, WEEK_LATER).sweep().await;
        let between = carts(&store, WEEK_LATER);
        between.sweep().await.unwrap();
        assert!(between.view(&guest("crt_2")).await.is_ok(), "after {operations} operations");
        carts(&store, MUCH_LATER).sweep().await.unwrap();
        assert_eq!(left(&store), Vec::<String>::new(), "after {operations} operations");
    }
}

/// The days before the one for which the first cart is noted.
const EMPTY_DAYS: usize = ((NOW_MS + GUEST_EMPTY_TTL_MS) / DAY_MS - 20_454) as usize;

#[tokio::test]
async fn after_a_crash_at_any_step_a_cart_is_merged_once_even_if_the_user_cart_forgot_it() {
    for operations in 0..20 {
        let store = MemoryStore::new();
        for id in ["crt_1", "crt_2"] {
            carts(&store, NOW_MS).fill(id).await;
        }
        let dying = carts(&ScriptedStore::failing_after(operations, store.clone()), NOW_MS);
        let ended = dying.merge("usr_1", "crt_1", &IfMatch::Any).await.is_ok();
        let later = carts(&store, TWO_DAYS_LATER);
        later.merge("usr_1", "crt_2", &IfMatch::Any).await.unwrap();
        let again = later.merge("usr_1", "crt_1", &IfMatch::Any).await.unwrap();
        assert_eq!(again.cart.items[0].quantity, 2, "after {operations} operations");
        if ended {
            return;
        }
    }
    panic!("a merge takes more operations than expected");
}

/// A catalog that counts calls. During the first, another request adds a product.
#[derive(Clone)]
struct Interrupted {
    store: MemoryStore,
    calls: Arc<AtomicUsize>,
    other: Option<&'static str>,
}

impl Products for Interrupted {
    async fn get_many(&self, skus: Vec<String>) -> Result<Vec<Product>, Unavailable> {
        let first = self.calls.fetch_add(1, SeqCst) == 0;
        if let Some(other) = self.other.filter(|_| first) {
            let other_tab = carts(&self.store, NOW_MS);
            other_tab.put(&user("usr_1"), other, 1, &IfMatch::Any).await.expect("put");
        }
        shelf_at(1).get_many(skus).await
    }
}

#[tokio::test]
async fn the_catalog_is_called_once_unless_a_concurrent_request_adds_a_product() {
    for (other, calls) in [(None, 1), (Some("SKU-1"), 1), (Some("SKU-3"), 2)] {
        let store = MemoryStore::new();
        carts(&store, NOW_MS).set(&user("usr_1"), 1).await.unwrap();
        let shelf = Interrupted { store: store.clone(), calls: Arc::default(), other };
        let carts = Carts::new(store, shelf.clone(), ManualClock::new(NOW_MS));
        let shown = carts.put(&user("usr_1"), "SKU-2", 2, &IfMatch::Any).await;
        let items = shown.unwrap().cart.items;
        assert!(items.iter().all(|item| item.price.is_some()), "{items:?}");
        assert_eq!(items.len(), 2 + usize::from(other == Some("SKU-3")));
        assert_eq!(shelf.calls.load(SeqCst), calls, "{other:?}");
    }
}
