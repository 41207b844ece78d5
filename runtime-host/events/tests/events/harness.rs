//! A log in a temporary directory, and subscribers that a test controls.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::{FutureExt, future::BoxFuture};
use tempfile::TempDir;
pub(crate) use tessera_events::contract::{event, subscription};
use tessera_events::{
    Backoff, Clock, Deliver, Delivery, Error, Log, Member, Mode, Options, Outcome, Pattern,
    Progress, RandomSource, Subscription,
    delivery::{Handle, Service},
    embedded::Embedded,
};
use tokio::sync::{Semaphore, watch};

/// The maximum time that a test waits for an event.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A temporary directory.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().join("events.db")
    }

    /// Opens the log, waiting for a dropped one to close the file.
    pub(crate) async fn open(&self, options: Options, all: &[Subscription]) -> Embedded {
        let start = std::time::Instant::now();
        loop {
            match Embedded::open(&self.path(), options.clone(), all.to_vec()) {
                Ok(log) => return log,
                Err(Error::Unavailable(_)) if start.elapsed() < PATIENCE => {
                    tokio::task::yield_now().await;
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
}

/// Short pauses between attempts.
pub(crate) fn quick() -> Options {
    let ms = Duration::from_millis;
    let backoff = Backoff { base: ms(1), max: ms(4), retry_after_max: ms(10) };
    Options { backoff, ..Options::default() }
}

/// Pauses between attempts that no test waits for.
pub(crate) fn slow_retries() -> Options {
    let hour = Duration::from_secs(3_600);
    let backoff = Backoff { base: hour, max: hour, retry_after_max: hour };
    Options { backoff, random: RandomSource::new(|| 3_600_000), ..Options::default() }
}

/// A clock that stands still unless a test sets it.
#[derive(Clone, Default)]
pub(crate) struct ManualClock(Arc<AtomicU64>);

impl ManualClock {
    pub(crate) fn at(now_ms: u64) -> Self {
        Self(Arc::new(AtomicU64::new(now_ms)))
    }

    pub(crate) fn set(&self, now_ms: u64) {
        self.0.store(now_ms, Ordering::SeqCst);
    }

    pub(crate) fn clock(&self) -> Clock {
        let now_ms = Arc::clone(&self.0);
        Clock::new(move || now_ms.load(Ordering::SeqCst))
    }
}

pub(crate) fn member(component: &str, mode: Mode) -> Member {
    Member { component: component.to_owned(), path: "/events".to_owned(), mode }
}

/// A subscription in batches.
pub(crate) fn batching(name: &str, events_max: usize) -> Subscription {
    Subscription { members: vec![member(name, Mode::Batch { events_max })], ..subscription(name) }
}

pub(crate) fn types(patterns: &[&str]) -> Vec<Pattern> {
    patterns.iter().map(|text| Pattern::parse(text).unwrap()).collect()
}

/// One delivery as a subscriber sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) subscription: String,
    pub(crate) component: String,
    pub(crate) ids: Vec<String>,
    pub(crate) attempt: u32,
}

type Answer = dyn Fn(Delivery) -> BoxFuture<'static, Outcome> + Send + Sync;

/// Subscribers that record deliveries and answer by a rule.
#[derive(Clone)]
pub(crate) struct Subscribers {
    answer: Arc<Answer>,
    seen: Arc<Mutex<Vec<Seen>>>,
    count: Arc<watch::Sender<usize>>,
}

impl Subscribers {
    /// Answers immediately.
    pub(crate) fn new(rule: impl Fn(&Delivery) -> Outcome + Send + Sync + 'static) -> Self {
        Self::slow(move |delivery| std::future::ready(rule(&delivery)).boxed())
    }

    /// Answers later.
    pub(crate) fn slow(
        answer: impl Fn(Delivery) -> BoxFuture<'static, Outcome> + Send + Sync + 'static,
    ) -> Self {
        let count = Arc::new(watch::channel(0).0);
        Self { answer: Arc::new(answer), seen: Arc::default(), count }
    }

    /// Answers everything with success.
    pub(crate) fn content() -> Self {
        Self::new(|_| Outcome::Done)
    }

    /// Answers with success, each delivery when it gets a permit.
    pub(crate) fn gated() -> (Self, Arc<Semaphore>) {
        let gate = Arc::new(Semaphore::new(0));
        let permits = Arc::clone(&gate);
        let subscribers = Self::slow(move |_| {
            let permits = Arc::clone(&permits);
            async move {
                permits.acquire().await.unwrap().forget();
                Outcome::Done
            }
            .boxed()
        });
        (subscribers, gate)
    }

    pub(crate) fn start(&self, log: &Embedded) -> Handle {
        Service::new(Arc::new(log.clone()), Arc::new(self.clone())).start()
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The ids of all deliveries, in order.
    pub(crate) fn ids(&self) -> Vec<String> {
        self.seen().into_iter().flat_map(|seen| seen.ids).collect()
    }

    /// The ids of all deliveries of a key, in order.
    pub(crate) fn ids_of(&self, key: &str) -> Vec<String> {
        let of_key = |id: &String| id.split_once('.').is_some_and(|(of, _)| of == key);
        self.ids().into_iter().filter(of_key).collect()
    }

    /// Waits until a number of deliveries have started.
    pub(crate) async fn wait_for(&self, deliveries: usize) {
        let mut count = self.count.subscribe();
        let reached = count.wait_for(|count| *count >= deliveries);
        // A day, as time passes quickly where it is paused.
        let patience = PATIENCE * 1_440;
        tokio::time::timeout(patience, reached).await.expect("too few deliveries").unwrap();
    }
}

impl Deliver for Subscribers {
    fn deliver(&self, delivery: Delivery) -> BoxFuture<'_, Outcome> {
        let seen = Seen {
            subscription: delivery.subscription.to_string(),
            component: delivery.member.component.clone(),
            ids: delivery.entries.iter().map(|entry| entry.event.id.clone()).collect(),
            attempt: delivery.attempt,
        };
        self.seen.lock().unwrap().push(seen);
        self.count.send_modify(|count| *count += 1);
        (self.answer)(delivery)
    }
}

/// The ids of all events in the log.
pub(crate) async fn ids(log: &Embedded) -> Vec<String> {
    let entries = log.read(0, 500).await.unwrap();
    entries.into_iter().map(|entry| entry.event.id).collect()
}

/// The progress of a subscription.
pub(crate) async fn progress(log: &Embedded, name: &str) -> Progress {
    let all = log.subscriptions().await.unwrap();
    all.into_iter().find(|progress| progress.name == name).expect("no such subscription")
}

/// Waits until a subscription has only events that wait behind dead letters.
pub(crate) async fn settled(log: &Embedded, name: &str) -> Progress {
    until(log, name, |progress| progress.lag_events == progress.held_events).await
}

/// Waits for a figure.
pub(crate) async fn until(
    log: &Embedded,
    name: &str,
    reached: impl Fn(&Progress) -> bool,
) -> Progress {
    let start = std::time::Instant::now();
    loop {
        let progress = progress(log, name).await;
        if reached(&progress) {
            return progress;
        }
        assert!(start.elapsed() < PATIENCE, "timeout: {progress:?}");
        tokio::task::yield_now().await;
    }
}

/// Publishes events of one key, numbered from 1.
pub(crate) async fn publish(log: &Embedded, key: &str, numbers: std::ops::RangeInclusive<u64>) {
    let events = numbers.map(|number| event(key, number)).collect();
    log.publish(events).await.unwrap();
}
