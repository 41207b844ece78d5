//! Points around what becomes durable in the event log.

use super::around;
use futures::future::BoxFuture;
use std::sync::Arc;
use tessera_events::delivery::{Claimed, Ending, Queue, Settlement};
use tessera_events::{
    DeadLetter, Entry, Event, Log, Options, Progress, Result, Statistics, Subscription,
};

/// A log with points around publications.
pub(crate) struct FaultyLog(pub(crate) Arc<dyn Log>);

impl Log for FaultyLog {
    fn publish(&self, events: Vec<Event>) -> BoxFuture<'_, Result<tessera_events::Published>> {
        let kind = events.first().map_or(String::new(), |event| event.kind.clone());
        Box::pin(around(
            move || format!("publish/{kind}"),
            async move { self.0.publish(events).await },
        ))
    }

    fn read(&self, after: u64, limit: u32) -> BoxFuture<'_, Result<Vec<Entry>>> {
        self.0.read(after, limit)
    }

    fn subscriptions(&self) -> BoxFuture<'_, Result<Vec<Progress>>> {
        self.0.subscriptions()
    }

    fn dead_letters(
        &self,
        after: Option<String>,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<DeadLetter>>> {
        self.0.dead_letters(after, limit)
    }

    fn replay(&self, dead_letter_id: String) -> BoxFuture<'_, Result<()>> {
        self.0.replay(dead_letter_id)
    }

    fn replay_key(&self, subscription: String, key: String) -> BoxFuture<'_, Result<u64>> {
        self.0.replay_key(subscription, key)
    }

    fn discard(&self, dead_letter_id: String) -> BoxFuture<'_, Result<()>> {
        self.0.discard(dead_letter_id)
    }

    fn replay_range(
        &self,
        subscription: String,
        from_ms: u64,
        until_ms: u64,
    ) -> BoxFuture<'_, Result<u64>> {
        self.0.replay_range(subscription, from_ms, until_ms)
    }

    fn statistics(&self) -> Statistics {
        self.0.statistics()
    }

    fn close(&self) -> BoxFuture<'_, Result<()>> {
        self.0.close()
    }
}

/// A log with points around the outcomes of deliveries.
pub(crate) struct FaultyQueue(pub(crate) Arc<dyn Queue>);

impl Queue for FaultyQueue {
    fn served(&self) -> &[Arc<Subscription>] {
        self.0.served()
    }

    fn options(&self) -> &Options {
        self.0.options()
    }

    fn claim(
        &self,
        subscription: usize,
        busy: Vec<Arc<str>>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Claimed>> {
        self.0.claim(subscription, busy, limit)
    }

    fn settle(&self, settlement: Settlement) -> BoxFuture<'_, Result<()>> {
        let name = self.0.served()[settlement.subscription].name.clone();
        let ending = match settlement.ending {
            Ending::Done => "done",
            Ending::Retry { .. } => "retry",
            Ending::Dead { .. } => "dead",
        };
        Box::pin(around(move || format!("acknowledge/{name}/{ending}"), async move {
            self.0.settle(settlement).await
        }))
    }

    fn changed(&self, subscription: usize) -> BoxFuture<'_, ()> {
        self.0.changed(subscription)
    }

    fn tidy(&self) -> BoxFuture<'_, Result<bool>> {
        self.0.tidy()
    }
}
