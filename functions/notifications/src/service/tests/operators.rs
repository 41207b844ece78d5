use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use chassis::testing::Operation;

use super::*;

/// A shop with one mail that bounced.
async fn bounced(world: &World) -> (Shop, String) {
    let shop = world.shop();
    world.set_outcome(Outcome::Refused("no such mailbox".into()));
    let id = shop.notify(request("r")).await.unwrap();
    (shop, id)
}

async fn ids(shop: &Shop, queue: Queue) -> Vec<String> {
    let (page, next) = shop.queued(queue, None, 100).await.unwrap();
    assert_eq!(next, None);
    page.into_iter().map(|notification| notification.request_id).collect()
}

#[tokio::test]
async fn each_queue_has_the_waiting_messages_of_its_channel() {
    let world = World::new();
    let shop = world.shop();
    world.set_outcome(deferred());
    for request in [request("a"), push("b"), request("c")] {
        shop.notify(request).await.unwrap();
    }
    assert_eq!(ids(&shop, Queue::Email).await, ["a", "c"]);
    assert_eq!(ids(&shop, Queue::Push).await, ["b"]);
    assert!(ids(&shop, Queue::Failed).await.is_empty());
    let (first, next) = shop.queued(Queue::Email, None, 1).await.unwrap();
    assert_eq!(first[0].request_id, "a");
    let (second, end) = shop.queued(Queue::Email, next.as_deref(), 1).await.unwrap();
    assert_eq!((second[0].request_id.as_str(), end), ("c", None));
    world.set_outcome(delivered());
    shop.at(NOW + 60_000).sweep().await.unwrap();
    assert!(shop.entries(Queue::Email).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_repeated_replay_sends_one_message() {
    let world = World::new();
    let (shop, id) = bounced(&world).await;
    world.set_outcome(deferred());
    for _ in 0..3 {
        assert_eq!(shop.at(NOW + 1).replay(&id).await.unwrap(), Replay::Pending);
    }
    world.set_outcome(delivered());
    assert_eq!(shop.at(NOW + 60_000).attempts().await, 1);
    assert_eq!(shop.only().await.state.as_str(), "sent");
}

/// Until the message waits again, a sweep takes its entry for an obsolete one.
#[tokio::test]
async fn a_sweep_during_a_replay_does_not_lose_the_message() {
    let world = World::new();
    let (shop, id) = bounced(&world).await;
    // While the provider is down, only sweeps send messages.
    world.set_outcome(deferred());
    shop.notify(request("other")).await.unwrap();
    let (sweeping, is_first) = (shop.clone(), AtomicBool::new(true));
    let store = ScriptedStore::new(world.store.clone()).before(move |operation, changed| {
        let is_replay = operation == Operation::Swap && changed == key("r");
        let sweeps = is_replay && is_first.swap(false, SeqCst);
        let shop = sweeping.clone();
        async move { if sweeps { shop.sweep().await.map(drop) } else { Ok(()) } }
    });
    let replayed = world.over(store).shop().at(NOW + 1).replay(&id).await;
    assert_eq!(replayed.unwrap(), Replay::Pending);
    world.set_outcome(delivered());
    assert_eq!(shop.at(NOW + 60_000).attempts().await, 2);
    assert_eq!(shop.find(&id).await.unwrap().unwrap().state.as_str(), "sent");
}

#[tokio::test]
async fn after_a_crash_at_any_step_a_repeated_replay_sends_the_message() {
    for operations in 0..30 {
        let world = World::new();
        let (shop, id) = bounced(&world).await;
        world.set_outcome(delivered());
        let first = world.crashing(operations).at(NOW + 1).replay(&id).await;
        shop.at(NOW + 2).sweep().await.unwrap();
        if first.is_err() {
            let again = shop.at(NOW + 3).replay(&id).await.unwrap();
            assert!(matches!(again, Replay::Pending | Replay::NotFailed("sent")), "{again:?}");
        }
        shop.at(NOW + LEASE_MS + 2).sweep().await.unwrap();
        assert_eq!(shop.only().await.state.as_str(), "sent", "after {operations} operations");
        assert!(shop.entries(Queue::Email).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn failed_messages_expire() {
    let world = World::new();
    let (shop, id) = bounced(&world).await;
    let failed_ms = shop.only().await.failures[0].at_ms;
    assert_eq!(shop.at(failed_ms + FAILED_KEPT_MS).sweep().await.unwrap().expired, 0);
    assert_eq!(shop.at(failed_ms + FAILED_KEPT_MS + 1).sweep().await.unwrap().expired, 1);
    let notification = shop.only().await;
    assert!(notification.pinned.variables.is_empty() && notification.is_failed());
    assert_eq!(shop.at(NOW).replay(&id).await.unwrap(), Replay::Expired);
    assert!(ids(&shop, Queue::Failed).await.is_empty());
}
