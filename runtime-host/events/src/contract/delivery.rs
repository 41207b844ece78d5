//! Delivery.

use std::sync::atomic::{AtomicU32, Ordering};

use super::{Broker, Start, Subscribers, batches, event, events, progress, subscription};
use crate::{Member, Outcome, Pattern};

/// Each subscription gets the events of its types, per key in order.
pub async fn delivers_matching_events_in_order<B: Broker>(start: impl Start<B>) {
    let subscribers = Subscribers::content();
    let mut some = subscription("some");
    some.types = vec![Pattern::parse("com.example.*").unwrap()];
    let broker = start(vec![subscription("all"), some], subscribers.clone()).await;
    let mut other = event("a", 6);
    other.kind = "com.other.v1".to_owned();
    broker.log().publish(events("a", 5)).await.unwrap();
    broker.log().publish(vec![other, event("b", 1)]).await.unwrap();
    broker.settle().await;
    assert_eq!(subscribers.ids("all", "a"), ["a.1", "a.2", "a.3", "a.4", "a.5", "a.6"]);
    assert_eq!(subscribers.ids("some", "a"), ["a.1", "a.2", "a.3", "a.4", "a.5"]);
    for name in ["all", "some"] {
        assert_eq!(subscribers.ids(name, "b"), ["b.1"]);
        let progress = progress(&broker, name).await;
        assert_eq!((progress.lag_events, progress.lag_ms, progress.dead_letters), (0, 0, 0));
        assert_eq!(progress.components, [name]);
    }
}

/// A batch has the next events of one key, up to its size.
pub async fn delivers_batches_of_one_key<B: Broker>(start: impl Start<B>) {
    let subscribers = Subscribers::content();
    let broker = start(vec![batches("all")], subscribers.clone()).await;
    broker.log().publish(events("a", 5)).await.unwrap();
    broker.log().publish(events("b", 2)).await.unwrap();
    broker.settle().await;
    let batches = [vec!["a.1", "a.2", "a.3"], vec!["a.4", "a.5"]];
    assert_eq!(subscribers.deliveries("all", "a"), batches);
    assert_eq!(subscribers.deliveries("all", "b"), [["b.1", "b.2"]]);
}

/// Every group gets every event, and all events of a key go to the same member.
pub async fn delivers_each_key_to_one_member_of_a_group<B: Broker>(start: impl Start<B>) {
    const MEMBERS: [&str; 3] = ["x", "y", "z"];
    let subscribers = Subscribers::content();
    let mut team = subscription("team");
    let member = |name: &str| Member { component: name.to_owned(), ..team.members[0].clone() };
    team.members = MEMBERS.map(member).to_vec();
    let broker = start(vec![team, subscription("single")], subscribers.clone()).await;
    let keys = (0..40).map(|number| format!("k{number}")).collect::<Vec<_>>();
    for key in &keys {
        broker.log().publish(events(key, 3)).await.unwrap();
    }
    broker.settle().await;
    let mut counts = [0; MEMBERS.len()];
    for key in &keys {
        assert_eq!(subscribers.ids("single", key).len(), 3);
        let deliveries = MEMBERS.map(|name| subscribers.ids(name, key).len());
        let index = deliveries.iter().position(|count| *count == 3);
        assert_eq!(deliveries.iter().sum::<usize>(), 3, "{key}: {deliveries:?}");
        counts[index.unwrap()] += 1;
    }
    assert!(counts.iter().all(|count| *count > 0), "a member without a key: {counts:?}");
}

/// Later events of a key wait for the retries of a failed one.
pub async fn retries_a_failed_event_before_later_ones<B: Broker>(start: impl Start<B>) {
    let failures = AtomicU32::new(0);
    let subscribers = Subscribers::new(move |events| {
        let fails = events[0].id == "a.1" && failures.fetch_add(1, Ordering::SeqCst) < 2;
        if fails { Outcome::failed("not now") } else { Outcome::Done }
    });
    let broker = start(vec![subscription("all")], subscribers.clone()).await;
    broker.log().publish(events("a", 2)).await.unwrap();
    broker.log().publish(events("b", 1)).await.unwrap();
    broker.settle().await;
    assert_eq!(subscribers.ids("all", "a"), ["a.1", "a.1", "a.1", "a.2"]);
    assert_eq!(subscribers.ids("all", "b"), ["b.1"]);
    let progress = progress(&broker, "all").await;
    assert_eq!((progress.lag_events, progress.retrying_events, progress.dead_letters), (0, 0, 0));
}

/// After a failed batch, its events are delivered one by one, and only the failing one becomes a
/// dead letter. Then there are batches again.
pub async fn isolates_the_failing_event_of_a_batch<B: Broker>(start: impl Start<B>) {
    for answer in [Outcome::Rejected("never".into()), Outcome::failed("not now")] {
        let subscribers = Subscribers::except("a.2", answer);
        let broker = start(vec![batches("all")], subscribers.clone()).await;
        broker.log().publish(events("a", 8)).await.unwrap();
        broker.settle().await;
        let letters = broker.log().dead_letters(None, 100).await.unwrap();
        let dead: Vec<_> = letters.iter().map(|letter| letter.entry.event.id.as_str()).collect();
        assert_eq!(dead, ["a.2"]);
        broker.log().discard(letters[0].id.clone()).await.unwrap();
        broker.settle().await;
        let mut processed = subscribers.deliveries("all", "a");
        processed.retain(|ids| !ids.contains(&"a.2".to_owned()));
        assert!(processed.last().unwrap().len() > 1, "{processed:?}");
        let others = ["a.1", "a.3", "a.4", "a.5", "a.6", "a.7", "a.8"];
        assert_eq!(processed.concat(), others, "each once, in order");
    }
}
