//! Failed deliveries, and the limits of delivery.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::FutureExt;
use tessera_events::{Backoff, Clock, Log, Options, Outcome, RandomSource, Reason};

use crate::harness::{
    Folder, PATIENCE, Subscribers, batching, event, progress, publish, quick, settled,
    slow_retries, subscription, until,
};

fn is(delivery: &tessera_events::Delivery, id: &str) -> bool {
    delivery.entries[0].event.id == id
}

#[tokio::test]
async fn keys_are_delivered_concurrently_up_to_the_limit() {
    let folder = Folder::new();
    let log = folder.open(quick(), &[subscription("all")]).await;
    let (subscribers, gate) = Subscribers::gated();
    let _handle = subscribers.start(&log);
    for key in ["a", "b", "c", "d", "e", "f"] {
        publish(&log, key, 1..=2).await;
    }
    subscribers.wait_for(4).await;
    assert_eq!(subscribers.ids(), ["a.1", "b.1", "c.1", "d.1"], "oldest first, four at once");
    gate.add_permits(1);
    subscribers.wait_for(5).await;
    assert_eq!(subscribers.seen().len(), 5);
    gate.add_permits(100);
    settled(&log, "all").await;
    for key in ["a", "b", "c", "d", "e", "f"] {
        assert_eq!(subscribers.ids_of(key), [format!("{key}.1"), format!("{key}.2")]);
    }
}

#[tokio::test]
async fn attempts_are_counted_across_restarts() {
    let folder = Folder::new();
    let mut options = slow_retries();
    let log = folder.open(options.clone(), &[subscription("all")]).await;
    let subscribers =
        Subscribers::new(|delivery| Outcome::failed(format!("attempt {}", delivery.attempt)));
    let handle = subscribers.start(&log);
    publish(&log, "a", 1..=1).await;
    until(&log, "all", |progress| progress.retrying_events == 1).await;
    assert!(handle.drain(PATIENCE).await);
    log.close().await.unwrap();

    // A clock that is ahead of the pause.
    options.clock = Clock::new({
        let clock = Clock::default();
        move || clock.now_ms() + 7_200_000
    });
    options.random = RandomSource::new(|| 0);
    let log = folder.open(options, &[subscription("all")]).await;
    assert_eq!(progress(&log, "all").await.retrying_events, 1);
    let _handle = subscribers.start(&log);
    let progress = settled(&log, "all").await;
    assert_eq!((progress.retrying_events, progress.dead_letters), (0, 1));
    let attempts = subscribers.seen().iter().map(|seen| seen.attempt).collect::<Vec<_>>();
    assert_eq!(attempts, [1, 2, 3]);
    let dead = log.dead_letters(None, 10).await.unwrap().remove(0);
    assert_eq!((dead.reason, dead.attempts), (Reason::AttemptsExhausted, 3));
    assert_eq!((dead.detail.as_str(), dead.entry.event), ("attempt 3", event("a", 1)));
    assert!(dead.first_seen_at_ms + 7_000_000 < dead.died_at_ms);
}

fn deferred() -> Outcome {
    Outcome::Deferred { detail: "busy".to_owned(), retry_after: None }
}

#[tokio::test]
async fn deliveries_that_were_not_made_are_no_attempts() {
    let folder = Folder::new();
    let log = folder.open(quick(), &[subscription("all")]).await;
    let deliveries = AtomicU64::new(0);
    // Two of three attempts fail.
    let subscribers = Subscribers::new(move |_| match deliveries.fetch_add(1, Ordering::SeqCst) {
        number if [10, 21].contains(&number) => Outcome::failed("not now"),
        number if number < 30 => deferred(),
        _ => Outcome::Done,
    });
    let _handle = subscribers.start(&log);
    publish(&log, "a", 1..=1).await;
    let progress = settled(&log, "all").await;
    assert_eq!((progress.retrying_events, progress.dead_letters), (0, 0));
    let attempts = subscribers.seen().iter().map(|seen| seen.attempt).collect::<Vec<_>>();
    assert_eq!(attempts, [vec![1_u32; 11], vec![2; 11], vec![3; 9]].concat());
}

#[tokio::test]
async fn an_event_becomes_a_dead_letter_after_attempts_that_were_made() {
    let folder = Folder::new();
    let log = folder.open(quick(), &[subscription("all")]).await;
    let deliveries = AtomicU64::new(1);
    let subscribers = Subscribers::new(move |_| {
        let is_made = deliveries.fetch_add(1, Ordering::SeqCst).is_multiple_of(5);
        if is_made { Outcome::failed("not now") } else { deferred() }
    });
    let _handle = subscribers.start(&log);
    publish(&log, "a", 1..=1).await;
    assert_eq!(settled(&log, "all").await.dead_letters, 1);
    assert_eq!(subscribers.seen().len(), 15);
    assert_eq!(log.dead_letters(None, 10).await.unwrap()[0].attempts, 3);
}

