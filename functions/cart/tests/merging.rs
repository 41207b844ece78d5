//! However requests overlap, and whenever the power goes off: each guest's cart is counted
//! once, and no change that was acknowledged is lost.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use cart::domain::{Line, QUANTITY_MAX, Refused};
use cart::ports::{Product, Products, Unavailable};
use cart::service::{Carts, Error};
use chassis::money::Money;
use chassis::store::{FailingStore, MemoryStore, Store, StoreError};
use proptest::prelude::*;

fn now_ms() -> u64 {
    1_800_000_000_000
}

/// Everything is for sale.
#[derive(Clone)]
struct Shelf;

impl Products for Shelf {
    async fn get_many(&self, skus: Vec<String>) -> Result<Vec<Product>, Unavailable> {
        let price = Money::new(1, "EUR");
        Ok(skus
            .into_iter()
            .map(|sku| Product { name: sku.clone(), price: price.clone(), sku })
            .collect())
    }
}

/// Lets others go first before each operation, as often as the plan says: overlaps as data.
#[derive(Clone)]
struct Overlapping<S> {
    inner: S,
    plan: Arc<Vec<u8>>,
    at: Arc<AtomicUsize>,
}

impl<S> Overlapping<S> {
    async fn wait(&self) {
        let at = self.at.fetch_add(1, Ordering::Relaxed);
        let turns = self.plan.get(at % self.plan.len().max(1)).copied().unwrap_or(0);
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
    }
}

impl<S: Store> Store for Overlapping<S> {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.wait().await;
        self.inner.get(key).await
    }
    async fn set(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.wait().await;
        self.inner.set(key, value).await
    }
    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.wait().await;
        self.inner.delete(key).await
    }
    async fn increment(&self, key: &str, delta: i64) -> Result<i64, StoreError> {
        self.wait().await;
        self.inner.increment(key, delta).await
    }
    async fn compare_and_swap(
        &self,
        key: &str,
        expected: Option<&[u8]>,
        new: &[u8],
    ) -> Result<bool, StoreError> {
        self.wait().await;
        self.inner.compare_and_swap(key, expected, new).await
    }
}

const GUESTS: usize = 3;
const USERS: [&str; 2] = ["usr_1", "usr_2"];
/// In every guest's cart.
const SHARED: &str = "S-1";

#[derive(Clone, Debug)]
enum Request {
    /// A guest's cart goes into a user's.
    Merge { guest: usize, user: usize },
    /// A guest changes how many pieces there are of the cart's own product.
    Put { guest: usize, quantity: u32 },
}

#[derive(Clone, Debug)]
struct Case {
    /// Pieces of the shared product in each guest's cart.
    shared: Vec<u32>,
    /// Requests, each with the operations after which its power goes off.
    requests: Vec<(Request, Option<usize>)>,
    plan: Vec<u8>,
}

fn cases() -> impl Strategy<Value = Case> {
    let merge = (0..GUESTS, prop_oneof![3 => Just(0_usize), 1 => Just(1)])
        .prop_map(|(guest, user)| Request::Merge { guest, user });
    let put = (0..GUESTS, 2..9_u32).prop_map(|(guest, quantity)| Request::Put { guest, quantity });
    let power = prop_oneof![1 => Just(None), 1 => (0..9_usize).prop_map(Some)];
    (
        prop::collection::vec(prop_oneof![1..5_u32, 400..700_u32], GUESTS),
        prop::collection::vec((prop_oneof![3 => merge, 1 => put], power), 1..12),
        prop::collection::vec(0..6_u8, 1..64),
    )
        .prop_map(|(shared, requests, plan)| Case { shared, requests, plan })
}

fn guest_id(guest: usize) -> String {
    format!("crt_{guest}")
}

fn own_sku(guest: usize) -> String {
    format!("G-{guest}")
}

/// What callers were told about the puts of each guest's own product.
type Told = BTreeMap<usize, Vec<Put>>;
/// So many pieces, and how that was answered.
type Put = (u32, Result<(), Error>);

