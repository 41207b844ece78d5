use super::*;
use crate::domain::Notification;
use crate::queue::{PRIORITY_WAIT_MS, SHARD_COUNT, SHARD_LENGTH_MAX};
use chassis::hash::shard;
use chassis::worklist::{Outcome::Left, Swept};

/// A shop with messages that were accepted while the provider was down. The first letter of their
/// id is their priority.
async fn waiting(world: &World, ids: &[&str]) -> Shop {
    let shop = world.shop();
    world.set_outcome(deferred());
    for id in ids {
        let mut request = request(id);
        request.priority = match &id[..1] {
            "h" => Priority::High,
            "l" => Priority::Low,
            _ => Priority::Normal,
        };
        request.variables.push(("name".into(), (*id).into()));
        shop.notify(request).await.unwrap();
    }
    world.set_outcome(delivered());
    world.change(|outside| outside.delivered.clear());
    shop
}

/// The ids of the delivered messages of [`waiting`].
fn order(world: &World) -> Vec<String> {
    world.messages(|message| message.content.text.rsplit(' ').next().unwrap().to_owned())
}

#[tokio::test]
async fn messages_are_sent_by_priority_and_then_by_age() {
    let world = World::new();
    let shop = waiting(&world, &["n0", "l1", "n2", "h3", "n4", "h5"]).await;
    shop.at(NOW + 60_000).sweep().await.unwrap();
    assert_eq!(order(&world), ["h3", "h5", "n0", "n2", "n4", "l1"]);
}

#[tokio::test]
async fn overdue_messages_go_first() {
    let world = World::new();
    let shop = waiting(&world, &["n0", "l1", "h2"]).await;
    shop.at(NOW + 60_000 + PRIORITY_WAIT_MS).sweep().await.unwrap();
    assert_eq!(order(&world), ["n0", "l1", "h2"]);
}

#[tokio::test]
async fn a_sweep_ends_when_the_provider_is_down() {
    let world = World::new();
    let ids: Vec<String> = (0..20).map(|number| format!("n{number}")).collect();
    let shop = waiting(&world, &ids.iter().map(String::as_str).collect::<Vec<_>>()).await;
    world.set_outcome(deferred());
    let swept = shop.at(NOW + 60_000).sweep().await.unwrap().messages;
    let looked_at = SWEEP_FAILURE_COUNT_MAX;
    assert_eq!(swept, Swept { looked_at, left: 20, ..Swept::default() });
    world.set_outcome(Outcome::Refused("no such mailbox".into()));
    let swept = shop.sweep().await.unwrap().messages;
    assert_eq!(swept.finished, 20 - looked_at, "hard bounces are no failures of the provider");
}

#[tokio::test]
async fn a_message_that_always_fails_does_not_delay_others() {
    let world = World::new();
    let shop = waiting(&world, &["h0", "n1"]).await;
    world.set_outcome(deferred());
    assert_eq!(shop.at(NOW + 60_000).attempt("h0").await, Ok(Some(Left)));
    world.set_outcome(delivered());
    let swept = shop.at(NOW + 61_000).sweep().await.unwrap().messages;
    assert_eq!((swept.finished, swept.left), (1, 0));
}

#[tokio::test]
async fn one_failure_delays_a_burst_of_messages_by_one_sweep() {
    let world = World::new();
    let shop = waiting(&world, &["n0"]).await;
    for number in 0..300 {
        shop.at(NOW + 1).notify(request(&format!("burst-{number}"))).await.unwrap();
    }
    assert_eq!(world.delivered(), 0, "the channel is paused");
    assert_eq!(shop.at(NOW + 2).attempts().await, 300);
    assert_eq!(world.delivered(), 300);
    // The provider works again, so that messages are sent immediately.
    shop.at(NOW + 3).notify(request("next")).await.unwrap();
    assert_eq!(world.delivered(), 301);
}

#[tokio::test]
async fn a_pause_that_was_written_with_a_wrong_clock_is_ignored() {
    let world = World::new();
    let shop = waiting(&world, &["n0"]).await;
    assert_eq!(shop.at(NOW + 1).is_paused(Channel::Email).await, Ok(true));
    assert_eq!(shop.at(NOW + PAUSE_MS).is_paused(Channel::Email).await, Ok(false));
    assert_eq!(shop.at(1).is_paused(Channel::Email).await, Ok(false));
}

#[tokio::test]
async fn failing_mails_do_not_delay_push_messages() {
    let world = World::new();
    let shop = world.shop();
    world.change(|outside| outside.mail_outcome = Some(deferred()));
    for number in 0..10 {
        shop.notify(request(&format!("mail-{number}"))).await.unwrap();
    }
    assert_eq!(shop.is_paused(Channel::Email).await, Ok(true));
    assert_eq!(shop.is_paused(Channel::Push).await, Ok(false));
    let pushed = shop.notify(push("push-0")).await.unwrap();
    assert_eq!(shop.find(&pushed).await.unwrap().unwrap().state.as_str(), "sent");

    // Waiting messages are swept, too.
    world.set_outcome(deferred());
    let late = shop.notify(push("push-1")).await.unwrap();
    world.set_outcome(delivered());
    let swept = shop.at(NOW + 60_000).sweep().await.unwrap().messages;
    assert_eq!((swept.looked_at, swept.finished), (1 + SWEEP_FAILURE_COUNT_MAX, 1));
    assert_eq!(shop.find(&late).await.unwrap().unwrap().state.as_str(), "sent");
}

