//! The broker over a store in memory, with virtual time and subscribers that keep count.

#![allow(clippy::unwrap_used, clippy::panic)]

mod cases;
mod contract;
mod gone;
mod model;
mod subscribers;

use crate::service::Broker;
use crate::ports::Clock;
use chassis::store::{MemoryStore, Store, StoreError};
use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::task::{Context, Poll, Waker};
use subscribers::Subscribers;
use tessera_events::contract::{batches, event, events, subscription};
use tessera_events::{Pattern, Subscription};

/// Two subscriptions, one of them in batches.
fn subscriptions() -> Vec<Subscription> {
    let mut one = subscription("one");
    one.types = vec![Pattern::parse("com.example.*").unwrap()];
    vec![batches("batch"), one]
}

type TestBroker<S = MemoryStore> = Broker<S, Subscribers, Virtual>;

fn broker<S: Store>(store: S, subscribers: &Subscribers, clock: &Virtual) -> TestBroker<S> {
    Broker::new(store, subscribers.clone(), clock.clone(), subscriptions())
}

/// Time that only the test advances.
#[derive(Clone, Debug)]
struct Virtual(Arc<AtomicU64>, Arc<AtomicU64>);

impl Virtual {
    fn new() -> Virtual {
        Virtual(Arc::new(AtomicU64::new(1_000_000)), Arc::default())
    }

    fn pass(&self, ms: u64) {
        self.0.fetch_add(ms, SeqCst);
    }
}

impl Clock for Virtual {
    fn now_ms(&self) -> u64 {
        self.0.load(SeqCst)
    }

    fn random(&self) -> u64 {
        self.1.fetch_add(0x9e37_79b9_7f4a_7c15, SeqCst)
    }
}

/// A store that stops before each operation.
#[derive(Clone)]
struct Stepwise(MemoryStore);

async fn step() {
    let mut stopped = false;
    poll_fn(
        |_| if std::mem::replace(&mut stopped, true) { Poll::Ready(()) } else { Poll::Pending },
    )
    .await;
}

impl Store for Stepwise {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        step().await;
        self.0.get(key).await
    }
    async fn set(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        step().await;
        self.0.set(key, value).await
    }
    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        step().await;
        self.0.delete(key).await
    }
    async fn increment(&self, key: &str, delta: i64) -> Result<i64, StoreError> {
        step().await;
        self.0.increment(key, delta).await
    }
    async fn compare_and_swap(
        &self,
        key: &str,
        expected: Option<&[u8]>,
        new: &[u8],
    ) -> Result<bool, StoreError> {
        step().await;
        self.0.compare_and_swap(key, expected, new).await
    }
}

/// Poll without an executor: these futures only ever wait for the next poll.
fn run<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    for _ in 0..1_000_000 {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return value;
        }
    }
    panic!("the future does not end")
}
