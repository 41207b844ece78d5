//! One round of deliveries of a subscription: the first events of some keys, each key once.

use super::{Broker, KEYS_AT_ONCE_MAX, Stop, View, WorkReport, copy_key};
use crate::domain::progress::{Ending, Work};
use crate::domain::segment::segment_of;
use crate::ports::Subscriber;
use chassis::clock::Clock;
use chassis::store::{Store, StoreError};
use futures::future::join_all;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tessera_cloudevents::http::batch_prefix;
use tessera_events::{Attempt, Entry, Event, Member, Outcome, Subscription, Verdict, assignment};

impl<S: Store, D: Subscriber, C: Clock> Broker<S, D, C> {
    /// Delivers the first events of some keys and records the outcomes. Returns whether there is more
    /// to do.
    pub(super) async fn round(
        &self,
        subscription: &Subscription,
        holder: &str,
        report: &mut WorkReport,
    ) -> Result<bool, Stop> {
        let progress = self.hold(subscription, holder).await?;
        let View { entries, again, progress, has_more, .. } =
            self.view(subscription, progress).await?;
        let keys_max = subscription.concurrency_max.min(KEYS_AT_ONCE_MAX);
        let work = progress.due(self.clock.now_ms(), keys_max, |key| events_max(subscription, key));
        let found = self.find(subscription, &work).await?;
        let began_at_ms = self.clock.now_ms();
        let attempts = work.into_iter().map(|work| self.attempt(subscription, work, &found));
        let ended = join_all(attempts).await;
        let now_ms = self.clock.now_ms();
        self.change(subscription, holder, |progress| {
            for (replay, entries) in &again {
                progress.enqueue_replay(subscription, *replay, entries);
            }
            progress.enqueue_new(subscription, &entries);
            for (work, ending) in &ended {
                progress.settle(work, ending.clone(), began_at_ms, now_ms);
            }
        })
        .await?;
        report.count(&ended);
        self.forget_copies(subscription, &ended).await?;
        Ok(!ended.is_empty() || has_more)
    }

    /// The events of the work, from the log or from copies.
    async fn find(
        &self,
        subscription: &Subscription,
        work: &[Work],
    ) -> Result<BTreeMap<u64, Event>, StoreError> {
        let positions: BTreeSet<u64> =
            work.iter().flat_map(|work| work.positions.iter().copied()).collect();
        let entries = self.log.entries(&positions).await?;
        let mut found: BTreeMap<u64, Event> =
            entries.into_iter().map(|(position, entry)| (position, entry.event)).collect();
        for position in positions {
            if !found.contains_key(&position) {
                let copy: Option<Entry> =
                    self.store.read(&copy_key(&subscription.name, position)).await?;
                found.extend(copy.map(|entry| (position, entry.event)));
            }
        }
        Ok(found)
    }

    async fn attempt(
        &self,
        subscription: &Subscription,
        mut work: Work,
        found: &BTreeMap<u64, Event>,
    ) -> (Work, Ending) {
        let has = |position: &u64| found.contains_key(position);
        if !work.positions.first().is_some_and(has) {
            // It was removed by hand or lost by the store, so it can't be delivered.
            eprintln!("{}: the event {:?} is missing", subscription.name, work.positions.first());
            work.positions.truncate(1);
            return (work, Ending::Done);
        }
        let there = work.positions.iter().take_while(|position| has(position));
        let events: Vec<Event> = there.map(|position| found[position].clone()).collect();
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
        let ending = match Verdict::of(attempt, outcome, &self.backoff, self.random.next()) {
            Verdict::Done => Ending::Done,
            Verdict::Retry { pause, detail } => {
                eprintln!(
                    "{}: a delivery of {} failed and is retried: {detail}",
                    subscription.name, work.key
                );
                Ending::Retry(self.clock.now_ms() + as_ms(pause))
            }
            Verdict::Dead { reason, detail } => {
                eprintln!(
                    "{}: an event of {} is a dead letter: {detail}",
                    subscription.name, work.key
                );
                Ending::Dead(reason, detail)
            }
        };
        (work, ending)
    }

    /// The copies of finished events. The process that removes a segment first copies its
    /// unfinished events and checks them again afterwards, so only a removed segment can have left
    /// a copy behind.
    async fn forget_copies(
        &self,
        subscription: &Subscription,
        ended: &[(Work, Ending)],
    ) -> Result<(), StoreError> {
        let done = ended.iter().filter(|(_, ending)| *ending == Ending::Done);
        let done: Vec<u64> = done.flat_map(|(work, _)| work.positions.iter().copied()).collect();
        if done.is_empty() {
            return Ok(());
        }
        let first = self.log.head().await?.first;
        for position in done.into_iter().filter(|position| segment_of(*position) < first) {
            self.store.delete(&copy_key(&subscription.name, position)).await?;
        }
        Ok(())
    }
}

impl WorkReport {
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

fn member<'a>(subscription: &'a Subscription, key: &str) -> Option<&'a Member> {
    assignment::member_index(&subscription.members, key).map(|index| &subscription.members[index])
}

fn events_max(subscription: &Subscription, key: &str) -> usize {
    member(subscription, key).map_or(1, |member| member.mode.events_max())
}

fn as_ms(pause: Duration) -> u64 {
    u64::try_from(pause.as_millis()).unwrap_or(u64::MAX)
}
