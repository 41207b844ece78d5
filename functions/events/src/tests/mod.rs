//! The broker over a store in memory, with virtual time and subscribers that keep count.

#![allow(clippy::unwrap_used, clippy::panic)]

mod cases;
mod contract;
mod gone;
mod model;
mod subscribers;

use crate::broker::Broker;
use crate::ports::Clock;
use crate::settings::subscriptions;
use chassis::store::{MemoryStore, Store, StoreError};
use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::task::{Context, Poll, Waker};
use subscribers::Subscribers;
use tessera_events::Event;

/// The event of this number about a subject.
pub(crate) fn event(subject: &str, sequence: u64) -> Event {
    Event {
        id: format!("{subject}.{sequence}"),
        source: "/shop/test".to_owned(),
        kind: "com.shop.test.thing.changed.v1".to_owned(),
        subject: Some(subject.to_owned()),
        time: Some("2026-01-31T12:00:00.000Z".to_owned()),
        data_content_type: Some("application/json".to_owned()),
        data_schema: None,
        extensions: [
            ("partitionkey".to_owned(), subject.to_owned()),
            ("sequence".to_owned(), sequence.to_string()),
        ]
        .into(),
        data: "{}".to_owned(),
    }
}

/// The first events about a subject.
fn events(subject: &str, count: u64) -> Vec<Event> {
    (1..=count).map(|sequence| event(subject, sequence)).collect()
}

/// Two subscriptions, one of them in batches; three attempts each.
const SUBSCRIPTIONS: &str = r#"[
    {"component":"one","path":"/events","types":["com.shop.test.*"],"attempts_max":3},
    {"component":"batch","path":"/events","types":["*"],"mode":"batch","batch_max":3,
     "attempts_max":3}
]"#;

type TestBroker<S = MemoryStore> = Broker<S, Subscribers, Virtual>;

fn broker<S: Store>(store: S, subscribers: &Subscribers, clock: &Virtual) -> TestBroker<S> {
    let subscriptions = subscriptions(SUBSCRIPTIONS).unwrap();
    Broker::new(store, subscribers.clone(), clock.clone(), subscriptions)
}

/// Time that passes when the test says so.
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
