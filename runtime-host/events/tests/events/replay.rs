//! Replay of events that are not delivered yet.

use tessera_events::{Log, Outcome};

use crate::harness::{
    Folder, Subscribers, publish, quick, settled, slow_retries, subscription, until,
};

#[tokio::test]
async fn a_replayed_event_in_delivery_is_delivered_again() {
    let folder = Folder::new();
    let log = folder.open(quick(), &[subscription("all")]).await;
    let (subscribers, gate) = Subscribers::gated();
    let _handle = subscribers.start(&log);
    publish(&log, "a", 1..=2).await;
    subscribers.wait_for(1).await;
    assert_eq!(log.replay_range("all".into(), 0, u64::MAX).await.unwrap(), 2);
    gate.add_permits(100);
    settled(&log, "all").await;
    assert_eq!(subscribers.ids(), ["a.1", "a.1", "a.2"]);
}

#[tokio::test]
async fn a_replayed_event_that_waits_for_a_retry_has_all_its_attempts_again() {
    let folder = Folder::new();
    let log = folder.open(slow_retries(), &[subscription("all")]).await;
    let subscribers = Subscribers::new(|_| Outcome::failed("no"));
    let _handle = subscribers.start(&log);
    publish(&log, "a", 1..=1).await;
    until(&log, "all", |progress| progress.retrying_events == 1).await;
    log.replay_range("all".into(), 0, u64::MAX).await.unwrap();
    subscribers.wait_for(2).await;
    until(&log, "all", |progress| progress.retrying_events == 1).await;
    let attempts = subscribers.seen().iter().map(|seen| seen.attempt).collect::<Vec<_>>();
    assert_eq!(attempts, [1, 1]);
}
