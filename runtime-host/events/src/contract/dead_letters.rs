//! Dead letters.

use super::{
    Broker, Start, Subscribers, assert_invalid, assert_not_found, event, events, progress,
    subscription,
};
use crate::{Event, Outcome, Pattern, Reason};

fn rejected() -> Outcome {
    Outcome::Rejected("never".to_owned())
}

/// Later events of the key wait for an operator, other keys continue, and a replay of the key
/// delivers all of them in order.
pub async fn a_rejected_event_holds_its_key<B: Broker>(start: impl Start<B>) {
    let subscribers = Subscribers::except("a.2", rejected());
    let broker = start(vec![subscription("all")], subscribers.clone()).await;
    let log = broker.log();
    log.publish(events("a", 3)).await.unwrap();
    broker.settle().await;
    log.publish(vec![event("a", 4), event("b", 1)]).await.unwrap();
    broker.settle().await;
    assert_eq!(subscribers.ids("all", "a"), ["a.1", "a.2"]);
    assert_eq!(subscribers.ids("all", "b"), ["b.1"]);
    let held = progress(&broker, "all").await;
    assert_eq!((held.lag_events, held.held_events, held.dead_letters), (2, 2, 1));
    let letters = log.dead_letters(None, 100).await.unwrap();
    let letter = &letters[0];
    assert_eq!((letter.reason, letter.attempts, &*letter.detail), (Reason::Rejected, 1, "never"));
    assert_eq!((letter.subscription.as_str(), &letter.entry.event), ("all", &event("a", 2)));
    assert!(letter.first_seen_at_ms <= letter.died_at_ms);

    subscribers.recover();
    assert_eq!(log.replay_key("all".into(), "a".into()).await, Ok(3));
    broker.settle().await;
    assert_eq!(subscribers.ids("all", "a")[2..], ["a.2", "a.3", "a.4"]);
    let progress = progress(&broker, "all").await;
    assert_eq!((progress.lag_events, progress.held_events, progress.dead_letters), (0, 0, 0));
    assert_not_found(log.replay_key("all".into(), "a".into()).await);
}

/// The number of deliveries is limited by the subscription.
pub async fn an_event_that_fails_too_often_becomes_a_dead_letter<B: Broker>(start: impl Start<B>) {
    let subscribers = Subscribers::except("a.1", Outcome::failed("not now"));
    let broker = start(vec![subscription("all")], subscribers.clone()).await;
    broker.log().publish(events("a", 2)).await.unwrap();
    broker.settle().await;
    assert_eq!(subscribers.ids("all", "a"), ["a.1", "a.1", "a.1"]);
    let letters = broker.log().dead_letters(None, 100).await.unwrap();
    assert_eq!(letters.len(), 1);
    assert_eq!((letters[0].reason, letters[0].attempts), (Reason::AttemptsExhausted, 3));
    assert_eq!(letters[0].detail, "not now");
}

/// A replayed dead letter has all its attempts again, and gets a new id if it fails again.
pub async fn replays_single_dead_letters<B: Broker>(start: impl Start<B>) {
    let subscribers = Subscribers::except("a.1", Outcome::failed("not now"));
    let broker = start(vec![subscription("all")], subscribers.clone()).await;
    let log = broker.log();
    log.publish(events("a", 2)).await.unwrap();
    broker.settle().await;
    let first = log.dead_letters(None, 100).await.unwrap().remove(0).id;
    log.replay(first.clone()).await.unwrap();
    broker.settle().await;
    assert_eq!(subscribers.ids("all", "a"), ["a.1"; 6]);
    let second = log.dead_letters(None, 100).await.unwrap().remove(0).id;
    assert_ne!(first, second);
    assert_not_found(log.replay(first).await);

    subscribers.recover();
    log.replay(second).await.unwrap();
    broker.settle().await;
    assert_eq!(subscribers.ids("all", "a")[6..], ["a.1", "a.2"]);
    assert_eq!(log.dead_letters(None, 100).await, Ok(vec![]));
}

