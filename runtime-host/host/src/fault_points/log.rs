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

    forward! { 0:
        fn read(after: u64, limit: u32) -> BoxFuture<'_, Result<Vec<Entry>>>;
        fn subscriptions() -> BoxFuture<'_, Result<Vec<Progress>>>;
        fn dead_letters(after: Option<String>, limit: u32) -> BoxFuture<'_, Result<Vec<DeadLetter>>>;
        fn replay(dead_letter_id: String) -> BoxFuture<'_, Result<()>>;
        fn replay_key(subscription: String, key: String) -> BoxFuture<'_, Result<u64>>;
        fn discard(dead_letter_id: String) -> BoxFuture<'_, Result<()>>;
        fn replay_range(
            subscription: String, from_ms: u64, until_ms: u64
        ) -> BoxFuture<'_, Result<u64>>;
        fn statistics() -> Statistics;
        fn close() -> BoxFuture<'_, Result<()>>;
    }
}

/// A log with points around the outcomes of deliveries.
pub(crate) struct FaultyQueue(pub(crate) Arc<dyn Queue>);

impl Queue for FaultyQueue {
    forward! { 0:
        fn served() -> &[Arc<Subscription>];
        fn options() -> &Options;
        fn claim(
            subscription: usize, busy: Vec<Arc<str>>, limit: usize
        ) -> BoxFuture<'_, Result<Claimed>>;
        fn changed(subscription: usize) -> BoxFuture<'_, ()>;
        fn tidy() -> BoxFuture<'_, Result<bool>>;
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
}
