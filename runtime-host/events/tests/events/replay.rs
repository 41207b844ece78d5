//! Replay of a period.

use std::sync::Arc;

use futures::FutureExt;
use tessera_events::{Error, Log, Options, Outcome};
use tokio::sync::Semaphore;

use crate::harness::{
    Folder, ManualClock, PATIENCE, Subscribers, event, publish, quick, settled, subscription,
    typed, types, until,
};

#[tokio::test]
async fn the_span_is_delivered_again_to_that_subscription_only() {
    let folder = Folder::new();
    let clock = ManualClock::at(1_000);
    let options = Options { clock: clock.clock(), ..quick() };
    let mut some = subscription("some");
    some.types = types(&["com.example.*"]);
    let log = folder.open(options, &[some, subscription("others")]).await;
    for number in 1..=5 {
        clock.set(1_000 * u64::from(number));
        let other = typed("com.other.v1", "b", number);
        log.publish(vec![event("a", number), other]).await.unwrap();
    }
    let handle = Subscribers::content().start(&log);
    settled(&log, "some").await;
    settled(&log, "others").await;
    assert!(handle.drain(PATIENCE).await);

    assert_eq!(log.replay_range("some".into(), 2_000, 4_000).await.unwrap(), 2);
    assert_eq!(crate::harness::progress(&log, "some").await.lag_events, 2);
    assert_eq!(crate::harness::progress(&log, "others").await.lag_events, 0);
    let subscribers = Subscribers::content();
    let _handle = subscribers.start(&log);
    settled(&log, "some").await;
    assert_eq!(subscribers.ids(), ["a.2", "a.3"]);

    assert_eq!(log.replay_range("some".into(), 6_000, 9_000).await.unwrap(), 0);
    let odd = log.replay_range("some".into(), 2, 1).await;
    assert!(matches!(odd, Err(Error::Invalid(_))));
    let unknown = log.replay_range("unknown".into(), 0, 1).await;
    assert!(matches!(unknown, Err(Error::NotFound(_))));
}

#[tokio::test]
async fn dead_letters_of_the_span_are_delivered_and_no_longer_dead() {
    let folder = Folder::new();
    let log = folder.open(quick(), &[subscription("all")]).await;
    publish(&log, "a", 1..=2).await;
    let refusing = Subscribers::new(|_| Outcome::Rejected("no".into()));
    let handle = refusing.start(&log);
    settled(&log, "all").await;
    assert!(handle.drain(PATIENCE).await);

    assert_eq!(log.replay_range("all".into(), 0, u64::MAX).await.unwrap(), 2);
    assert_eq!(log.dead_letters(None, 10).await.unwrap(), []);
    let content = Subscribers::content();
    let _handle = content.start(&log);
    let progress = settled(&log, "all").await;
    assert_eq!(progress.dead_letters, 0);
    assert_eq!(content.ids(), ["a.1", "a.2"]);
}

#[tokio::test]
async fn an_event_in_delivery_is_delivered_again() {
    let folder = Folder::new();
    let log = folder.open(quick(), &[subscription("all")]).await;
    let gate = Arc::new(Semaphore::new(0));
    let passes = Arc::clone(&gate);
    let subscribers = Subscribers::slow(move |_| {
        let passes = Arc::clone(&passes);
        async move {
            passes.acquire().await.unwrap().forget();
            Outcome::Done
        }
        .boxed()
    });
    let _handle = subscribers.start(&log);
    publish(&log, "a", 1..=2).await;
    subscribers.wait_for(1).await;
    assert_eq!(log.replay_range("all".into(), 0, u64::MAX).await.unwrap(), 2);
    gate.add_permits(100);
    settled(&log, "all").await;
    assert_eq!(subscribers.ids(), ["a.1", "a.1", "a.2"]);
}

#[tokio::test]
async fn an_event_that_waits_for_its_next_attempt_starts_anew() {
    let folder = Folder::new();
    let mut options = quick();
    options.backoff.base = std::time::Duration::from_secs(3_600);
    options.backoff.max = options.backoff.base;
    options.random = tessera_events::RandomSource::new(|| 3_600_000);
    let log = folder.open(options, &[subscription("all")]).await;
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
