use chassis::events::Event;
use chassis::testing::{MemoryStore, ScriptedStore, run};
use proptest::prelude::*;

use super::*;
use crate::records::user_key;
use crate::testing::{NOON_MS, changed, confirmed, gone, removed, user_id};

fn skus(recommended: &[Recommended]) -> Vec<(&str, Reason)> {
    recommended.iter().map(|it| (it.product.sku.as_str(), it.reason)).collect()
}

async fn after(events: &[Event]) -> Recommendations<MemoryStore> {
    let recommendations = Recommendations::new(MemoryStore::new());
    for event in events {
        recommendations.receive(event, NOON_MS).await.unwrap();
    }
    recommendations
}

fn catalog(skus: &[&str]) -> Vec<Event> {
    skus.iter().map(|sku| changed(sku, 1, sku)).collect()
}

use Reason::{AlsoBought, New, Popular as Liked};

#[tokio::test]
async fn companions_come_first_then_popular_products_then_new_ones() {
    let mut events = catalog(&["CUP", "POT", "TEA", "ROD", "BAT"]);
    events.push(confirmed(1, 1, &["TEA", "POT"]));
    events.push(confirmed(2, 2, &["TEA", "POT", "CUP"]));
    events.push(confirmed(3, 3, &["ROD"]));
    let shop = after(&events).await;
    let tea = shop.also_bought("TEA", 10).await.unwrap();
    let expected = [("POT", AlsoBought), ("CUP", AlsoBought), ("ROD", Liked), ("BAT", New)];
    assert_eq!(skus(&tea), expected);
    assert_eq!(skus(&shop.also_bought("TEA", 1).await.unwrap()), expected[..1]);
    let unknown = shop.also_bought("NOTHING", 2).await.unwrap();
    assert_eq!(skus(&unknown), [("POT", Liked), ("TEA", Liked)]);
}

#[tokio::test]
async fn without_orders_new_products_are_recommended() {
    let shop = after(&[changed("OLD", 1, "Old"), changed("NEW", 2, "New")]).await;
    assert_eq!(skus(&shop.feed(None, 5).await.unwrap()), [("NEW", New), ("OLD", New)]);
    assert_eq!(skus(&after(&[]).await.feed(None, 5).await.unwrap()), []);
}

#[tokio::test]
async fn a_feed_follows_purchases_and_does_not_repeat_them() {
    let mut events = catalog(&["CUP", "POT", "TEA", "ROD", "BAT"]);
    events.push(confirmed(1, 1, &["TEA", "POT"]));
    events.push(confirmed(2, 2, &["TEA", "CUP"]));
    events.push(confirmed(3, 3, &["TEA", "CUP", "ROD"]));
    let shop = after(&events).await;
    let mine = shop.feed(Some(&user_id(1)), 10).await.unwrap();
    assert_eq!(skus(&mine), [("CUP", AlsoBought), ("ROD", AlsoBought), ("BAT", New)]);
    let visitor = shop.feed(None, 3).await.unwrap();
    assert_eq!(skus(&visitor), [("TEA", Liked), ("CUP", Liked), ("POT", Liked)]);
    assert_eq!(shop.feed(Some(&user_id(9)), 3).await.unwrap(), visitor, "no purchases yet");
}

#[tokio::test]
async fn purchases_are_erased_with_the_account() {
    let mut events = catalog(&["CUP", "POT", "TEA"]);
    events.push(confirmed(1, 1, &["TEA", "POT"]));
    events.push(confirmed(2, 2, &["TEA", "CUP"]));
    let shop = after(&events).await;
    let (visitor, other) =
        (shop.feed(None, 3).await.unwrap(), shop.feed(Some(&user_id(2)), 3).await.unwrap());
    for _ in 0..2 {
        shop.receive(&gone(1), NOON_MS).await.unwrap();
        assert_eq!(shop.feed(Some(&user_id(1)), 3).await.unwrap(), visitor);
    }
    assert_eq!(shop.feed(Some(&user_id(2)), 3).await.unwrap(), other);
    // An order in progress is paid: it is counted, but no purchases are stored.
    shop.receive(&confirmed(3, 1, &["CUP"]), NOON_MS).await.unwrap();
    assert_eq!(shop.feed(Some(&user_id(1)), 3).await.unwrap(), shop.feed(None, 3).await.unwrap());
    assert_eq!(shop.companions("CUP").await.unwrap().orders(), 2);
    let stored = shop.store.get(&user_key(&user_id(1))).await.unwrap();
    assert_eq!(stored.as_deref(), Some(&b"null"[..]));
    let mut broken = gone(1);
    broken.data = "{}".to_owned();
    assert!(matches!(shop.receive(&broken, NOON_MS).await, Err(Refused::Malformed(_))));
}

#[tokio::test]
async fn a_removed_product_is_not_recommended_and_a_late_event_does_not_restore_it() {
    let mut events = catalog(&["TEA", "POT", "CUP"]);
    events.push(confirmed(1, 1, &["TEA", "POT", "CUP"]));
    events.push(removed("POT", 2));
    events.push(changed("POT", 1, "Pot"));
    let shop = after(&events).await;
    assert_eq!(skus(&shop.also_bought("TEA", 9).await.unwrap()), [("CUP", AlsoBought)]);
    let status = shop.status().await.unwrap();
    assert_eq!((status.products, status.removed), (2, 1));
    shop.receive(&changed("POT", 3, "Pot"), NOON_MS).await.unwrap();
    assert_eq!(shop.also_bought("TEA", 9).await.unwrap().len(), 2, "it was added again");
}

