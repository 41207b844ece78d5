//! Delivery: whoever calls the broker works for a while on what is due.
//!
//! A subscription has one worker at a time, the holder of its lease. The others pass it by: a
//! subscriber that publishes while it is being delivered to neither waits for itself nor starts
//! deliveries within deliveries. After the worker has given its lease back it looks once more,
//! for what was published while the others passed by.
//!
//! The lease is longer than a delivery may take, and the outcome is only noted by who still
//! holds it. A worker that died leaves it behind; then the subscription rests until it ends.

use crate::log::Log;
use crate::ports::{Clock, Subscriber};
use crate::progress::{Ending, Lease, Progress, Replay, Work};
use crate::segment::SEGMENT_EVENTS_MAX;
use chassis::store::{Store, StoreError};
use futures::future::join_all;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tessera_cloudevents::http::batch_prefix;
use tessera_events::{
    Attempt, Backoff, Entry, Event, Member, Mode, Outcome, StartAt, Subscription, Verdict,
    assignment,
};

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
pub struct Worked {
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
        Broker { store, log, clock, subscriber, subscriptions, backoff: Backoff::default() }
    }

    /// Keep events; when it answers, they are durable. Nothing is delivered yet.
    pub async fn publish(&self, events: &[Event]) -> Result<(), crate::log::PublishError> {
        self.log.publish(events, self.clock.now_ms()).await
    }

    /// Deliver what is due, for about [`WORK_MS`]. Troubles of a subscription are its own.
    pub async fn work(&self) -> Worked {
        let until_ms = self.clock.now_ms() + WORK_MS;
        let served = self.subscriptions.iter().map(|one| self.serve(one, until_ms));
        join_all(served).await.into_iter().fold(Worked::default(), |all, one| Worked {
            delivered: all.delivered + one.delivered,
            failed: all.failed + one.failed,
            dead: all.dead + one.dead,
            troubled: all.troubled + one.troubled,
        })
    }

    async fn serve(&self, subscription: &Subscription, until_ms: u64) -> Worked {
        let mut worked = Worked::default();
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
        worked: &mut Worked,
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

    async fn acquire(&self, subscription: &Subscription) -> Result<Option<String>, StoreError> {
        let now_ms = self.clock.now_ms();
        let holder = format!("{now_ms}-{:016x}", self.clock.random());
        let take = |progress: Option<Progress>| {
            let mut progress = progress.unwrap_or_default();
            let free = progress.lease.as_ref().is_none_or(|lease| lease.until_ms <= now_ms);
            if free {
                progress.lease = Some(lease(&holder, now_ms));
            }
            Ok((progress, free))
        };
        let taken = self.store.update(&progress_key(&subscription.name), take).await?;
        Ok(taken.then_some(holder))
    }

    async fn release(&self, subscription: &Subscription, holder: &str) -> Result<(), Stop> {
        self.change(subscription, holder, |progress| progress.lease = None).await
    }

    /// The progress, under a lease that outlasts a delivery.
    async fn hold(&self, subscription: &Subscription, holder: &str) -> Result<Progress, Stop> {
        let progress = self.load(subscription).await?;
        let enough_ms = self.clock.now_ms() + DELIVERY_TIMEOUT_MS + LEASE_MS / 4;
        match &progress.lease {
            Some(lease) if lease.holder == holder && lease.until_ms >= enough_ms => Ok(progress),
            _ => self.change(subscription, holder, |progress| progress.clone()).await,
        }
    }

    /// Change the progress, if the lease is still ours, and have it for longer.
    async fn change<R: Send>(
        &self,
        subscription: &Subscription,
        holder: &str,
        change: impl Fn(&mut Progress) -> R + Send + Sync,
    ) -> Result<R, Stop> {
        let now_ms = self.clock.now_ms();
        let change = |progress: Option<Progress>| {
            let mut progress = progress.unwrap_or_default();
            if progress.lease.as_ref().is_none_or(|lease| lease.holder != holder) {
                return Err(Stop::LeaseLost);
            }
            progress.lease = Some(lease(holder, now_ms));
            let result = change(&mut progress);
            Ok((progress, result))
        };
        self.store.update(&progress_key(&subscription.name), change).await
    }

    /// Deliver the first events of some keys and note what became of them; whether there is
    /// more to do.
    async fn round(
        &self,
        subscription: &Subscription,
        holder: &str,
        worked: &mut Worked,
    ) -> Result<bool, Stop> {
        let progress = self.hold(subscription, holder).await?;
        let View { entries, again, progress, has_more, .. } =
            self.look(subscription, progress).await?;
        let keys_max = subscription.concurrency_max.min(KEYS_AT_ONCE_MAX);
        let work = progress.due(self.clock.now_ms(), keys_max, |key| events_max(subscription, key));
        let found = self.find(subscription, &work).await?;
        let began_at_ms = self.clock.now_ms();
        let attempts = work.into_iter().map(|work| self.attempt(subscription, work, &found));
        let ended = join_all(attempts).await;
        let now_ms = self.clock.now_ms();
        let dropped = self
            .change(subscription, holder, |progress| {
                for (replay, entries) in &again {
                    progress.take_in_again(subscription, *replay, entries);
                }
                progress.take_in(subscription, &entries);
                let settle = |(work, ending): &(Work, Ending)| {
                    progress.settle(work, ending.clone(), began_at_ms, now_ms)
                };
                ended.iter().filter_map(settle).collect::<Vec<u64>>()
            })
            .await?;
        worked.count(&ended);
        self.forget_copies(subscription, &ended, &found, &dropped).await?;
        Ok(!ended.is_empty() || has_more)
    }

    /// The events of the work, wherever they lie.
    async fn find(
        &self,
        subscription: &Subscription,
        work: &[Work],
    ) -> Result<BTreeMap<u64, Found>, StoreError> {
        let positions: BTreeSet<u64> =
            work.iter().flat_map(|work| work.positions.iter().copied()).collect();
        let entries = self.log.entries(&positions).await?;
        let mut found: BTreeMap<u64, Found> = entries
            .into_iter()
            .map(|(position, entry)| (position, Found { event: entry.event, is_copy: false }))
            .collect();
        for position in positions {
            if !found.contains_key(&position) {
                let copy: Option<Entry> =
                    self.store.read(&copy_key(&subscription.name, position)).await?;
                let copy = copy.map(|entry| Found { event: entry.event, is_copy: true });
                found.extend(copy.map(|copy| (position, copy)));
            }
        }
        Ok(found)
    }

    async fn attempt(
        &self,
        subscription: &Subscription,
        mut work: Work,
        found: &BTreeMap<u64, Found>,
    ) -> (Work, Ending) {
        let has = |position: &u64| found.contains_key(position);
        if !work.positions.first().is_some_and(has) {
            // Removed by hand, or the store has lost it: nothing will ever deliver it.
            eprintln!("{}: the event {:?} is gone", subscription.name, work.positions.first());
            return (work, Ending::Done);
        }
        let there = work.positions.iter().take_while(|position| has(position));
        let events: Vec<Event> = there.map(|position| found[position].event.clone()).collect();
        let events = &events[..batch_prefix(&events)];
        work.positions.truncate(events.len());
        let attempt = Attempt {
            number: work.attempts + 1,
            events: events.len(),
            attempts_max: subscription.attempts_max,
        };
        let outcome = match member(subscription, &work.key) {
            Some(member) => self.subscriber.deliver(member, events).await,
            None => Outcome::failed("the group has no members"),
        };
        let ending = match Verdict::of(attempt, outcome, &self.backoff, self.clock.random()) {
            Verdict::Done => Ending::Done,
            Verdict::Retry { pause, detail } => {
                eprintln!("{}: {} is delivered again: {detail}", subscription.name, work.key);
                Ending::Retry(self.clock.now_ms() + as_ms(pause))
            }
            Verdict::Dead { reason, detail } => {
                eprintln!("{}: a dead letter of {}: {detail}", subscription.name, work.key);
                Ending::Dead(reason, detail)
            }
        };
        (work, ending)
    }

    /// Copies of events that are done, or whose dead letters were dropped.
    async fn forget_copies(
        &self,
        subscription: &Subscription,
        ended: &[(Work, Ending)],
        found: &BTreeMap<u64, Found>,
        dropped: &[u64],
    ) -> Result<(), StoreError> {
        let done = ended.iter().filter(|(_, ending)| *ending == Ending::Done);
        let done = done.flat_map(|(work, _)| work.positions.iter());
        let copied = done.filter(|position| found.get(position).is_some_and(|one| one.is_copy));
        for position in copied.chain(dropped) {
            self.store.delete(&copy_key(&subscription.name, *position)).await?;
        }
        Ok(())
    }
}

/// An event, and where it was found.
struct Found {
    event: Event,
    is_copy: bool,
}

impl Worked {
    fn count(&mut self, ended: &[(Work, Ending)]) {
        for (_, ending) in ended {
            match ending {
                Ending::Done => self.delivered += 1,
                Ending::Retry(_) => self.failed += 1,
                Ending::Dead(..) => self.dead += 1,
            }
        }
    }
}

fn lease(holder: &str, now_ms: u64) -> Lease {
    Lease { holder: holder.to_owned(), until_ms: now_ms + LEASE_MS }
}

fn member<'a>(subscription: &'a Subscription, key: &str) -> Option<&'a Member> {
    assignment::place(&subscription.members, key).map(|place| &subscription.members[place])
}

fn events_max(subscription: &Subscription, key: &str) -> usize {
    member(subscription, key).map_or(1, |member| match member.mode {
        Mode::Batch { events_max } => events_max,
        Mode::Binary | Mode::Structured => 1,
    })
}

fn as_ms(pause: Duration) -> u64 {
    u64::try_from(pause.as_millis()).unwrap_or(u64::MAX)
}
