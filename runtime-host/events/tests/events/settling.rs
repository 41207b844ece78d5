//! A log that cannot be written to for a while.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use futures::{FutureExt, future::BoxFuture};
use tessera_events::{
    Error, Options, Result, Subscription,
    delivery::{Claimed, Handle, Queue, Service, Settlement},
    embedded::Embedded,
};

use crate::harness::{
    Folder, PATIENCE, Subscribers, progress, publish, quick, settled, subscription,
};

/// A log that refuses to record a number of outcomes.
struct Refusing {
    log: Embedded,
    refusals: Arc<AtomicU32>,
}

impl Queue for Refusing {
    fn served(&self) -> &[Arc<Subscription>] {
        self.log.served()
    }

    fn options(&self) -> &Options {
        Queue::options(&self.log)
    }

    fn claim(
        &self,
        subscription: usize,
        busy: Vec<Arc<str>>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Claimed>> {
        self.log.claim(subscription, busy, limit)
    }

    fn settle(&self, settlement: Settlement) -> BoxFuture<'_, Result<()>> {
        let less = |left: u32| left.checked_sub(1);
        match self.refusals.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less) {
            Ok(_) => std::future::ready(Err(Error::Full("no room".to_owned()))).boxed(),
            Err(_) => self.log.settle(settlement),
        }
    }

    fn changed(&self, subscription: usize) -> BoxFuture<'_, ()> {
        Queue::changed(&self.log, subscription)
    }

    fn tidy(&self) -> BoxFuture<'_, Result<bool>> {
        self.log.tidy()
    }
}

fn start(log: &Embedded, refusals: &Arc<AtomicU32>, subscribers: &Subscribers) -> Handle {
    let queue = Refusing { log: log.clone(), refusals: Arc::clone(refusals) };
    Service::new(Arc::new(queue), Arc::new(subscribers.clone())).start()
}

#[tokio::test]
async fn an_outcome_that_cannot_be_recorded_yet_does_not_repeat_the_delivery() {
    let folder = Folder::new();
    let log = folder.open(quick(), &[subscription("all")]).await;
    let (refusals, subscribers) = (Arc::new(AtomicU32::new(50)), Subscribers::content());
    let _handle = start(&log, &refusals, &subscribers);
    publish(&log, "a", 1..=2).await;
    settled(&log, "all").await;
    assert_eq!(refusals.load(Ordering::SeqCst), 0);
    assert_eq!(subscribers.ids(), ["a.1", "a.2"]);
}

#[tokio::test]
async fn a_drain_does_not_wait_for_a_log_that_cannot_be_written() {
    let folder = Folder::new();
    let log = folder.open(quick(), &[subscription("all")]).await;
    let (refusals, subscribers) = (Arc::new(AtomicU32::new(u32::MAX)), Subscribers::content());
    let handle = start(&log, &refusals, &subscribers);
    publish(&log, "a", 1..=1).await;
    subscribers.wait_for(1).await;
    assert!(handle.drain(PATIENCE).await);
    assert_eq!(progress(&log, "all").await.lag_events, 1);

    refusals.store(0, Ordering::SeqCst);
    let _handle = start(&log, &refusals, &subscribers);
    settled(&log, "all").await;
    assert_eq!(subscribers.ids(), ["a.1", "a.1"]);
}
