//! Faults of the event log: publications and deliveries.

use super::faults::Injection;
use super::{Faults, Planned, Subject, traced};
use crate::telemetry::TraceContext;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use std::convert::identity;
use std::sync::Arc;
use std::time::Duration;
use tessera_events::{
    DeadLetter, Deliver, Delivery, Entry, Error, Event, Log, Outcome, Progress, Published, Result,
    Statistics,
};

/// Deliveries that wait to be made again after later ones.
const REPEATED_MAX: usize = 64;
/// How long a repeated delivery may take: the next one of the subscription waits for it.
const REPEATED_TIMEOUT: Duration = Duration::from_secs(5);

/// A log whose publications an operator can delay or let fail.
pub(crate) struct FaultyEvents {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) faults: Arc<Faults>,
}

impl FaultyEvents {
    async fn published(&self, events: Vec<Event>) -> Result<Published> {
        let event_type = events.first().map_or("", |event| event.kind.as_str());
        let injection = self.faults.choose(Subject::Publish { event_type });
        let work = self.log.publish(events);
        match injection {
            None => work.await,
            Some(injection) => {
                traced::mark(&self.faults, injection);
                injection.planned.apply(work, failed).await
            }
        }
    }
}

fn failed() -> Error {
    Error::Unavailable("a fault was injected".to_owned())
}

impl Log for FaultyEvents {
    fn publish(&self, events: Vec<Event>) -> BoxFuture<'_, Result<Published>> {
        Box::pin(self.published(events))
    }

    fn read(&self, after: u64, limit: u32) -> BoxFuture<'_, Result<Vec<Entry>>> {
        self.log.read(after, limit)
    }

    fn subscriptions(&self) -> BoxFuture<'_, Result<Vec<Progress>>> {
        self.log.subscriptions()
    }

    fn dead_letters(
        &self,
        after: Option<String>,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<DeadLetter>>> {
        self.log.dead_letters(after, limit)
    }

    fn replay(&self, dead_letter_id: String) -> BoxFuture<'_, Result<()>> {
        self.log.replay(dead_letter_id)
    }

    fn replay_key(&self, subscription: String, key: String) -> BoxFuture<'_, Result<u64>> {
        self.log.replay_key(subscription, key)
    }

    fn discard(&self, dead_letter_id: String) -> BoxFuture<'_, Result<()>> {
        self.log.discard(dead_letter_id)
    }

    fn replay_range(
        &self,
        subscription: String,
        from_ms: u64,
        until_ms: u64,
    ) -> BoxFuture<'_, Result<u64>> {
        self.log.replay_range(subscription, from_ms, until_ms)
    }

    fn statistics(&self) -> Statistics {
        self.log.statistics()
    }

    fn close(&self) -> BoxFuture<'_, Result<()>> {
        self.log.close()
    }
}

/// Deliveries that an operator can delay, let fail, and repeat.
pub(crate) struct FaultyDeliveries<D> {
    deliver: D,
    faults: Option<Arc<Faults>>,
    /// Those that are made again after the next one of their subscription.
    repeated: Mutex<Vec<Repeated>>,
}

/// A delivery that is made again while its fault is active.
struct Repeated {
    fault: u64,
    delivery: Delivery,
}

impl<D: Deliver> FaultyDeliveries<D> {
    pub(crate) fn new(deliver: D, faults: Option<Arc<Faults>>) -> Self {
        Self { deliver, faults, repeated: Mutex::default() }
    }

    async fn delivered(&self, faults: &Faults, delivery: Delivery) -> Outcome {
        let subject = Subject::Delivery { subscription: &delivery.subscription };
        let injection = faults.choose(subject);
        let earlier = self.earlier(faults, &delivery.subscription);
        if let Some(injection) = injection {
            mark(faults, injection, &delivery);
        }
        let outcome = self.with(injection, delivery).await;
        if let Some(earlier) = earlier {
            // The log knows it as done, whatever the subscriber says to a second one.
            let again = self.deliver.deliver(earlier);
            let _ = tokio::time::timeout(REPEATED_TIMEOUT, again).await;
        }
        outcome
    }

    /// A delivery of this subscription that is made again now.
    fn earlier(&self, faults: &Faults, subscription: &Arc<str>) -> Option<Delivery> {
        let mut repeated = self.repeated.lock();
        repeated.retain(|one| faults.is_active(one.fault));
        let index = repeated.iter().position(|one| one.delivery.subscription == *subscription)?;
        Some(repeated.remove(index).delivery)
    }

    async fn with(&self, injection: Option<Injection>, delivery: Delivery) -> Outcome {
        let Some(injection) = injection else { return self.deliver.deliver(delivery).await };
        match injection.planned {
            Planned::Duplicate => {
                self.deliver.deliver(delivery.clone()).await;
                self.deliver.deliver(delivery).await
            }
            Planned::Reorder => {
                let outcome = self.deliver.deliver(delivery.clone()).await;
                let mut repeated = self.repeated.lock();
                if outcome == Outcome::Done && repeated.len() < REPEATED_MAX {
                    repeated.push(Repeated { fault: injection.fault, delivery });
                }
                outcome
            }
            planned => {
                let work = async { Ok(self.deliver.deliver(delivery).await) };
                planned.apply(work, not_delivered).await.unwrap_or_else(identity)
            }
        }
    }
}

/// Shows an injection in the trace of the first event.
fn mark(faults: &Faults, injection: Injection, delivery: &Delivery) {
    let first = delivery.entries.first();
    let parent = first.and_then(|entry| entry.event.extensions.get("traceparent"));
    let Some(parent) = parent else { return };
    let trace = TraceContext::of_parent(Some(parent));
    faults.mark(injection, &delivery.member.component.as_str().into(), &trace);
}

fn not_delivered() -> Outcome {
    Outcome::Failed { detail: "a fault was injected".into(), retry_after: None }
}

impl<D: Deliver> Deliver for FaultyDeliveries<D> {
    fn deliver(&self, delivery: Delivery) -> BoxFuture<'_, Outcome> {
        match &self.faults {
            None => self.deliver.deliver(delivery),
            Some(faults) => Box::pin(self.delivered(faults, delivery)),
        }
    }
}