/// Fills the shard of a queue that a request's entry belongs to.
async fn fill(shop: &Shop, queue: Queue, request_id: &str, like: &Notification) {
    let list = queue.list(shop.store());
    let others = (0..).map(|number| format!("filling-{number}"));
    let others = others.filter(|id| list.shard(id) == list.shard(request_id));
    for request_id in others.take(SHARD_LENGTH_MAX) {
        let entry = Entry { request_id, not_before_ms: u64::MAX, ..Entry::of(like) };
        list.put(&entry).await.unwrap();
    }
}

#[test]
fn queues_have_room_for_an_outage_of_days() {
    let mut lengths = vec![0_usize; SHARD_COUNT as usize];
    for number in 0..25_000 {
        lengths[shard(&format!("order-{number}-confirmed-email"), SHARD_COUNT) as usize] += 1;
    }
    let refused: usize = lengths.iter().map(|it| it.saturating_sub(SHARD_LENGTH_MAX)).sum();
    assert!(refused < 250, "{refused} of 25,000 do not fit");
}

#[tokio::test]
async fn a_full_queue_refuses_messages_and_loses_none() {
    let world = World::new();
    let shop = waiting(&world, &["n0"]).await;
    let notification = shop.only().await;
    fill(&shop, Queue::Email, "late", &notification).await;
    let refused = shop.at(NOW).notify(request("late")).await;
    assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
    shop.notify(push("other-channel")).await.unwrap();
    assert_eq!(shop.at(NOW + 60_000).attempts().await, 1);
    assert_eq!(shop.find(&notification.id).await.unwrap().unwrap().state.as_str(), "sent");
}

#[tokio::test]
async fn failed_messages_without_room_stay_in_the_queue_of_their_channel() {
    let world = World::new();
    let shop = waiting(&world, &["n0"]).await;
    fill(&shop, Queue::Failed, "n0", &shop.only().await).await;
    let failed = shop.entries(Queue::Failed).await.unwrap();
    world.set_outcome(Outcome::Refused("no such mailbox".into()));
    shop.at(NOW + 60_000).sweep().await.unwrap();
    assert_eq!(shop.only().await.state.as_str(), "failed");
    assert_eq!(shop.entries(Queue::Failed).await.unwrap().len(), failed.len());
    let waits = shop.entries(Queue::Email).await.unwrap();
    assert_eq!(waits.len(), 1, "it is not lost");
    // There is room again.
    for entry in failed {
        Queue::Failed.list(shop.store()).remove(&entry.request_id).await.unwrap();
    }
    shop.at(waits[0].not_before_ms).sweep().await.unwrap();
    assert_eq!(shop.entries(Queue::Failed).await.unwrap().len(), 1);
    assert!(shop.entries(Queue::Email).await.unwrap().is_empty());
}

#[tokio::test]
async fn messages_in_former_queue_formats_are_sent() {
    for former in ["waiting/7", "queue/waiting-email/200"] {
        let world = World::new();
        let shop = waiting(&world, &["n0"]).await;
        let entries = shop.entries(Queue::Email).await.unwrap();
        Queue::Email.list(shop.store()).remove("n0").await.unwrap();
        shop.store().write(former, &entries).await.unwrap();
        assert_eq!(shop.at(NOW + 60_000).attempts().await, 1);
        assert!(!shop.store().keys().contains(&former.to_owned()));
    }
}

#[tokio::test]
async fn unreadable_values_do_not_stop_a_sweep() {
    let world = World::new();
    let shop = waiting(&world, &["n0"]).await;
    // An entry without a message, a shard of each queue, and a former shard.
    let entry = shop.entries(Queue::Email).await.unwrap().remove(0);
    let lost = Entry { request_id: "lost".into(), since_ms: 0, ..entry };
    Queue::Failed.list(shop.store()).put(&lost).await.unwrap();
    for queue in Queue::ALL {
        let list = queue.list(shop.store());
        let free =
            (0..SHARD_COUNT).find(|it| ["n0", "lost"].iter().all(|id| list.shard(id) != *it));
        shop.store().set(&format!("{}/{}", queue.name(), free.unwrap()), b"?").await.unwrap();
    }
    shop.store().set("waiting/3", b"?").await.unwrap();
    let swept = shop.at(NOW + 60_000).sweep().await;
    assert!(matches!(swept, Err(StoreError::Corrupt { .. })), "{swept:?}");
    assert_eq!(world.delivered(), 1);
    assert!(shop.entries(Queue::Failed).await.unwrap().is_empty());
}
