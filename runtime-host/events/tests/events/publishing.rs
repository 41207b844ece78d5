//! What a producer can rely on, beyond the contract.

use tessera_events::{Error, Log, Options, Published};

use crate::harness::{
    Folder, ManualClock, Subscribers, event, ids, progress, publish, quick, settled, subscription,
};

#[tokio::test]
async fn the_time_of_entries_does_not_go_back() {
    let folder = Folder::new();
    let clock = ManualClock::at(1_000);
    let log = folder.open(Options { clock: clock.clock(), ..quick() }, &[]).await;
    publish(&log, "a", 1..=1).await;
    clock.set(900);
    publish(&log, "a", 2..=2).await;
    let entries = log.read(0, 500).await.unwrap();
    let times = entries.iter().map(|entry| entry.recorded_at_ms).collect::<Vec<_>>();
    assert_eq!(times, [1_000, 1_000]);
}

#[tokio::test]
async fn duplicates_are_counted_also_after_a_restart() {
    let folder = Folder::new();
    let log = folder.open(quick(), &[subscription("all")]).await;
    publish(&log, "a", 1..=2).await;
    let batch = vec![event("a", 1), event("a", 3), event("a", 3)];
    assert_eq!(log.publish(batch).await, Ok(Published { fresh: 1, duplicates: 2 }));
    log.close().await.unwrap();

    let log = folder.open(quick(), &[subscription("all")]).await;
    let batch = vec![event("a", 2), event("a", 3)];
    assert_eq!(log.publish(batch).await, Ok(Published { fresh: 0, duplicates: 2 }));
    assert_eq!(log.publish(vec![]).await, Ok(Published::default()));
    assert_eq!(progress(&log, "all").await.lag_events, 3);
}

#[tokio::test]
async fn an_oversized_event_prevents_its_publication() {
    let folder = Folder::new();
    let log = folder.open(quick(), &[]).await;
    let mut long = event("a", 2);
    long.data = "x".repeat(256 * 1024 + 1);
    let mut wide = event("a", 2);
    wide.extensions = (0..20).map(|n| (format!("x{n}"), "x".repeat(1_000))).collect();
    for oversized in [long, wide] {
        let refused = log.publish(vec![event("a", 1), oversized, event("a", 3)]).await;
        assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
    }
    assert!(ids(&log).await.is_empty());
}

#[tokio::test]
async fn events_that_are_not_delivered_are_the_lag() {
    let folder = Folder::new();
    let clock = ManualClock::at(10_000);
    let options = Options { clock: clock.clock(), ..quick() };
    let log = folder.open(options, &[subscription("all")]).await;
    publish(&log, "a", 1..=2).await;
    clock.set(12_000);
    publish(&log, "b", 1..=1).await;
    clock.set(13_500);
    let lag = progress(&log, "all").await;
    assert_eq!((lag.lag_events, lag.lag_ms), (3, 3_500));
    assert_eq!((lag.components, lag.types), (vec!["all".into()], vec!["*".into()]));
    let _handle = Subscribers::content().start(&log);
    let lag = settled(&log, "all").await;
    assert_eq!((lag.lag_events, lag.lag_ms), (0, 0));
}

#[tokio::test]
async fn a_full_file_refuses_whole_batches_and_harms_nothing() {
    let folder = Folder::new();
    let options = Options { database_bytes_max: 400 * 1024, ..quick() };
    let log = folder.open(options, &[subscription("all")]).await;
    let big = |number| {
        let mut event = event("a", number);
        event.data = "x".repeat(30 * 1024);
        event
    };
    let mut kept = 0;
    let error = loop {
        match log.publish(vec![big(2 * kept + 1), big(2 * kept + 2)]).await {
            Ok(_) => kept += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::Full(_)), "{error}");
    assert!(kept > 0);
    assert_eq!(ids(&log).await.len() as u64, 2 * kept);
    assert_eq!(log.statistics().entries, 2 * kept);
    assert_eq!(log.subscriptions().await.unwrap()[0].lag_events, 2 * kept);
}
