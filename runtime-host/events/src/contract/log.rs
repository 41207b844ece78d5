//! Publication.

use super::{
    Broker, Start, Subscribers, assert_invalid, event, events, ids, progress, subscription,
};

/// Events are read in the order of their publication, in pages.
pub async fn keeps_events_in_order<B: Broker>(start: impl Start<B>) {
    let broker = start(vec![], Subscribers::content()).await;
    let log = broker.log();
    log.publish(vec![event("a", 1), event("b", 1)]).await.unwrap();
    log.publish(vec![event("a", 2)]).await.unwrap();
    let entries = log.read(0, 500).await.unwrap();
    let read: Vec<_> = entries.iter().map(|entry| entry.event.clone()).collect();
    assert_eq!(read, [event("a", 1), event("b", 1), event("a", 2)]);
    assert!(entries[0].position > 0);
    assert!(entries.is_sorted_by(|one, other| one.position < other.position));
    assert!(entries.is_sorted_by_key(|entry| entry.recorded_at_ms));
    assert_eq!(log.read(entries[0].position, 1).await.unwrap(), entries[1..2]);
    assert_eq!(log.read(entries[2].position, 1).await.unwrap(), []);
}

/// An event is identified by `source` and `id`. The first one is kept.
pub async fn keeps_an_event_once<B: Broker>(start: impl Start<B>) {
    let subscribers = Subscribers::content();
    let broker = start(vec![subscription("all")], subscribers.clone()).await;
    let log = broker.log();
    let mut elsewhere = event("a", 1);
    elsewhere.source = "/other".to_owned();
    let mut repeated = event("a", 1);
    repeated.data = "{\"repeated\":true}".to_owned();
    log.publish(events("a", 2)).await.unwrap();
    log.publish(vec![repeated, event("a", 3), elsewhere, event("a", 3)]).await.unwrap();
    log.publish(events("a", 3)).await.unwrap();
    assert_eq!(ids(&broker).await, ["a.1", "a.2", "a.3", "a.1"]);
    assert_eq!(log.read(0, 1).await.unwrap()[0].event, event("a", 1));
    broker.settle().await;
    assert_eq!(subscribers.ids("all", "a"), ["a.1", "a.2", "a.3", "a.1"]);
}

/// Nothing is published if one event is malformed, or if there are too many.
pub async fn refuses_malformed_publications_as_a_whole<B: Broker>(start: impl Start<B>) {
    let broker = start(vec![subscription("all")], Subscribers::content()).await;
    let mut malformed = event("a", 2);
    malformed.source.clear();
    assert_invalid(broker.log().publish(vec![event("a", 1), malformed]).await);
    assert_invalid(broker.log().publish(events("a", 101)).await);
    assert!(ids(&broker).await.is_empty());
    assert_eq!(progress(&broker, "all").await.lag_events, 0);
    broker.log().publish(vec![]).await.unwrap();
}

/// Pages have 1 to 500 events or 1 to 100 dead letters, and continue only after an id.
pub async fn limits_pages<B: Broker>(start: impl Start<B>) {
    let broker = start(vec![], Subscribers::content()).await;
    for limit in [0, 501] {
        assert_invalid(broker.log().read(0, limit).await);
    }
    for limit in [0, 101] {
        assert_invalid(broker.log().dead_letters(None, limit).await);
    }
    assert_invalid(broker.log().dead_letters(Some("malformed".to_owned()), 1).await);
}
