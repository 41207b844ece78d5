//! The broker keeps the contract of all event brokers.

use super::Virtual;
use crate::broker::Broker;
use crate::log::PublishError;
use crate::operator::Refusal;
use crate::ports::Subscriber;
use chassis::store::MemoryStore;
use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use tessera_events::contract::{self, Subscribers};
use tessera_events::{
    DeadLetter, Entry, Error, Event, Log, Member, Outcome, Progress, Published, Result, Statistics,
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
    broker: Broker<MemoryStore, Recording, Virtual>,
    clock: Virtual,
}

impl contract::Broker for AsLog {
    fn log(&self) -> &dyn Log {
        self
    }

    fn settle(&self) -> BoxFuture<'_, ()> {
        async {
            for _ in 0..ROUNDS {
                self.broker.work().await;
                self.clock.pass(PAUSE_MS);
            }
        }
        .boxed()
    }
}

impl Log for AsLog {
    fn publish(&self, events: Vec<Event>) -> BoxFuture<'_, Result<Published>> {
        async move {
            let published = self.broker.publish(&events).await;
            published.map(|()| Published::default()).map_err(|error| match error {
                PublishError::Invalid(text) => Error::Invalid(text),
                PublishError::Full | PublishError::Backlog(_) => Error::Full(error.to_string()),
                PublishError::Store(_) => Error::Unavailable(error.to_string()),
            })
        }
        .boxed()
    }

    fn read(&self, after: u64, limit: u32) -> BoxFuture<'_, Result<Vec<Entry>>> {
        async move { self.broker.read(after, limit).await.map_err(refused) }.boxed()
    }

    fn subscriptions(&self) -> BoxFuture<'_, Result<Vec<Progress>>> {
        async { self.broker.standings().await.map_err(refused) }.boxed()
    }

    fn dead_letters(
        &self,
        after: Option<String>,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<DeadLetter>>> {
        async move { self.broker.dead_letters(after.as_deref(), limit).await.map_err(refused) }
            .boxed()
    }

    fn replay(&self, dead_letter_id: String) -> BoxFuture<'_, Result<()>> {
        async move { self.broker.replay(&dead_letter_id).await.map_err(refused) }.boxed()
    }

    fn replay_key(&self, subscription: String, key: String) -> BoxFuture<'_, Result<u64>> {
        async move { self.broker.replay_key(&subscription, &key).await.map_err(refused) }.boxed()
    }

    fn discard(&self, dead_letter_id: String) -> BoxFuture<'_, Result<()>> {
        async move { self.broker.discard(&dead_letter_id).await.map_err(refused) }.boxed()
    }

    fn replay_range(
        &self,
        subscription: String,
        from_ms: u64,
        until_ms: u64,
    ) -> BoxFuture<'_, Result<u64>> {
        async move {
            self.broker.replay_range(&subscription, from_ms, until_ms).await.map_err(refused)
        }
        .boxed()
    }

    fn statistics(&self) -> Statistics {
        Statistics::default()
    }

    fn close(&self) -> BoxFuture<'_, Result<()>> {
        ready(Ok(())).boxed()
    }
}

fn refused(refusal: Refusal) -> Error {
    match refusal {
        Refusal::NotFound(text) => Error::NotFound(text),
        Refusal::Invalid(text) => Error::Invalid(text),
        Refusal::Unavailable(text) => Error::Unavailable(text),
    }
}

async fn start(subscriptions: Vec<Subscription>, subscribers: Subscribers) -> AsLog {
    let clock = Virtual::new();
    let broker =
        Broker::new(MemoryStore::new(), Recording(subscribers), clock.clone(), subscriptions);
    AsLog { broker, clock }
}

tessera_events::contract_tests!(start);
