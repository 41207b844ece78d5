//! Retention.

use std::time::Duration;

use tessera_events::{Log, Options, Outcome, Published, delivery::Queue, embedded::Embedded};

use crate::harness::{
    Folder, ManualClock, PATIENCE, Subscribers, event, ids, progress, publish, quick, settled,
    subscription, until,
};

async fn tidy(log: &Embedded) {
    while log.tidy().await.unwrap() {}
}

fn seconds(clock: &ManualClock, age_s: u64) -> Options {
    let retention_age_max = Duration::from_secs(age_s);
    // Nothing happens but when the test says so.
    let retention_interval = Duration::from_secs(86_400);
    Options { retention_age_max, retention_interval, clock: clock.clock(), ..quick() }
}

#[tokio::test]
async fn removed_events_can_be_published_again() {
    let folder = Folder::new();
    let clock = ManualClock::at(1_000);
    let log = folder.open(seconds(&clock, 10), &[]).await;
    publish(&log, "a", 1..=2).await;
    clock.set(8_000);
    publish(&log, "a", 3..=3).await;
    clock.set(11_000);
    tidy(&log).await;
    assert_eq!(ids(&log).await.len(), 3, "not older than the limit");
    clock.set(11_001);
    tidy(&log).await;
    assert_eq!(ids(&log).await, ["a.3"]);
    let before = log.statistics();
    assert_eq!((before.entries, before.removed, before.lost_deliveries), (1, 2, 0));

    let published = log.publish(vec![event("a", 1), event("a", 3)]).await.unwrap();
    assert_eq!(published, Published { fresh: 1, duplicates: 1 });
    let positions = log.read(0, 10).await.unwrap();
    assert!(positions[1].position > positions[0].position);
    log.close().await.unwrap();
    let log = folder.open(seconds(&clock, 10), &[]).await;
    assert_eq!(log.statistics().removed, 2);
}

#[tokio::test]
async fn positions_are_not_reused() {
    let folder = Folder::new();
    let clock = ManualClock::at(0);
    let log = folder.open(seconds(&clock, 1), &[]).await;
    publish(&log, "a", 1..=1).await;
    let first = log.read(0, 1).await.unwrap()[0].position;
    clock.set(5_000);
    tidy(&log).await;
    assert_eq!(ids(&log).await, Vec::<String>::new());
    log.close().await.unwrap();
    let log = folder.open(seconds(&clock, 1), &[]).await;
    publish(&log, "a", 2..=2).await;
    assert!(log.read(0, 1).await.unwrap()[0].position > first);
}

#[tokio::test]
async fn pending_events_and_dead_letters_are_not_removed_by_age() {
    let folder = Folder::new();
    let clock = ManualClock::at(0);
    let options = seconds(&clock, 1);
    let log = folder.open(options.clone(), &[subscription("all")]).await;
    publish(&log, "done", 1..=1).await;
    publish(&log, "dead", 1..=1).await;
    publish(&log, "poison", 1..=2).await;
    let subscribers = Subscribers::new(|delivery| match delivery.entries[0].event.id.as_str() {
        "done.1" => Outcome::Done,
        "dead.1" => Outcome::Rejected("no".into()),
        _ => Outcome::Failed { detail: String::new(), retry_after: Some(Duration::from_secs(1)) },
    });
    let handle = subscribers.start(&log);
    until(&log, "all", |progress| progress.lag_events == 2 && progress.retrying_events == 1).await;
    assert!(handle.drain(PATIENCE).await);
    clock.set(60_000);
    tidy(&log).await;
    assert_eq!(ids(&log).await, ["dead.1", "poison.1", "poison.2"]);
    assert_eq!(log.statistics().lost_deliveries, 0);

    // A subscription that is gone holds nothing.
    log.close().await.unwrap();
    let log = folder.open(options.clone(), &[]).await;
    tidy(&log).await;
    assert_eq!(ids(&log).await, Vec::<String>::new());
    assert_eq!(log.statistics().lost_deliveries, 0);
    log.close().await.unwrap();
    let log = folder.open(options, &[subscription("all")]).await;
    let progress = progress(&log, "all").await;
    assert_eq!((progress.lag_events, progress.dead_letters), (0, 0));
}

#[tokio::test]
async fn the_oldest_events_are_removed_beyond_a_count_or_size() {
    let folder = Folder::new();
    let log = folder.open(Options { retention_entries_max: 3, ..quick() }, &[]).await;
    publish(&log, "a", 1..=5).await;
    tidy(&log).await;
    assert_eq!(ids(&log).await, ["a.3", "a.4", "a.5"]);
    let bytes = log.statistics().bytes;
    log.close().await.unwrap();

    let options = Options { retention_bytes_max: bytes - 1, ..quick() };
    let log = folder.open(options, &[]).await;
    tidy(&log).await;
    assert_eq!(ids(&log).await, ["a.4", "a.5"]);
    assert_eq!(log.statistics().bytes, bytes / 3 * 2);
}

#[tokio::test]
async fn beyond_the_hard_limit_pending_events_are_removed_and_counted() {
    let folder = Folder::new();
    let probe = Folder::new().open(quick(), &[]).await;
    publish(&probe, "a", 1..=1).await;
    let bytes = probe.statistics().bytes;

    let options = Options { hard_bytes_max: bytes * 4, ..quick() };
    let mut all = subscription("all");
    all.attempts_max = u32::MAX;
    let log = folder.open(options, &[all, subscription("other")]).await;
    let subscribers = Subscribers::new(|delivery| match &*delivery.subscription {
        "all" => Outcome::Failed { detail: String::new(), retry_after: Some(PATIENCE) },
        _ => Outcome::Done,
    });
    let _handle = subscribers.start(&log);
    publish(&log, "a", 1..=1).await;
    until(&log, "all", |progress| progress.retrying_events == 1).await;
    settled(&log, "other").await;
    for number in 2..=6 {
        publish(&log, "a", number..=number).await;
        settled(&log, "other").await;
    }
    assert_eq!(ids(&log).await, ["a.3", "a.4", "a.5", "a.6"]);
    let statistics = log.statistics();
    assert_eq!((statistics.lost_deliveries, statistics.removed), (2, 2));
    assert_eq!(progress(&log, "all").await.lag_events, 4);
}

#[tokio::test]
async fn delivery_removes_old_events_regularly() {
    let folder = Folder::new();
    let clock = ManualClock::at(0);
    let retention_interval = Duration::from_millis(1);
    let options = Options { retention_interval, ..seconds(&clock, 1) };
    let log = folder.open(options, &[subscription("all")]).await;
    let _handle = Subscribers::content().start(&log);
    publish(&log, "a", 1..=2).await;
    settled(&log, "all").await;
    clock.set(10_000);
    let start = std::time::Instant::now();
    while log.statistics().entries > 0 {
        assert!(start.elapsed() < PATIENCE);
        tokio::task::yield_now().await;
    }
}
