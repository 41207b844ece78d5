//! Delivery: each call of the broker delivers due events for a while.
//!
//! A subscription has one worker at a time, the holder of its lease. Other workers skip it: a
//! subscriber that publishes during a delivery neither waits for itself nor starts nested
//! deliveries. After the worker has released the lease, it looks again for events that were
//! published while others skipped the subscription.
//!
//! The lease is longer than a delivery, and only its holder may record outcomes. If a worker dies,
//! the subscription pauses until the lease ends.

mod delivery;
mod lease;
pub mod operator;
pub mod retention;

use crate::domain::progress::{BACKLOG_EVENTS_MAX, Progress, Replay};
use crate::domain::segment::SEGMENT_EVENTS_MAX;
use crate::error::Result;
use crate::log::Log;
use crate::ports::Subscriber;
use chassis::clock::Clock;
use chassis::store::{Store, StoreError};
use futures::future::join_all;
use serde::Serialize;
use std::sync::Arc;
use tessera_events::{Backoff, Entry, Error, Event, RandomSource, StartAt, Subscription};

/// The maximum duration of a delivery, in milliseconds.
pub const DELIVERY_TIMEOUT_MS: u64 = 10_000;
/// The duration of a lease, in milliseconds: longer than a delivery and the recording of its outcome.
pub const LEASE_MS: u64 = 20_000;
/// How long a worker starts deliveries, in milliseconds.
pub const WORK_MS: u64 = 8_000;
/// The maximum number of keys of one subscription in delivery at the same time.
pub const KEYS_AT_ONCE_MAX: usize = 8;
/// The maximum number of events that are queued at a time.
const ENQUEUE_MAX: usize = 64;
/// How often a worker looks again after it has released its lease.
const LOOKS_MAX: usize = 4;

/// The result of a worker, in the response of `POST /sweep`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct WorkReport {
    /// Successful deliveries.
    pub delivered: usize,
    /// Failed deliveries that will be retried.
    pub failed: usize,
    /// Events that became dead letters.
    pub dead: usize,
    /// Subscriptions that could not be processed.
    pub troubled: usize,
}

/// The broker.
#[derive(Clone, Debug)]
pub struct Broker<S, D, C> {
    pub(crate) store: S,
    pub(crate) log: Log<S>,
    pub(crate) clock: C,
    subscriber: D,
    pub(crate) subscriptions: Arc<Vec<Subscription>>,
    backoff: Backoff,
    /// For jitter, and for the names of workers.
    random: RandomSource,
    /// The run of the host that this broker belongs to, if the host has run numbers.
    incarnation: Option<u64>,
}

/// Why a worker stops.
#[derive(Debug, thiserror::Error)]
enum Stop {
    #[error("the lease was lost to another worker")]
    LeaseLost,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A subscription, read.
struct View {
    /// New events, which the next write queues.
    entries: Vec<Entry>,
    again: Vec<(Replay, Vec<Entry>)>,
    /// The progress with these events.
    progress: Progress,
    /// Whether an event is due, or the progress has to be written.
    has_work: bool,
    /// Whether there are more events to queue.
    has_more: bool,
}

pub(crate) fn progress_key(subscription: &str) -> String {
    format!("subscription/{subscription}")
}

/// The key of the copy of an unfinished event after its segment was removed.
pub(crate) fn copy_key(subscription: &str, position: u64) -> String {
    format!("dead/{subscription}/{position}")
}

impl<S: Store, D: Subscriber, C: Clock> Broker<S, D, C> {
    /// A broker with its data in `store`.
    pub fn new(store: S, subscriber: D, clock: C, subscriptions: Vec<Subscription>) -> Self {
        let log = Log::new(store.clone());
        let subscriptions = Arc::new(subscriptions);
        Broker {
            store,
            log,
            clock,
            subscriber,
            subscriptions,
            backoff: Backoff::default(),
            random: RandomSource::default(),
            incarnation: None,
        }
    }

    /// Uses another source of random numbers.
    #[must_use]
    pub fn with_random(self, random: RandomSource) -> Self {
        Broker { random, ..self }
    }

    /// Makes leases end with the run of the host in which they were taken.
    #[must_use]
    pub fn with_incarnation(self, incarnation: Option<u64>) -> Self {
        Broker { incarnation, ..self }
    }