async fn run(case: Case) {
    let disk = MemoryStore::new();
    let steady = Carts::new(disk.clone(), Shelf, now_ms);
    for guest in 0..GUESTS {
        steady.begin(&guest_id(guest)).await.unwrap();
        let lines = vec![line(&own_sku(guest), 1), line(SHARED, case.shared[guest])];
        steady.replace_guest(&guest_id(guest), lines, None).await.unwrap();
    }
    let (plan, at) = (Arc::new(case.plan), Arc::new(AtomicUsize::new(0)));
    let told = Arc::new(Mutex::new(Told::new()));
    let mut tasks = Vec::new();
    for (request, power) in case.requests.clone() {
        let dying = FailingStore::after(power.unwrap_or(usize::MAX), disk.clone());
        let store = Overlapping { inner: dying, plan: plan.clone(), at: at.clone() };
        let (carts, told) = (Carts::new(store, Shelf, now_ms), told.clone());
        tasks.push(tokio::spawn(async move {
            match request {
                Request::Merge { guest, user } => {
                    let _ = carts.merge(USERS[user], &guest_id(guest), None).await;
                }
                Request::Put { guest, quantity } => {
                    let (id, sku) = (guest_id(guest), own_sku(guest));
                    let put = carts.put_guest(&id, &sku, quantity, None).await.map(drop);
                    told.lock().unwrap().entry(guest).or_default().push((quantity, put));
                }
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    // Whoever did not get an answer asks again.
    let mut merged_into = BTreeMap::<usize, Vec<usize>>::new();
    for (request, _) in case.requests {
        let Request::Merge { guest, user } = request else { continue };
        match steady.merge(USERS[user], &guest_id(guest), None).await {
            Ok(_) => merged_into.entry(guest).or_default().push(user),
            Err(error) => assert_eq!(error, Error::Gone),
        }
    }
    let told = told.lock().unwrap().clone();
    check(&steady, &case.shared, &merged_into, &told).await;
}

fn line(sku: &str, quantity: u32) -> Line {
    Line { sku: sku.to_owned(), quantity }
}

async fn check(
    carts: &Carts<MemoryStore, Shelf>,
    shared: &[u32],
    merged_into: &BTreeMap<usize, Vec<usize>>,
    told: &Told,
) {
    for (user, name) in USERS.iter().enumerate() {
        let cart = carts.get(name).await.unwrap();
        let pieces = |sku: &str| {
            cart.lines.iter().find(|line| line.sku == sku).map_or(0, |line| line.quantity)
        };
        let mut expected = 0;
        for (guest, shared) in shared.iter().enumerate() {
            let own = pieces(&own_sku(guest));
            if merged_into.get(&guest).is_some_and(|users| users.contains(&user)) {
                expected += shared;
                assert!(possible(told.get(&guest)).contains(&own), "{own} of guest {guest}");
            } else {
                assert_eq!(own, 0, "guest {guest} went somewhere else");
            }
        }
        assert_eq!(pieces(SHARED), expected.min(QUANTITY_MAX));
    }
    for (guest, users) in merged_into {
        assert!(users.windows(2).all(|pair| pair[0] == pair[1]), "guest {guest} in two carts");
        let gone = carts.view_guest(&guest_id(*guest)).await;
        assert_eq!(gone.map(drop), Err(Error::Gone));
    }
}

/// What may be in a cart after these answers: an acknowledged change is there unless a later
/// one replaced it, one whose answer was lost may be, one that was refused is not.
fn possible(told: Option<&Vec<Put>>) -> Vec<u32> {
    let told = told.map(Vec::as_slice).unwrap_or_default();
    let acknowledged = told.iter().any(|(_, answer)| answer.is_ok());
    let maybe = told.iter().filter(|(_, answer)| *answer != Err(Error::Gone));
    let mut possible: Vec<u32> = maybe.map(|(quantity, _)| *quantity).collect();
    if !acknowledged {
        possible.push(1);
    }
    possible
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]
    #[test]
    fn each_guests_cart_is_counted_once(case in cases()) {
        block_on(run(case));
    }

    #[test]
    fn of_many_changes_to_one_version_one_wins(
        plan in prop::collection::vec(0..6_u8, 1..64),
        writers in 2..12_u32,
        rounds in 1..4_u64,
    ) {
        block_on(async {
            let inner = MemoryStore::new();
            Carts::new(inner.clone(), Shelf, now_ms).put("usr_1", "A-1", 99, None).await.unwrap();
            let at = Arc::new(AtomicUsize::new(0));
            let store = Overlapping { inner, plan: Arc::new(plan), at };
            let carts = Carts::new(store, Shelf, now_ms);
            for version in 1..=rounds {
                let tasks: Vec<_> = (0..writers).map(|writer| {
                    let carts = carts.clone();
                    tokio::spawn(async move {
                        let quantity = u32::try_from(version).unwrap() * 20 + writer;
                        carts.put("usr_1", "A-1", quantity, Some(&[version])).await
                    })
                }).collect();
                let mut won = 0;
                for task in tasks {
                    match task.await.unwrap() {
                        Ok(view) => { won += 1; assert_eq!(view.version, version + 1); }
                        Err(error) => {
                            let changed = Refused::Changed { version: version + 1 };
                            assert_eq!(error, Error::Refused(changed));
                        }
                    }
                }
                assert_eq!(won, 1);
            }
        });
    }
}

#[tokio::test]
async fn the_power_may_go_off_at_any_moment_of_a_merge() {
    for operations in 0..40 {
        let disk = MemoryStore::new();
        let steady = Carts::new(disk.clone(), Shelf, now_ms);
        steady.put("usr_1", "A-1", 1, None).await.unwrap();
        steady.begin("crt_1").await.unwrap();
        steady.put_guest("crt_1", "A-1", 2, None).await.unwrap();
        let dying = Carts::new(FailingStore::after(operations, disk), Shelf, now_ms);
        let ended = dying.merge("usr_1", "crt_1", None).await.is_ok();
        let merged = steady.merge("usr_1", "crt_1", None).await.unwrap();
        assert_eq!(merged.view.items[0].quantity, 3, "after {operations} operations");
        if ended {
            return;
        }
    }
    panic!("a merge takes more operations than expected");
}
