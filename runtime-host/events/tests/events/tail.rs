//! The costs of publication and delivery: counted pages and commits, not times.

use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc::channel,
    },
};

use futures::{FutureExt, future::join_all, poll};
use rusqlite::Connection;
use tessera_events::{Clock, Log, Options, Outcome, Subscription, embedded::Embedded};

use crate::harness::{
    Folder, PATIENCE, Subscribers, event, progress, publish, quick, settled, slow_retries,
    subscription, until,
};

/// The size of a page in the write-ahead log, with its header.
const FRAME_BYTES: usize = 24 + 4_096;

/// The number of pages in the write-ahead log, and of commits among them. The log must be open.
fn journal(folder: &Folder) -> (usize, usize) {
    let mut path = folder.path().into_os_string();
    path.push("-wal");
    let bytes = fs::read(PathBuf::from(path)).unwrap_or_default();
    let Some(salt) = bytes.get(16..24) else { return (0, 0) };
    let frames = bytes[32..].chunks_exact(FRAME_BYTES).take_while(|frame| &frame[8..16] == salt);
    // The last page of a commit has the size of the database.
    let commits = frames.clone().filter(|frame| frame[4..8] != [0; 4]).count();
    (frames.count(), commits)
}

fn count(folder: &Folder, sql: &str) -> i64 {
    let connection = Connection::open(folder.path()).unwrap();
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

const ROWS: &str = "SELECT (SELECT count(*) FROM pending) + (SELECT count(*) FROM lanes)";

/// Publishes events of as many keys, one by one.
async fn publish_keys(log: &Embedded, keys: std::ops::Range<u64>) {
    for key in keys {
        publish(log, &format!("k{key}"), 1..=1).await;
    }
}

#[tokio::test]
async fn callers_that_arrive_while_a_commit_is_prepared_share_it() {
    let folder = Folder::new();
    // The writer reads the clock when it starts the group of the first one.
    let (armed, (asked, was_asked), (go_on, may_go_on)) =
        (Arc::new(AtomicBool::new(false)), channel(), channel());
    let (is_armed, gate) = (Arc::clone(&armed), Mutex::new((asked, may_go_on)));
    let clock = Clock::new(move || {
        if is_armed.swap(false, Ordering::SeqCst) {
            let (asked, may_go_on) = &*gate.lock().unwrap();
            asked.send(()).unwrap();
            may_go_on.recv_timeout(PATIENCE).unwrap();
        }
        1_000
    });
    let log = folder.open(Options { clock, ..quick() }, &[subscription("all")]).await;
    publish(&log, "before", 1..=1).await;
    let (_, before) = journal(&folder);

    armed.store(true, Ordering::SeqCst);
    let one = |key| log.publish(vec![event(&format!("k{key}"), 1)]);
    let mut all = (0..32).map(one).collect::<Vec<_>>();
    let (first, others) = all.split_at_mut(1);
    assert!(poll!(&mut first[0]).is_pending());
    was_asked.recv_timeout(PATIENCE).unwrap();
    for other in others {
        assert!(poll!(other).is_pending());
    }
    go_on.send(()).unwrap();
    let answers = join_all(all).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(journal(&folder).1 - before, 1, "32 callers had more than one commit");
}

#[tokio::test]
async fn a_single_publication_and_its_delivery_write_few_pages() {
    let folder = Folder::new();
    let log = folder.open(quick(), &[subscription("all")]).await;
    let subscribers = Subscribers::content();
    let handle = subscribers.start(&log);
    publish(&log, "first", 1..=1).await;
    settled(&log, "all").await;
    let (pages, commits) = journal(&folder);
    publish(&log, "second", 1..=1).await;
    settled(&log, "all").await;
    assert!(handle.drain(PATIENCE).await);
    let (pages, commits) = (journal(&folder).0 - pages, journal(&folder).1 - commits);
    // The event, its id, and the figures; then the progress of the subscription.
    assert_eq!((commits, pages), (2, 4));
}

#[tokio::test]
async fn a_subscriber_that_keeps_up_has_no_rows() {
    let folder = Folder::new();
    let log = folder.open(quick(), &[subscription("all")]).await;
    publish_keys(&log, 0..100).await;
    assert_eq!(progress(&log, "all").await.lag_events, 100);
    assert_eq!(count(&folder, ROWS), 0);
    let subscribers = Subscribers::content();
    let _handle = subscribers.start(&log);
    settled(&log, "all").await;
    assert_eq!(subscribers.ids().len(), 100);
    assert_eq!(count(&folder, ROWS), 0);
}

#[tokio::test]
async fn a_lagging_subscriber_has_rows_and_gets_all_events_in_order() {
    const KEYS: u64 = 60;
    const NUMBERS: u64 = 100;
    let folder = Folder::new();
    let log = folder.open(quick(), &[subscription("all")]).await;
    for number in 1..=NUMBERS {
        let events = (0..KEYS).map(|key| event(&format!("k{key}"), number)).collect();
        log.publish(events).await.unwrap();
    }
    assert!(count(&folder, "SELECT count(*) FROM pending") > 0, "6,000 events fit into memory");
    assert_eq!(progress(&log, "all").await.lag_events, KEYS * NUMBERS);
    let subscribers = Subscribers::content();
    let _handle = subscribers.start(&log);
    settled(&log, "all").await;
    for key in 0..KEYS {
        let expected = (1..=NUMBERS).map(|number| format!("k{key}.{number}"));
        assert_eq!(subscribers.ids_of(&format!("k{key}")), expected.collect::<Vec<_>>());
    }
    assert_eq!(count(&folder, ROWS), 0);
    publish(&log, "k0", NUMBERS + 1..=NUMBERS + 1).await;
    settled(&log, "all").await;
    assert_eq!(count(&folder, ROWS), 0, "after a backlog");
}

#[tokio::test]
async fn only_the_key_of_a_failure_has_rows() {
    let folder = Folder::new();
    // Only one key at a time: one that waits for a retry must not count.
    let serial = Subscription { concurrency_max: 1, ..subscription("all") };
    let log = folder.open(slow_retries(), &[serial]).await;
    let subscribers = Subscribers::new(|delivery| match &*delivery.entries[0].event.id {
        "bad.1" => Outcome::failed("not yet"),
        _ => Outcome::Done,
    });
    let handle = subscribers.start(&log);
    publish(&log, "bad", 1..=2).await;
    publish(&log, "good", 1..=2).await;
    until(&log, "all", |progress| progress.lag_events == 2 && progress.retrying_events == 1).await;
    publish(&log, "bad", 3..=3).await;
    publish(&log, "good", 3..=3).await;
    until(&log, "all", |progress| progress.lag_events == 3).await;
    assert_eq!(subscribers.ids_of("good"), ["good.1", "good.2", "good.3"]);
    assert_eq!(subscribers.ids_of("bad"), ["bad.1"]);
    assert_eq!(count(&folder, "SELECT count(*) FROM pending WHERE key = 'bad'"), 3);
    assert_eq!(count(&folder, "SELECT count(*) FROM pending WHERE key = 'good'"), 0);
    assert!(handle.drain(PATIENCE).await);
}

#[tokio::test]
async fn only_unfinished_deliveries_are_repeated_after_a_restart() {
    let folder = Folder::new();
    let all = [subscription("all")];
    let log = folder.open(quick(), &all).await;
    let subscribers = Subscribers::slow(|delivery| match &*delivery.entries[0].event.id {
        // The delivery never ends.
        "k3.1" | "k7.1" => std::future::pending().boxed(),
        _ => std::future::ready(Outcome::Done).boxed(),
    });
    let handle = subscribers.start(&log);
    publish_keys(&log, 0..20).await;
    until(&log, "all", |progress| progress.lag_events == 2).await;
    drop((handle, log));

    let log = folder.open(quick(), &all).await;
    assert_eq!(progress(&log, "all").await.lag_events, 2);
    let rest = Subscribers::content();
    let _handle = rest.start(&log);
    settled(&log, "all").await;
    let mut ids = rest.ids();
    ids.sort();
    assert_eq!(ids, ["k3.1", "k7.1"]);
}

#[tokio::test]
async fn unmatched_events_are_not_read_again_at_each_start() {
    let folder = Folder::new();
    let log = folder.open(quick(), &[]).await;
    log.close().await.unwrap();
    let mut narrow = subscription("narrow");
    narrow.types = crate::harness::types(&["com.example.other.*"]);
    let log = folder.open(quick(), &[narrow]).await;
    for number in 0..30 {
        let events = (0..100).map(|key| event(&format!("k{key}"), number)).collect();
        log.publish(events).await.unwrap();
    }
    let behind =
        count(&folder, "SELECT (SELECT max(position) FROM entries) - seen FROM subscriptions");
    assert!(behind <= 1_024, "{behind} events would be looked at");
}

#[tokio::test]
async fn a_file_of_the_first_format_is_upgraded() {
    let folder = Folder::new();
    let log = folder.open(quick(), &[subscription("all")]).await;
    publish(&log, "a", 1..=3).await;
    log.close().await.unwrap();
    // Opening makes rows of what is in the tail, as there always were.
    let log = folder.open(quick(), &[subscription("all")]).await;
    log.close().await.unwrap();
    let connection = Connection::open(folder.path()).unwrap();
    connection.execute_batch(include_str!("format_1.sql")).unwrap();
    drop(connection);

    let log = folder.open(quick(), &[subscription("all")]).await;
    assert_eq!(progress(&log, "all").await.lag_events, 3);
    let subscribers = Subscribers::content();
    let _handle = subscribers.start(&log);
    publish(&log, "a", 4..=4).await;
    settled(&log, "all").await;
    assert_eq!(subscribers.ids(), ["a.1", "a.2", "a.3", "a.4"]);
    let positions = log.read(0, 500).await.unwrap();
    assert_eq!(positions.last().map(|entry| entry.position), Some(10), "a position given twice");
}