#[tokio::test]
async fn the_copy_has_the_newest_name() {
    let shop = after(&[changed("TEA", 2, "Sencha"), changed("TEA", 1, "Green tea")]).await;
    assert_eq!(shop.feed(None, 1).await.unwrap()[0].product.name, "Sencha");
}

#[tokio::test]
async fn freshness_is_that_of_the_newest_event() {
    let shop = Recommendations::new(MemoryStore::new());
    assert_eq!(shop.status().await.unwrap().freshness, None);
    shop.receive(&confirmed(5, 1, &["TEA"]), NOON_MS + 5_250).await.unwrap();
    shop.receive(&confirmed(1, 1, &["TEA"]), NOON_MS + 9_000).await.unwrap();
    let freshness = shop.status().await.unwrap().freshness.unwrap();
    assert_eq!(freshness.received_at_ms - freshness.event_at_ms, 250);
}

#[tokio::test]
async fn unknown_events_are_ignored_and_invalid_ones_are_refused() {
    let store = MemoryStore::new();
    let shop = Recommendations::new(store.clone());
    let mut other = confirmed(1, 1, &["TEA"]);
    other.kind = "com.shop.orders.order.placed.v1".to_owned();
    assert_eq!(shop.receive(&other, NOON_MS).await, Ok(()));
    let good = [confirmed(1, 1, &["TEA"]), changed("TEA", 1, "Tea"), removed("TEA", 1)];
    for event in good {
        let mut broken = event.clone();
        broken.data = "{}".to_owned();
        assert!(matches!(shop.receive(&broken, NOON_MS).await, Err(Refused::Malformed(_))));
        let mut broken = event;
        broken.subject = Some("else".to_owned());
        assert!(matches!(shop.receive(&broken, NOON_MS).await, Err(Refused::Malformed(_))));
    }
    assert_eq!(store.keys(), Vec::<String>::new());
}

/// The values have forgotten the events by then.
#[tokio::test]
async fn a_replay_of_old_events_counts_nothing_twice() {
    let orders = chassis::inbox::INBOX_EVENTS_MAX as u64 + 10;
    let events: Vec<Event> = (0..orders).map(|n| confirmed(n, 1, &["TEA", "POT"])).collect();
    let shop = after(&events).await;
    for event in &events {
        shop.receive(event, NOON_MS).await.unwrap();
    }
    assert_eq!(shop.companions("TEA").await.unwrap().ranked(), [("POT", orders)]);
}

/// Everything that clients can read.
async fn picture(store: &MemoryStore) -> String {
    let shop = Recommendations::new(store.clone());
    let mut lines = Vec::new();
    for sku in SKUS {
        let companions = shop.companions(sku).await.unwrap();
        lines.push(format!("{sku} {} {:?}", companions.orders(), companions.ranked()));
        lines.push(format!("{:?}", shop.also_bought(sku, 20).await.unwrap()));
    }
    for user in 0..3 {
        lines.push(format!("{:?}", shop.feed(Some(&user_id(user)), 20).await.unwrap()));
    }
    lines.push(format!("{:?}", shop.status().await.unwrap()));
    lines.join("\n")
}

const SKUS: [&str; 5] = ["CUP", "POT", "TEA", "ROD", "BAT"];

fn story() -> impl Strategy<Value = Vec<Event>> {
    let baskets = prop::collection::vec((0..3_u64, prop::sample::subsequence(&SKUS, 1..5)), 1..6);
    let products = prop::collection::vec((prop::sample::select(&SKUS), any::<bool>()), 0..8);
    let leaving = prop::option::of(0..3_u64);
    (baskets, products, leaving).prop_map(|(baskets, products, leaving)| {
        let mut story: Vec<Event> = leaving.map(gone).into_iter().collect();
        for (number, (user, skus)) in baskets.into_iter().enumerate() {
            story.push(confirmed(number as u64, user, &skus));
        }
        for (index, (sku, stays)) in products.into_iter().enumerate() {
            let sequence = index as u64 + 1;
            story.push(if stays { changed(sku, sequence, sku) } else { removed(sku, sequence) });
        }
        story
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn duplicate_reordered_and_interrupted_deliveries_change_nothing(
        story in story(),
        moves in prop::collection::vec(
            (any::<usize>(), prop::option::of(0..30_usize), any::<bool>()),
            1..30,
        ),
    ) {
        run(async {
            let (straight, store) = (MemoryStore::new(), MemoryStore::new());
            for event in &story {
                Recommendations::new(straight.clone()).receive(event, NOON_MS).await.unwrap();
            }
            let mut open = story.clone();
            for (pick, grants, again) in moves {
                let Some(event) = open.get(pick % open.len().max(1)).cloned() else { break };
                let operations = grants.unwrap_or(usize::MAX);
                let failing = ScriptedStore::failing_after(operations, store.clone());
                let answer = Recommendations::new(failing).receive(&event, NOON_MS).await;
                if answer.is_ok() && !again {
                    open.remove(pick % open.len());
                }
            }
            for event in &open {
                Recommendations::new(store.clone()).receive(event, NOON_MS).await.unwrap();
            }
            assert_eq!(picture(&store).await, picture(&straight).await);
        });
    }
}
