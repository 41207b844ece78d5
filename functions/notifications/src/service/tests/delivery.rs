use super::*;
use crate::domain::Notification;
use crate::queue::{
    FAILED, PRIORITY_WAIT_MS, Queue, SEGMENT_COUNT, SEGMENT_LENGTH_MAX, WAITING_EMAIL, segment,
};

/// Accepts messages while the provider is down, with the first letter of the id for priority.
async fn waiting(world: &World, ids: &[&str]) -> Shop<MemoryStore> {
    let shop = shop(MemoryStore::new(), world);
    world.answer(later());
    for id in ids {
        let mut request = request(id);
        request.priority = match &id[..1] {
            "h" => Priority::High,
            "l" => Priority::Low,
            _ => Priority::Normal,
        };
        request.variables.push(("name".into(), (*id).into()));
        shop.notify(request, NOW).await.unwrap();
    }
    world.answer(taken());
    world.0.lock().unwrap().delivered.clear();
    shop
}

#[tokio::test]
async fn what_is_urgent_goes_first_and_then_what_is_older() {
    let world = World::new();
    let shop = waiting(&world, &["n0", "l1", "n2", "h3", "n4", "h5"]).await;
    shop.sweep(NOW + 60_000).await.unwrap();
    let order: Vec<String> =
        world.texts().iter().map(|text| text[text.len() - 2..].into()).collect();
    assert_eq!(order, ["h3", "h5", "n0", "n2", "n4", "l1"]);
}

#[tokio::test]
async fn what_is_not_urgent_is_not_passed_over_for_ever() {
    let world = World::new();
    let shop = waiting(&world, &["n0", "l1", "h2"]).await;
    shop.sweep(NOW + 60_000 + PRIORITY_WAIT_MS).await.unwrap();
    let order: Vec<String> =
        world.texts().iter().map(|text| text[text.len() - 2..].into()).collect();
    assert_eq!(order, ["n0", "l1", "h2"]);
}

#[tokio::test]
async fn a_sweep_leaves_a_provider_alone_that_is_down() {
    let world = World::new();
    let ids: Vec<String> = (0..20).map(|number| format!("n{number}")).collect();
    let shop = waiting(&world, &ids.iter().map(String::as_str).collect::<Vec<_>>()).await;
    world.answer(later());
    let swept = shop.sweep(NOW + 60_000).await.unwrap();
    let row = SWEEP_DEFERRAL_COUNT_MAX;
    assert_eq!(swept, Swept { attempts: row, deferred: row, forgotten: 0 });
    world.answer(Outcome::Refused("no such mailbox".into()));
    let swept = shop.sweep(NOW + 60_000).await.unwrap();
    assert_eq!(swept.attempts, 20 - row, "hard bounces are answers, too");
}

#[tokio::test]
async fn a_message_that_always_fails_does_not_hold_up_the_others() {
    let world = World::new();
    let shop = waiting(&world, &["h0", "n1"]).await;
    world.answer(later());
    assert_eq!(
        shop.attempt("h0", NOW + 60_000).await.unwrap(),
        super::super::delivery::Tried::Deferred
    );
    world.answer(taken());
    let swept = shop.sweep(NOW + 61_000).await.unwrap();
    assert_eq!((swept.attempts, swept.deferred), (1, 0));
}

#[tokio::test]
async fn one_failure_delays_a_burst_of_messages_by_one_sweep() {
    let world = World::new();
    let shop = waiting(&world, &["n0"]).await;
    for number in 0..300 {
        shop.notify(request(&format!("burst-{number}")), NOW + 1).await.unwrap();
    }
    assert_eq!(world.delivered(), 0, "the channel is resting");
    let swept = shop.sweep(NOW + 2).await.unwrap();
    assert_eq!((swept.attempts, world.delivered()), (300, 300));
    // The provider works again, so that messages are sent at once.
    shop.notify(request("next"), NOW + 3).await.unwrap();
    assert_eq!(world.delivered(), 301);
}

#[tokio::test]
async fn a_rest_of_a_clock_that_went_wrong_is_no_rest() {
    let world = World::new();
    let shop = waiting(&world, &["n0"]).await;
    assert_eq!(shop.is_resting(Channel::Email, NOW + 1).await, Ok(true));
    assert_eq!(shop.is_resting(Channel::Email, NOW + REST_MS).await, Ok(false));
    assert_eq!(shop.is_resting(Channel::Email, 1).await, Ok(false));
}

fn push(id: &str) -> Request {
    Request { channel: Channel::Push, ..request(id) }
}

#[tokio::test]
async fn failing_mails_do_not_delay_push_messages() {
    let world = World::new();
    let shop = shop(MemoryStore::new(), &world);
    world.0.lock().unwrap().mails = Some(later());
    for number in 0..10 {
        shop.notify(request(&format!("mail-{number}")), NOW).await.unwrap();
    }
    assert_eq!(shop.is_resting(Channel::Email, NOW).await, Ok(true));
    assert_eq!(shop.is_resting(Channel::Push, NOW).await, Ok(false));
    let pushed = shop.notify(push("push-0"), NOW).await.unwrap();
    assert_eq!(shop.find(&pushed).await.unwrap().unwrap().state.word(), "sent", "at once");

    // Waiting messages are swept, too.
    world.answer(later());
    let late = shop.notify(push("push-1"), NOW).await.unwrap();
    world.answer(taken());
    let swept = shop.sweep(NOW + 60_000).await.unwrap();
    assert_eq!((swept.attempts, swept.deferred), (1 + SWEEP_DEFERRAL_COUNT_MAX, 3));
    assert_eq!(shop.find(&late).await.unwrap().unwrap().state.word(), "sent");
}

