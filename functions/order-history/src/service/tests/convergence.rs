//! In whatever order events arrive, the result is the same as if they had arrived one by one.

use std::collections::BTreeMap;

use chassis::testing::ScriptedStore;
use proptest::prelude::*;

use super::*;
use OrderEvent;

const LIVES: [&[&str]; 4] = [
    &["pending", "confirmed", "shipped", "delivered"],
    &["pending", "confirmed", "cancelled"],
    &["pending", "rejected"],
    &["pending"],
];

/// The events of a shop, in the order in which they happened.
pub(super) fn story() -> impl Strategy<Value = Vec<Event>> {
    let orders = prop::collection::vec((0..LIVES.len(), 0..3_u64, 0..3_u64), 1..6);
    let names = prop::collection::vec((0..3_u64, 1..4_u64), 0..4);
    (orders, names, any::<u64>()).prop_map(|(orders, names, seed)| {
        let mut lives: Vec<Vec<Event>> = Vec::new();
        for (number, (life, user, day)) in orders.into_iter().enumerate() {
            let order = |(index, status): (usize, &&'static str)| {
                let (number, sequence) = (number as u64, index as u64 + 1);
                OrderEvent { number, user, day, sequence, status }.event()
            };
            lives.push(LIVES[life].iter().enumerate().map(order).collect());
        }
        for (user, count) in names {
            let name = |sequence| named(user, sequence, &format!("Name {sequence}"));
            lives.push((1..=count).map(name).collect());
        }
        interleave(lives, seed)
    })
}

fn interleave(mut lives: Vec<Vec<Event>>, mut seed: u64) -> Vec<Event> {
    let mut story = Vec::new();
    while lives.iter().any(|life| !life.is_empty()) {
        lives.retain(|life| !life.is_empty());
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let index = (seed >> 33) as usize % lives.len();
        story.push(lives[index].remove(0));
    }
    story
}

pub(super) async fn straight(story: &[Event]) -> BTreeMap<String, String> {
    let (history, store, ..) = history();
    for event in story {
        history.receive(event).await.unwrap();
    }
    dump(&store, 1).await
}

pub(super) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// Delivers pending events in any order, with a store that fails after a number of operations, until
/// all of them are acknowledged. Some events are delivered again after that.
async fn deliver(store: &MemoryStore, story: &[Event], moves: &[(usize, Option<usize>, bool)]) {
    let mut open: Vec<Event> = story.to_vec();
    let mut moves = moves.iter().cycle();
    // Some deliveries do not fail, so that every story ends.
    for turn in 0_usize.. {
        if open.is_empty() {
            return;
        }
        assert!(turn < 20_000, "it never ends");
        let (pick, grants, again) = *moves.next().unwrap();
        let (index, grants) = match turn % 3 {
            0 => (turn / 3 % open.len(), usize::MAX),
            _ => (pick % open.len(), grants.unwrap_or(usize::MAX)),
        };
        let failing = ScriptedStore::failing_after(grants, store.clone());
        let attempt = OrderHistory::new(failing, TestLog::default(), clock(0));
        let answer = attempt.receive(&open[index]).await;
        if answer.is_ok() && !(again && turn % 3 != 0) {
            open.remove(index);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn duplicates_disorder_and_crashes_end_in_the_same_bytes(
        story in story(),
        moves in prop::collection::vec(
            (any::<usize>(), prop::option::of(0..14_usize), any::<bool>()),
            1..40,
        ),
    ) {
        block_on(async {
            let store = MemoryStore::new();
            deliver(&store, &story, &moves).await;
            assert_eq!(dump(&store, 1).await, straight(&story).await);
        });
    }
}