#[tokio::test]
async fn a_batch_that_was_not_delivered_stays_a_batch() {
    let folder = Folder::new();
    let log = folder.open(quick(), &[batching("all", 3)]).await;
    publish(&log, "a", 1..=3).await;
    let deliveries = AtomicU64::new(0);
    let subscribers = Subscribers::new(move |_| {
        if deliveries.fetch_add(1, Ordering::SeqCst) < 5 { deferred() } else { Outcome::Done }
    });
    let _handle = subscribers.start(&log);
    settled(&log, "all").await;
    assert_eq!(subscribers.seen().len(), 6);
    assert!(subscribers.seen().iter().all(|seen| seen.ids.len() == 3));
}

#[tokio::test]
async fn a_batch_has_a_limit_in_bytes() {
    let folder = Folder::new();
    let options = Options { delivery_bytes_max: 1, ..quick() };
    let log = folder.open(options, &[batching("all", 4)]).await;
    publish(&log, "a", 1..=3).await;
    let subscribers = Subscribers::content();
    let _handle = subscribers.start(&log);
    settled(&log, "all").await;
    assert!(subscribers.seen().iter().all(|seen| seen.ids.len() == 1));
}

#[tokio::test]
async fn a_failed_batch_counts_once_as_retrying() {
    let folder = Folder::new();
    let log = folder.open(slow_retries(), &[batching("all", 5)]).await;
    publish(&log, "a", 1..=5).await;
    let _handle = Subscribers::new(|_| Outcome::failed("no")).start(&log);
    let progress = until(&log, "all", |progress| progress.retrying_events > 0).await;
    assert_eq!((progress.lag_events, progress.retrying_events), (5, 1));
}

/// In paused time, a clock that goes with it.
fn virtual_clock() -> Clock {
    let now_ms = Arc::new(AtomicU64::new(1_000_000));
    let clock = Arc::clone(&now_ms);
    tokio::spawn(async move {
        let start = tokio::time::Instant::now();
        loop {
            let elapsed_ms = start.elapsed().as_millis() as u64;
            now_ms.store(1_000_000 + elapsed_ms, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    Clock::new(move || clock.load(Ordering::SeqCst))
}

#[tokio::test(start_paused = true)]
async fn pauses_grow_and_retry_after_is_respected_within_bounds() {
    let folder = Folder::new();
    let clock = virtual_clock();
    let seconds = Duration::from_secs;
    let backoff = Backoff { base: seconds(10), max: seconds(40), retry_after_max: seconds(600) };
    // The longest pause within the bound.
    let options = Options {
        backoff,
        clock: clock.clone(),
        random: RandomSource::new(|| 10_001 * 20_001 * 40_001 - 1),
        ..Options::default()
    };
    let mut stubborn = subscription("all");
    stubborn.attempts_max = 6;
    let log = folder.open(options, &[stubborn]).await;
    let times = Arc::new(std::sync::Mutex::new(vec![]));
    let seen_at = Arc::clone(&times);
    let subscribers = Subscribers::new(move |delivery| {
        seen_at.lock().unwrap().push(clock.now_ms());
        let retry_after = (delivery.attempt == 5).then_some(seconds(86_400));
        Outcome::Failed { detail: String::new(), retry_after }
    });
    let _handle = subscribers.start(&log);
    log.publish(vec![event("a", 1)]).await.unwrap();
    subscribers.wait_for(6).await;
    until(&log, "all", |progress| progress.dead_letters == 1).await;
    let times = times.lock().unwrap().clone();
    let pauses = times.windows(2).map(|pair| pair[1] - pair[0]).collect::<Vec<_>>();
    for (pause, least) in pauses.iter().zip([10_000, 20_000, 40_000, 40_000, 600_000]) {
        assert!(*pause >= least, "{pauses:?}");
    }
    assert!(pauses[4] < 3_600_000, "a day is too long: {pauses:?}");
}

#[tokio::test(start_paused = true)]
async fn a_timeout_and_a_panic_are_failures() {
    let folder = Folder::new();
    let options = Options { clock: virtual_clock(), ..Options::default() };
    let mut strict = subscription("all");
    strict.attempts_max = 1;
    let log = folder.open(options, &[strict]).await;
    let subscribers = Subscribers::slow(|delivery| match is(&delivery, "silent.1") {
        true => std::future::pending().boxed(),
        false => panic!("expected"),
    });
    let _handle = subscribers.start(&log);
    publish(&log, "silent", 1..=1).await;
    publish(&log, "broken", 1..=1).await;
    subscribers.wait_for(2).await;
    // Asking the log keeps paused time from passing.
    tokio::time::sleep(Duration::from_secs(61)).await;
    settled(&log, "all").await;
    let dead = log.dead_letters(None, 10).await.unwrap();
    let mut details = dead.into_iter().map(|dead| dead.detail).collect::<Vec<_>>();
    details.sort();
    assert_eq!(details, ["no response within 60000 ms", "the delivery panicked"]);
}