/// The events of the key are delivered without the discarded one.
pub async fn discards_dead_letters<B: Broker>(start: impl Start<B>) {
    let subscribers = Subscribers::except("a.1", rejected());
    let broker = start(vec![subscription("all")], subscribers.clone()).await;
    let log = broker.log();
    log.publish(events("a", 3)).await.unwrap();
    broker.settle().await;
    let id = log.dead_letters(None, 100).await.unwrap().remove(0).id;
    log.discard(id.clone()).await.unwrap();
    assert_not_found(log.discard(id).await);
    broker.settle().await;
    assert_eq!(subscribers.ids("all", "a"), ["a.1", "a.2", "a.3"]);
    assert_eq!(log.dead_letters(None, 100).await, Ok(vec![]));
}

/// The dead letters of all subscriptions are one list. Its pages continue after an id.
pub async fn lists_dead_letters_in_pages<B: Broker>(start: impl Start<B>) {
    let subscribers = Subscribers::new(|_| rejected());
    let broker = start(vec![subscription("one"), subscription("other")], subscribers).await;
    let log = broker.log();
    for key in ["a", "b", "c"] {
        log.publish(events(key, 1)).await.unwrap();
        broker.settle().await;
    }
    let letters = log.dead_letters(None, 100).await.unwrap();
    assert_eq!(letters.len(), 6);
    assert!(letters.is_sorted_by_key(|letter| letter.died_at_ms), "oldest first");
    let mut pages = log.dead_letters(None, 2).await.unwrap();
    while let Some(last) = pages.last() {
        let page = log.dead_letters(Some(last.id.clone()), 2).await.unwrap();
        if page.is_empty() {
            break;
        }
        pages.extend(page);
    }
    assert_eq!(pages, letters);
}

/// The matching events of the period are delivered to this subscription again, including dead
/// letters.
pub async fn replays_a_period_with_its_dead_letters<B: Broker>(start: impl Start<B>) {
    let subscribers = Subscribers::except("a.3", rejected());
    let mut some = subscription("one");
    some.types = vec![Pattern::parse("com.example.*").unwrap()];
    let broker = start(vec![some, subscription("other")], subscribers.clone()).await;
    let log = broker.log();
    let other = Event { kind: "com.other.v1".to_owned(), ..event("b", 1) };
    log.publish([vec![other], events("a", 3)].concat()).await.unwrap();
    broker.settle().await;
    let entries = log.read(0, 500).await.unwrap();
    let (from_ms, until_ms) = (entries[0].recorded_at_ms, entries[3].recorded_at_ms + 1);
    subscribers.recover();
    assert_eq!(log.replay_range("one".into(), from_ms, until_ms).await, Ok(3));
    broker.settle().await;
    assert_eq!(subscribers.ids("one", "a")[3..], ["a.1", "a.2", "a.3"]);
    assert_eq!(subscribers.ids("other", "a"), ["a.1", "a.2", "a.3"]);
    assert_eq!(progress(&broker, "one").await.dead_letters, 0);
    assert_eq!(progress(&broker, "other").await.dead_letters, 1);
    assert_eq!(log.replay_range("one".into(), 0, from_ms).await, Ok(0));
    assert_invalid(log.replay_range("one".into(), from_ms, from_ms).await);
}

/// Unknown subscriptions and dead letters are not found.
pub async fn refuses_unknown_names<B: Broker>(start: impl Start<B>) {
    let broker = start(vec![subscription("all")], Subscribers::content()).await;
    let log = broker.log();
    for id in ["", "unknown", "1", "1-1-all"] {
        assert_not_found(log.replay(id.to_owned()).await);
        assert_not_found(log.discard(id.to_owned()).await);
    }
    assert_not_found(log.replay_key("unknown".into(), "a".into()).await);
    assert_not_found(log.replay_key("all".into(), "unknown".into()).await);
    assert_not_found(log.replay_range("unknown".into(), 0, 1).await);
}
