//! The task of one subscription.

use std::{collections::HashMap, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::FutureExt;
use tokio::{
    sync::watch,
    task::{Id, JoinError, JoinSet},
    time::{sleep, timeout},
};

use super::{Deliver, Delivery, Ending, Queue, Settlement, Work};
use crate::{Attempt, Outcome, Subscription, Verdict, assignment};

/// The pause after a failed claim.
const CLAIM_PAUSE: Duration = Duration::from_secs(1);

/// The pause after the first failure to record an outcome; it doubles up to the maximum of the
/// backoff.
const SETTLE_PAUSE: Duration = Duration::from_millis(50);

pub(super) struct Pump {
    queue: Arc<dyn Queue>,
    deliver: Arc<dyn Deliver>,
    index: usize,
    subscription: Arc<Subscription>,
    name: Arc<str>,
    /// The stop signal of the service, shared with the tasks.
    stopped: watch::Receiver<bool>,
    running: JoinSet<()>,
    /// The keys of the running tasks.
    busy: HashMap<Id, Arc<str>>,
}

impl Pump {
    pub(super) fn new(
        queue: Arc<dyn Queue>,
        deliver: Arc<dyn Deliver>,
        index: usize,
        stopped: watch::Receiver<bool>,
    ) -> Self {
        let subscription = Arc::clone(&queue.served()[index]);
        let name = Arc::from(subscription.name.as_str());
        let (running, busy) = (JoinSet::new(), HashMap::new());
        Self { queue, deliver, index, subscription, name, stopped, running, busy }
    }

    /// Delivers until the service stops, then waits for running deliveries.
    pub(super) async fn run(mut self) {
        let mut stopped = self.stopped.clone();
        while !*stopped.borrow() {
            let pause = self.fill().await;
            let room = self.busy.len() < self.subscription.concurrency_max;
            tokio::select! {
                Some(ended) = self.running.join_next_with_id() => self.release(ended),
                () = self.queue.changed(self.index), if room => {}
                () = sleep(pause.unwrap_or_default()), if room && pause.is_some() => {}
                _ = stopped.changed() => {}
            }
            while let Some(ended) = self.running.try_join_next_with_id() {
                self.release(ended);
            }
        }
        while self.running.join_next().await.is_some() {}
    }

    /// Starts due deliveries up to the concurrency limit. Returns the time until the next one.
    async fn fill(&mut self) -> Option<Duration> {
        let room = self.subscription.concurrency_max.saturating_sub(self.busy.len());
        if room == 0 {
            return None;
        }
        let busy = self.busy.values().cloned().collect();
        match self.queue.claim(self.index, busy, room).await {
            Ok(claimed) => {
                claimed.work.into_iter().for_each(|work| self.start(work));
                claimed.pause
            }
            Err(error) => {
                let name = &self.subscription.name;
                tracing::warn!(%error, subscription = name, "events: cannot claim due events");
                Some(CLAIM_PAUSE)
            }
        }
    }

    fn start(&mut self, work: Work) {
        let key = Arc::clone(&work.key);
        let run = Run {
            queue: Arc::clone(&self.queue),
            deliver: Arc::clone(&self.deliver),
            index: self.index,
            subscription: Arc::clone(&self.subscription),
            name: Arc::clone(&self.name),
            stopped: self.stopped.clone(),
        };
        let task = self.running.spawn(run.deliver_and_settle(work));
        self.busy.insert(task.id(), key);
    }

    fn release(&mut self, ended: Result<(Id, ()), JoinError>) {
        let id = match ended {
            Ok((id, ())) => id,
            Err(error) => error.id(),
        };
        self.busy.remove(&id);
    }
}

/// The task of one delivery.
struct Run {
    queue: Arc<dyn Queue>,
    deliver: Arc<dyn Deliver>,
    index: usize,
    subscription: Arc<Subscription>,
    name: Arc<str>,
    stopped: watch::Receiver<bool>,
}

impl Run {
    async fn deliver_and_settle(self, work: Work) {
        let options = self.queue.options();
        let began_at_ms = options.clock.now_ms();
        let number = work.attempts.saturating_add(1);
        let positions = work.entries.iter().map(|entry| entry.position);
        let entries = positions.zip(work.turns).collect::<Vec<_>>();
        let attempt =
            Attempt { number, events: entries.len(), attempts_max: self.subscription.attempts_max };

        let outcome = self.deliver(&work.key, work.entries, number).await;
        let counts = !matches!(outcome, Outcome::Deferred { .. });
        let verdict = Verdict::of(attempt, outcome, &options.backoff, options.random.next());
        let ending = self.ending(verdict, number, counts);
        let (subscription, key) = (self.index, work.key);
        self.settle(Settlement {
            subscription,
            key,
            entries,
            began_at_ms,
            attempt: number,
            ending,
        })
        .await;
    }

    fn ending(&self, verdict: Verdict, number: u32, counts: bool) -> Ending {
        let (options, name) = (self.queue.options(), &self.subscription.name);
        match verdict {
            Verdict::Done => Ending::Done,
            Verdict::Retry { pause, detail } => {
                let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
                tracing::debug!(subscription = name, number, pause_ms, detail, "events: retry");
                let due_at_ms = options.clock.now_ms().saturating_add(pause_ms);
                Ending::Retry { due_at_ms, counts }
            }
            Verdict::Dead { reason, detail } => {
                tracing::warn!(subscription = name, ?reason, number, detail, "events: dead letter");
                Ending::Dead { reason, detail: cut(detail, options.detail_bytes_max) }
            }
        }
    }

    async fn deliver(&self, key: &str, entries: Vec<crate::Entry>, attempt: u32) -> Outcome {
        let members = &self.subscription.members;
        let Some(member) =
            assignment::member_index(members, key).map(|index| members[index].clone())
        else {
            return Outcome::failed("the group has no members");
        };
        let subscription = Arc::clone(&self.name);
        let delivery = Delivery { subscription, member, entries, attempt };
        let answer = AssertUnwindSafe(async { self.deliver.deliver(delivery).await });
        let limit = self.queue.options().delivery_timeout;
        match timeout(limit, answer.catch_unwind()).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Outcome::failed("the delivery panicked"),
            Err(_) => Outcome::failed(format!("no response within {} ms", limit.as_millis())),
        }
    }

    /// The key is not delivered again before this has succeeded, so that a subscriber does not get
    /// the same events over and over while the log is not writable. When the service stops, there
    /// is one more attempt; if it fails, the events are delivered again after the next start.
    async fn settle(&self, settlement: Settlement) {
        let longest = self.queue.options().backoff.max;
        let mut stopped = self.stopped.clone();
        let mut pause = SETTLE_PAUSE.min(longest);
        loop {
            let last = *stopped.borrow();
            let Err(error) = self.queue.settle(settlement.clone()).await else { return };
            let name = &self.subscription.name;
            tracing::warn!(%error, subscription = name, "events: cannot record an outcome");
            if last {
                return;
            }
            tokio::select! {
                () = sleep(pause) => {}
                // A closed channel means that the service is gone.
                ended = stopped.wait_for(|stopped| *stopped) => if ended.is_err() { return },
            }
            pause = (pause * 2).min(longest);
        }
    }
}

/// Truncates a text to a number of bytes.
fn cut(mut text: String, bytes_max: usize) -> String {
    if text.len() > bytes_max {
        let end = (0..=bytes_max).rev().find(|end| text.is_char_boundary(*end));
        text.truncate(end.unwrap_or_default());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_details_are_cut_between_characters() {
        assert_eq!(cut("größe".into(), 3), "gr");
        assert_eq!(cut("größe".into(), 4), "grö");
        assert_eq!(cut("gr".into(), 4), "gr");
    }
}
