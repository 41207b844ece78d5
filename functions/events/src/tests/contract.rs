//! The broker keeps the contract of all event brokers.

use super::{ManualClock, clock};
use crate::ports::Subscriber;
use crate::service::Broker;
use chassis::testing::MemoryStore;
use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use tessera_events::contract::{self, Subscribers};
use tessera_events::{
    DeadLetter, Entry, Event, Log, Member, Outcome, Progress, Published, Result, Statistics,
    Subscription,
};

/// Longer than any pause between two attempts.
const PAUSE_MS: u64 = 400_000;
/// More rounds of work than the attempts of any event.
const ROUNDS: u32 = 20;

#[derive(Clone)]
struct Recording(Subscribers);

impl Subscriber for Recording {
    async fn deliver(&self, member: &Member, events: &[Event]) -> Outcome {
        self.0.deliver(member, events)
    }
}

/// The broker behind the interface of the log.
struct AsLog {
    broker: Broker<MemoryStore, Recording, ManualClock>,
    clock: ManualClock,
}

impl contract::Broker for AsLog {
    fn log(&self) -> &dyn Log {
        self
    }

    fn settle(&self) -> BoxFuture<'_, ()> {
        async {
            for _ in 0..ROUNDS {
                self.broker.work().await;
                self.clock.advance(PAUSE_MS);
            }
        }
        .boxed()
    }
}

impl Log for AsLog {
    fn publish(&self, events: Vec<Event>) -> BoxFuture<'_, Result<Published>> {
        async move {
            self.broker.publish(&events).await?;
            Ok(Published::default())
        }
        .boxed()
    }

    fn read(&self, after: u64, limit: u32) -> BoxFuture<'_, Result<Vec<Entry>>> {
        async move { Ok(self.broker.read(after, limit).await?) }.boxed()
    }

    fn subscriptions(&self) -> BoxFuture<'_, Result<Vec<Progress>>> {
        async { Ok(self.broker.subscriptions().await?) }.boxed()
    }

    fn dead_letters(
        &self,
        after: Option<String>,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<DeadLetter>>> {
        async move { Ok(self.broker.dead_letters(after.as_deref(), limit).await?) }.boxed()
    }

    fn replay(&self, dead_letter_id: String) -> BoxFuture<'_, Result<()>> {
        async move { Ok(self.broker.replay(&dead_letter_id).await?) }.boxed()
    }

    fn replay_key(&self, subscription: String, key: String) -> BoxFuture<'_, Result<u64>> {
        async move { Ok(self.broker.replay_key(&subscription, &key).await?) }.boxed()
    }

    fn discard(&self, dead_letter_id: String) -> BoxFuture<'_, Result<()>> {
        async move { Ok(self.broker.discard(&dead_letter_id).await?) }.boxed()
    }

    fn replay_range(
        &self,
        subscription: String,
        from_ms: u64,
        until_ms: u64,
    ) -> BoxFuture<'_, Result<u64>> {
        async move { Ok(self.broker.replay_range(&subscription, from_ms, until_ms).await?) }.boxed()
    }

    fn statistics(&self) -> Statistics {
        Statistics::default()
    }

    fn close(&self) -> BoxFuture<'_, Result<()>> {
        ready(Ok(())).boxed()
    }
}

async fn start(subscriptions: Vec<Subscription>, subscribers: Subscribers) -> AsLog {
    let clock = clock();
    let broker =
        Broker::new(MemoryStore::new(), Recording(subscribers), clock.clone(), subscriptions);
    AsLog { broker, clock }
}

tessera_events::contract_tests!(start);
