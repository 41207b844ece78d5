//! However requests overlap, and whenever they crash: each guest cart is merged once, and no
//! acknowledged change is lost.

use std::collections::BTreeMap;
use std::sync::Mutex;

use chassis::testing::yield_once;
use proptest::prelude::*;
use tokio::task::JoinSet;

use super::*;
use crate::domain::{Line, QUANTITY_MAX};

/// A store that lets other tasks run before each operation, as often as the plan says.
fn overlapping<S: Store>(inner: S, plan: &Arc<Vec<u8>>, at: &Arc<AtomicUsize>) -> ScriptedStore<S> {
    let (plan, at) = (plan.clone(), at.clone());
    ScriptedStore::new(inner).before(move |_, _| {
        let at = at.fetch_add(1, SeqCst);
        let turns = plan.get(at % plan.len().max(1)).copied().unwrap_or(0);
        async move {
            for _ in 0..turns {
                yield_once().await;
            }
            Ok(())
        }
    })
}

const GUESTS: usize = 3;
const USERS: [&str; 2] = ["usr_1", "usr_2"];
const GONE: Error = Error::Refused(Refused::Gone);
/// In each guest cart.
const SHARED: &str = "SKU-S";

#[derive(Clone, Debug)]
enum Request {
    /// Merges a guest cart into a user's cart.
    Merge { guest: usize, user: usize },
    /// Changes the quantity of the product that only this guest cart has.
    Put { guest: usize, quantity: u32 },
}

#[derive(Clone, Debug)]
struct Case {
    /// The quantity of the shared product in each guest cart.
    shared: Vec<u32>,
    /// Requests, each with the number of operations after which it crashes.
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
    format!("SKU-{guest}")
}

/// The changes of the product of each guest.
type Puts = BTreeMap<usize, Vec<Put>>;
/// A quantity, and the result of the request.
type Put = (u32, Result<(), Error>);

async fn play(case: Case) {
    let disk = MemoryStore::new();
    let steady = carts(&disk, NOW_MS);
    for guest in 0..GUESTS {
        steady.begin(&guest_id(guest)).await.unwrap();
        let lines = vec![line(&own_sku(guest), 1), line(SHARED, case.shared[guest])];
        steady.replace(&guest_id(guest), lines, &IfMatch::Any).await.unwrap();
    }
    let (plan, at) = (Arc::new(case.plan), Arc::new(AtomicUsize::new(0)));
    let puts = Arc::new(Mutex::new(Puts::new()));
    let mut tasks = JoinSet::new();
    for (request, power) in case.requests.clone() {
        let dying = ScriptedStore::failing_after(power.unwrap_or(usize::MAX), disk.clone());
        let (carts, puts) = (carts(&overlapping(dying, &plan, &at), NOW_MS), puts.clone());
        tasks.spawn(async move {
            match request {
                Request::Merge { guest, user } => {
                    let _ = carts.merge(USERS[user], &guest_id(guest), &IfMatch::Any).await;
                }
                Request::Put { guest, quantity } => {
                    let (id, sku) = (super::guest(&guest_id(guest)), own_sku(guest));
                    let put = carts.put(&id, &sku, quantity, &IfMatch::Any).await.map(drop);
                    puts.lock().unwrap().entry(guest).or_default().push((quantity, put));
                }
            }
        });
    }
    tasks.join_all().await;
    // Requests without a response are repeated.
    let mut merged_into = BTreeMap::<usize, Vec<usize>>::new();
    for (request, _) in case.requests {
        let Request::Merge { guest, user } = request else { continue };
        match steady.merge(USERS[user], &guest_id(guest), &IfMatch::Any).await {
            Ok(_) => merged_into.entry(guest).or_default().push(user),
            Err(error) => assert_eq!(error, GONE),
        }
    }
    let puts = puts.lock().unwrap().clone();
    check(&steady, &case.shared, &merged_into, &puts).await;
}

fn line(sku: &str, quantity: u32) -> Line {
    Line { sku: sku.to_owned(), quantity }
}

async fn check(
    carts: &Carts<MemoryStore, Shelf, ManualClock>,
    shared: &[u32],
    merged_into: &BTreeMap<usize, Vec<usize>>,
    puts: &Puts,
) {
    for (user, name) in USERS.iter().enumerate() {
        let cart = carts.get(name).await.unwrap();
        let quantity = |sku: &str| {
            cart.lines.iter().find(|line| line.sku == sku).map_or(0, |line| line.quantity)
        };
        let mut expected = 0;
        for (guest, shared) in shared.iter().enumerate() {
            let own = quantity(&own_sku(guest));
            if merged_into.get(&guest).is_some_and(|users| users.contains(&user)) {
                expected += shared;
                assert!(possible(puts.get(&guest)).contains(&own), "{own} of guest {guest}");
            } else {
                assert_eq!(own, 0, "guest {guest} was merged into another cart");
            }
        }
        assert_eq!(quantity(SHARED), expected.min(QUANTITY_MAX));
    }
    for (guest, users) in merged_into {
        assert!(users.windows(2).all(|pair| pair[0] == pair[1]), "guest {guest} in two carts");
        let gone = carts.view(&super::guest(&guest_id(*guest))).await;
        assert_eq!(gone.map(drop), Err(GONE));
    }
}

/// The possible quantities after these changes: that of any acknowledged or failed change, but not
/// of a refused one.
fn possible(puts: Option<&Vec<Put>>) -> Vec<u32> {
    let puts = puts.map(Vec::as_slice).unwrap_or_default();
    let acknowledged = puts.iter().any(|(_, result)| result.is_ok());
    let maybe = puts.iter().filter(|(_, result)| *result != Err(GONE));
    let mut possible: Vec<u32> = maybe.map(|(quantity, _)| *quantity).collect();
    if !acknowledged {
        possible.push(1);
    }
    possible
}

fn tag(version: u64) -> IfMatch {
    IfMatch::Tags(vec![chassis::http::version_tag(version)])
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]
    #[test]
    fn each_guest_cart_is_merged_once(case in cases()) {
        block_on(play(case));
    }

    #[test]
    fn of_concurrent_changes_of_one_version_one_succeeds(
        plan in prop::collection::vec(0..6_u8, 1..64),
        writers in 2..12_u32,
        rounds in 1..4_u64,
    ) {
        block_on(async {
            let inner = MemoryStore::new();
            carts(&inner, NOW_MS).set(&user("usr_1"), 99).await.unwrap();
            let at = Arc::new(AtomicUsize::new(0));
            let carts = carts(&overlapping(inner, &Arc::new(plan), &at), NOW_MS);
            for version in 1..=rounds {
                let put = |writer| {
                    let carts = carts.clone();
                    let quantity = u32::try_from(version).unwrap() * 20 + writer;
                    async move {
                        let id = user("usr_1");
                        let shown = carts.put(&id, "SKU-1", quantity, &tag(version)).await;
                        shown.map(|shown| shown.cart.version)
                    }
                };
                let tasks = (0..writers).map(put).collect::<JoinSet<_>>();
                let (won, lost): (Vec<_>, Vec<_>) =
                    tasks.join_all().await.into_iter().partition(Result::is_ok);
                assert_eq!(won, [Ok(version + 1)]);
                let changed = Err(Error::Refused(Refused::Changed { version: version + 1 }));
                assert!(lost.iter().all(|result| *result == changed), "{lost:?}");
            }
        });
    }
}