    /// Stores events. When it returns, they are durable, but not delivered yet.
    ///
    /// Refuses events for a subscription with [`BACKLOG_EVENTS_MAX`] undelivered events. Their
    /// publishers have to wait; others are not affected.
    pub async fn publish(&self, events: &[Event]) -> Result<()> {
        for subscription in self.subscriptions.iter() {
            if events.iter().any(|event| subscription.wants(&event.kind))
                && self.load(subscription).await?.waiting() >= BACKLOG_EVENTS_MAX
            {
                let name = &subscription.name;
                let text =
                    format!("the subscription `{name}` is too far behind: publish again later");
                return Err(Error::Full(text).into());
            }
        }
        self.log.publish(events, self.clock.now_ms()).await
    }

    /// Delivers due events, for about [`WORK_MS`]. An error of a subscription does not affect others.
    pub async fn work(&self) -> WorkReport {
        let until_ms = self.clock.now_ms() + WORK_MS;
        let served = self.subscriptions.iter().map(|one| self.serve(one, until_ms));
        join_all(served).await.into_iter().fold(WorkReport::default(), |all, one| WorkReport {
            delivered: all.delivered + one.delivered,
            failed: all.failed + one.failed,
            dead: all.dead + one.dead,
            troubled: all.troubled + one.troubled,
        })
    }

    async fn serve(&self, subscription: &Subscription, until_ms: u64) -> WorkReport {
        let mut report = WorkReport::default();
        for _ in 0..LOOKS_MAX {
            match self.serve_once(subscription, until_ms, &mut report).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(stop) => {
                    eprintln!("the subscription {} is paused: {stop}", subscription.name);
                    report.troubled += 1;
                    break;
                }
            }
        }
        report
    }

    /// Returns whether to look again.
    async fn serve_once(
        &self,
        subscription: &Subscription,
        until_ms: u64,
        report: &mut WorkReport,
    ) -> Result<bool, Stop> {
        if !self.view(subscription, self.load(subscription).await?).await?.has_work {
            return Ok(false);
        }
        let Some(holder) = self.acquire(subscription).await? else { return Ok(false) };
        let mut more = true;
        while more && self.clock.now_ms() < until_ms {
            more = self.round(subscription, &holder, report).await?;
        }
        self.release(subscription, &holder).await?;
        Ok(self.clock.now_ms() < until_ms)
    }

    /// The progress. A new subscription starts where its settings say.
    pub(crate) async fn load(&self, subscription: &Subscription) -> Result<Progress, StoreError> {
        let key = progress_key(&subscription.name);
        if let Some(progress) = self.store.read::<Progress>(&key).await? {
            return Ok(progress);
        }
        let cursor = match subscription.start_at {
            StartAt::Start => 0,
            StartAt::Now => self.log.end().await?,
        };
        let create = |known: Option<Progress>| {
            let progress = known.unwrap_or(Progress { cursor, ..Progress::default() });
            Ok::<_, StoreError>((progress.clone(), progress))
        };
        self.store.update(&key, create).await
    }

    async fn view(
        &self,
        subscription: &Subscription,
        mut progress: Progress,
    ) -> Result<View, StoreError> {
        let mut again = Vec::new();
        let room = progress.has_room();
        for replay in progress.replays.clone().into_iter().filter(|_| room) {
            let entries = self.log.read(replay.after, ENQUEUE_MAX).await?;
            progress.enqueue_replay(subscription, replay, &entries);
            again.push((replay, entries));
        }
        let mut entries = Vec::new();
        if room {
            entries = self.log.read(progress.cursor, ENQUEUE_MAX).await?;
        }
        let cursor = progress.cursor;
        progress.enqueue_new(subscription, &entries);
        let due = !progress.due(self.clock.now_ms(), 1, |_| 1).is_empty();
        // Skipping a few events of other types is not worth a write.
        let behind = progress.cursor >= cursor + SEGMENT_EVENTS_MAX;
        let has_more = progress.has_room() && (behind || !progress.replays.is_empty());
        Ok(View {
            has_work: due || behind || !again.is_empty(),
            has_more,
            entries,
            again,
            progress,
        })
    }
}
