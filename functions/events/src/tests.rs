//! The broker with a store in memory, a manual clock and subscribers that check its guarantees.

#![allow(clippy::unwrap_used, clippy::panic)]

mod cases;
mod contract;
mod model;
mod removal;
mod subscribers;

use crate::service::Broker;
use chassis::store::Store;
use chassis::testing::{ManualClock, MemoryStore, ScriptedStore, run, yield_once};
use subscribers::Subscribers;
use tessera_events::contract::{batches, event, events, subscription};
use tessera_events::{Pattern, Subscription};

/// Two subscriptions, one of them in batches.
fn subscriptions() -> Vec<Subscription> {
    let mut one = subscription("one");
    one.types = vec![Pattern::parse("com.example.*").unwrap()];
    vec![batches("batch"), one]
}

type TestBroker<S = MemoryStore> = Broker<S, Subscribers, ManualClock>;

fn broker<S: Store>(store: S, subscribers: &Subscribers, clock: &ManualClock) -> TestBroker<S> {
    Broker::new(store, subscribers.clone(), clock.clone(), subscriptions())
        .with_random(subscribers.random.clone())
}

/// A store that yields before each operation.
fn stepwise(store: &MemoryStore) -> ScriptedStore {
    ScriptedStore::new(store.clone()).before(|_, _| async {
        yield_once().await;
        Ok(())
    })
}

fn clock() -> ManualClock {
    ManualClock::new(1_000_000)
}
