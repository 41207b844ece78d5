//! Delivery: whoever calls the broker works for a while on what is due.
//!
//! A subscription has one worker at a time, the holder of its lease. The others pass it by: a
//! subscriber that publishes while it is being delivered to neither waits for itself nor starts
//! deliveries within deliveries. After the worker has given its lease back it looks once more,
//! for what was published while the others passed by.
//!
//! The lease is longer than a delivery may take, and the outcome is only noted by who still
//! holds it. A worker that died leaves it behind; then the subscription rests until it ends.

mod delivery;
mod lease;

use crate::error::Result;
use crate::log::Log;
use crate::ports::{Clock, Subscriber};
use crate::domain::progress::{BACKLOG_EVENTS_MAX, Progress, Replay};
use crate::domain::segment::SEGMENT_EVENTS_MAX;
use chassis::store::{Store, StoreError};
use futures::future::join_all;
use serde::Serialize;
use std::sync::Arc;
use tessera_events::{Backoff, Entry, Error, Event, StartAt, Subscription};

/// A subscriber that has not answered after this long has failed, in milliseconds.
pub const DELIVERY_TIMEOUT_MS: u64 = 10_000;
/// How long a worker that died keeps others from its subscription, in milliseconds: longer
/// than a delivery and the writing of its outcome take.
pub const LEASE_MS: u64 = 20_000;
/// How long a worker goes on to begin deliveries, in milliseconds.
pub const WORK_MS: u64 = 8_000;
/// Most keys of one subscription in delivery at the same time, whatever it allows.
pub const KEYS_AT_ONCE_MAX: usize = 8;
/// Events that are taken in from the log at a time.
const TAKE_IN_MAX: usize = 64;
/// How often a worker looks again after it gave its lease back.
const LOOKS_MAX: usize = 4;

/// What a worker did: the answer of `POST /sweep`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct WorkReport {
    /// Deliveries that are done.
    pub delivered: usize,
    /// Deliveries that failed and will be made again.
    pub failed: usize,
    /// Events that were given up.
    pub dead: usize,
    /// Subscriptions that could not be worked on.
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
    /// The run of the host that this broker belongs to, if the host has run numbers.
    incarnation: Option<u64>,
}

/// Why a worker stops.
#[derive(Debug, thiserror::Error)]
enum Stop {
    #[error("somebody else delivers by now")]
    LeaseLost,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a look at a subscription showed.
struct View {
    /// What was read, and is taken in with the next write.
    entries: Vec<Entry>,
    again: Vec<(Replay, Vec<Entry>)>,
    /// The progress after that.
    progress: Progress,
    /// Whether something may be delivered, or the progress has to be written.
    has_work: bool,
    /// Whether more is to be taken in than was read.
    has_more: bool,
}

pub(crate) fn progress_key(subscription: &str) -> String {
    format!("subscription/{subscription}")
}

/// Where the event of a dead letter lies after its segment was removed.
pub(crate) fn copy_key(subscription: &str, position: u64) -> String {
    format!("dead/{subscription}/{position}")
}

impl<S: Store, D: Subscriber, C: Clock> Broker<S, D, C> {
    /// A broker that keeps everything in `store`.
    pub fn new(store: S, subscriber: D, clock: C, subscriptions: Vec<Subscription>) -> Self {
        let log = Log::new(store.clone());
        let subscriptions = Arc::new(subscriptions);
        let (backoff, incarnation) = (Backoff::default(), None);
        Broker { store, log, clock, subscriber, subscriptions, backoff, incarnation }
    }

    /// Makes leases end with the run of the host in which they were taken.
    #[must_use]
    pub fn with_incarnation(self, incarnation: Option<u64>) -> Self {
        Broker { incarnation, ..self }
    }

    /// Keep events; when it answers, they are durable. Nothing is delivered yet.
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

    /// Deliver what is due, for about [`WORK_MS`]. Troubles of a subscription are its own.
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
        let mut worked = WorkReport::default();
        for _ in 0..LOOKS_MAX {
            match self.serve_once(subscription, until_ms, &mut worked).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(stop) => {
                    eprintln!("the subscription {} rests: {stop}", subscription.name);
                    worked.troubled += 1;
                    break;
                }
            }
        }
        worked
    }

    /// Whether it makes sense to look again.
    async fn serve_once(
        &self,
        subscription: &Subscription,
        until_ms: u64,
        report: &mut WorkReport,
    ) -> Result<bool, Stop> {
        if !self.look(subscription, self.load(subscription).await?).await?.has_work {
            return Ok(false);
        }
        let Some(holder) = self.acquire(subscription).await? else { return Ok(false) };
        let mut more = true;
        while more && self.clock.now_ms() < until_ms {
            more = self.round(subscription, &holder, worked).await?;
        }
        self.release(subscription, &holder).await?;
        Ok(self.clock.now_ms() < until_ms)
    }

    /// The progress; a subscription that is new begins where it asks for.
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

    async fn look(
        &self,
        subscription: &Subscription,
        mut progress: Progress,
    ) -> Result<View, StoreError> {
        let mut again = Vec::new();
        let room = progress.has_room();
        for replay in progress.replays.clone().into_iter().filter(|_| room) {
            let entries = self.log.read(replay.after, TAKE_IN_MAX).await?;
            progress.take_in_again(subscription, replay, &entries);
            again.push((replay, entries));
        }
        let mut entries = Vec::new();
        if room {
            entries = self.log.read(progress.cursor, TAKE_IN_MAX).await?;
        }
        let cursor = progress.cursor;
        progress.take_in(subscription, &entries);
        let due = !progress.due(self.clock.now_ms(), 1, |_| 1).is_empty();
        // What nobody asks for is not worth a write each time.
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