/// Fills the segment of a queue that a request's entry belongs to.
async fn fill(store: &MemoryStore, queue: Queue, of: &str, like: &Notification) {
    let others = (0..).map(|number| format!("filling-{number}"));
    let beside = others.filter(|id| segment(id) == segment(of));
    for request_id in beside.take(SEGMENT_LENGTH_MAX) {
        let entry = Entry { request_id, not_before_ms: u64::MAX, ..Entry::of(like, NOW) };
        queue.put(store, &entry).await.unwrap();
    }
}

#[test]
fn queues_have_room_for_an_outage_of_days() {
    assert!(usize::from(SEGMENT_COUNT) * SEGMENT_LENGTH_MAX > 25_000);
    let ids = (0..25_000).map(|number| segment(&format!("order-{number}-confirmed-email")));
    let mut lengths = vec![0; usize::from(SEGMENT_COUNT)];
    ids.for_each(|segment| lengths[usize::from(segment)] += 1);
    let refused: usize =
        lengths.iter().map(|length: &usize| length.saturating_sub(SEGMENT_LENGTH_MAX)).sum();
    assert!(refused < 250, "{refused} of 25,000 find no room");
}

#[tokio::test]
async fn a_full_queue_refuses_messages_and_loses_none() {
    let world = World::new();
    let shop = waiting(&world, &["n0"]).await;
    let notification = only(&shop).await;
    fill(&shop.store, WAITING_EMAIL, "late", &notification).await;
    let refused = shop.notify(request("late"), NOW).await;
    assert!(matches!(refused, Err(Refusal::Unavailable(_))), "{refused:?}");
    shop.notify(push("other-channel"), NOW).await.unwrap();
    assert_eq!(shop.sweep(NOW + 60_000).await.unwrap().attempts, 1);
    assert_eq!(shop.find(&notification.id).await.unwrap().unwrap().state.word(), "sent");
}

#[tokio::test]
async fn failed_messages_without_room_wait_and_replace_no_other() {
    let world = World::new();
    let shop = waiting(&world, &["n0"]).await;
    fill(&shop.store, FAILED, "n0", &only(&shop).await).await;
    let failed = FAILED.entries(&shop.store).await.unwrap();
    world.answer(Outcome::Refused("no such mailbox".into()));
    shop.sweep(NOW + 60_000).await.unwrap();
    assert_eq!(only(&shop).await.state.word(), "failed");
    assert_eq!(FAILED.entries(&shop.store).await.unwrap().len(), failed.len());
    let waits = WAITING_EMAIL.entries(&shop.store).await.unwrap();
    assert_eq!(waits.len(), 1, "it is not lost");
    // There is space again.
    for entry in failed {
        FAILED.remove(&shop.store, &entry.request_id).await.unwrap();
    }
    shop.sweep(waits[0].not_before_ms).await.unwrap();
    assert_eq!(FAILED.entries(&shop.store).await.unwrap().len(), 1);
    assert!(WAITING_EMAIL.entries(&shop.store).await.unwrap().is_empty());
}

#[tokio::test]
async fn messages_of_the_former_queue_format_are_sent() {
    let world = World::new();
    let shop = waiting(&world, &["n0"]).await;
    let entries = WAITING_EMAIL.entries(&shop.store).await.unwrap();
    WAITING_EMAIL.remove(&shop.store, "n0").await.unwrap();
    shop.store.write("waiting/7", &entries).await.unwrap();
    assert_eq!(shop.sweep(NOW + 60_000).await.unwrap().attempts, 1);
    assert!(shop.store.keys().iter().all(|key| !key.starts_with("waiting/")));
}

#[tokio::test]
async fn unreadable_values_do_not_stop_a_sweep() {
    let world = World::new();
    let shop = waiting(&world, &["n0"]).await;
    // An entry without a message, a segment of each queue, and a shard of the former index.
    let lost = Entry { request_id: "lost".into(), ..entry_of(&shop, "n0").await };
    FAILED.put(&shop.store, &Entry { since_ms: 0, ..lost }).await.unwrap();
    for queue in ["waiting-email", "waiting-push", "failed"] {
        let free = (0..SEGMENT_COUNT)
            .find(|number| ["n0", "lost"].iter().all(|id| segment(id) != *number));
        shop.store.set(&format!("queue/{queue}/{}", free.unwrap()), b"?").await.unwrap();
    }
    shop.store.set("waiting/3", b"?").await.unwrap();
    let swept = shop.sweep(NOW + 60_000).await;
    assert!(matches!(swept, Err(StoreError::Corrupt { .. })), "{swept:?}");
    assert_eq!(world.delivered(), 1);
    assert!(FAILED.entries(&shop.store).await.unwrap().is_empty());
}

async fn entry_of(shop: &Shop<MemoryStore>, request_id: &str) -> Entry {
    let entries = WAITING_EMAIL.entries(&shop.store).await.unwrap();
    entries.into_iter().find(|entry| entry.request_id == request_id).unwrap()
}
