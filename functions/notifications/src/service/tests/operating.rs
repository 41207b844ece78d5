use super::*;

/// A shop with one mail that bounced.
async fn bounced(world: &World) -> (Shop<MemoryStore>, String) {
    let shop = shop(MemoryStore::new(), world);
    world.answer(Outcome::Refused("no such mailbox".into()));
    let id = shop.notify(request("r"), NOW).await.unwrap();
    (shop, id)
}

async fn ids(shop: &Shop<MemoryStore>, queue: QueueName) -> Vec<String> {
    let (page, next) = shop.queue(queue, None, 100).await.unwrap();
    assert_eq!(next, None);
    page.into_iter().map(|notification| notification.request_id).collect()
}

#[tokio::test]
async fn each_queue_has_what_is_waiting_on_its_way() {
    let world = World::new();
    let shop = shop(MemoryStore::new(), &world);
    world.answer(later());
    for id in ["a", "b", "c"] {
        let mut request = request(id);
        request.channel = if id == "b" { Channel::Push } else { Channel::Email };
        shop.notify(request, NOW).await.unwrap();
    }
    assert_eq!(ids(&shop, QueueName::Email).await, ["a", "c"]);
    assert_eq!(ids(&shop, QueueName::Push).await, ["b"]);
    assert!(ids(&shop, QueueName::Failed).await.is_empty());
    let (first, next) = shop.queue(QueueName::Email, None, 1).await.unwrap();
    assert_eq!(first[0].request_id, "a");
    let (second, end) = shop.queue(QueueName::Email, next.as_deref(), 1).await.unwrap();
    assert_eq!((second[0].request_id.as_str(), end), ("c", None));
    world.answer(taken());
    shop.sweep(NOW + 60_000).await.unwrap();
    assert!(shop.queued(QueueName::Email).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_failed_message_can_be_sent_after_all() {
    let world = World::new();
    let (shop, id) = bounced(&world).await;
    assert_eq!(ids(&shop, QueueName::Failed).await, ["r"]);
    world.answer(taken());
    assert!(matches!(shop.replay(&id, NOW + 1).await.unwrap(), Replay::Pending));
    assert_eq!(only(&shop).await.state.word(), "sent");
    assert_eq!(world.texts(), ["v1 pt-BR Ada", "v1 pt-BR Ada"], "it says what it said");
    assert!(shop.queued(QueueName::Failed).await.unwrap().is_empty());
    assert_eq!(shop.replay(&id, NOW + 2).await.unwrap(), Replay::NotFailed("sent"));
    assert_eq!(shop.replay("ntf_x", NOW).await.unwrap(), Replay::Unknown);
}

#[tokio::test]
async fn a_replay_that_is_repeated_sends_one_message() {
    let world = World::new();
    let (shop, id) = bounced(&world).await;
    world.answer(later());
    for _ in 0..3 {
        assert!(matches!(shop.replay(&id, NOW + 1).await.unwrap(), Replay::Pending));
    }
    world.answer(taken());
    assert_eq!(attempts(&shop, NOW + 60_000).await, 1);
    assert_eq!(only(&shop).await.state.word(), "sent");
}

#[tokio::test]
async fn killed_at_any_step_a_replay_that_is_repeated_sends_it() {
    for operations in 0..30 {
        let world = World::new();
        let (shop, id) = bounced(&world).await;
        world.answer(taken());
        let mut dying = super::shop(FailingStore::after(operations, shop.store.clone()), &world);
        dying.provider = world.clone();
        let first = dying.replay(&id, NOW + 1).await;
        shop.sweep(NOW + 2).await.unwrap();
        if first.is_err() {
            let again = shop.replay(&id, NOW + 3).await.unwrap();
            assert!(matches!(again, Replay::Pending | Replay::NotFailed("sent")), "{again:?}");
        }
        shop.sweep(NOW + LEASE_MS + 2).await.unwrap();
        assert_eq!(only(&shop).await.state.word(), "sent", "after {operations} operations");
        assert!(shop.queued(QueueName::Email).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn what_nobody_replays_is_forgotten() {
    let world = World::new();
    let (shop, id) = bounced(&world).await;
    let failed_ms = only(&shop).await.setbacks[0].at_ms;
    assert_eq!(shop.sweep(failed_ms + FAILED_KEPT_MS).await.unwrap().forgotten, 0);
    assert_eq!(shop.sweep(failed_ms + FAILED_KEPT_MS + 1).await.unwrap().forgotten, 1);
    let notification = only(&shop).await;
    assert!(notification.pinned.variables.is_empty() && notification.is_failed());
    assert_eq!(shop.replay(&id, NOW).await.unwrap(), Replay::Forgotten);
    assert!(ids(&shop, QueueName::Failed).await.is_empty());
}
