//! What delivery needs of a log.

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;

use crate::{Entry, Options, Reason, Result, Subscription};

/// The side of a log from which events are taken.
pub trait Queue: Send + Sync + 'static {
    /// The subscriptions that are served.
    fn served(&self) -> &[Arc<Subscription>];

    /// The limits, the clock and the jitter.
    fn options(&self) -> &Options;

    /// The work that is due for a subscription (by its place in [`served`](Self::served)), at
    /// most `limit` keys, none of them among `busy`.
    fn claim(
        &self,
        subscription: usize,
        busy: Vec<Arc<str>>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Claimed>>;

    /// Notes how a delivery ended; answers when that is durable.
    fn settle(&self, settlement: Settlement) -> BoxFuture<'_, Result<()>>;

    /// Waits until something may have become due for a subscription since the last call. One
    /// task at a time may wait for a subscription.
    fn changed(&self, subscription: usize) -> BoxFuture<'_, ()>;

    /// Removes a bounded number of events that need not be kept. Gives whether there may be more.
    fn tidy(&self) -> BoxFuture<'_, Result<bool>>;
}

/// What is due now, and when something else will be.
#[derive(Debug, Default)]
pub struct Claimed {
    /// One for each key.
    pub work: Vec<Work>,
    /// Until the next key that is not due yet.
    pub pause: Option<Duration>,
}

/// The next events of a key.
#[derive(Debug)]
pub struct Work {
    /// The partition key.
    pub key: Arc<str>,
    /// In order; at least one.
    pub entries: Vec<Entry>,
    /// For each entry, which of its turns this is: a replay during a delivery gives the event
    /// another turn, which the end of the delivery does not touch.
    pub turns: Vec<u64>,
    /// How often the first entry was delivered before.
    pub attempts: u32,
}

/// How the delivery of some work ended.
#[derive(Clone, Debug)]
pub struct Settlement {
    /// The place of the subscription.
    pub subscription: usize,
    /// The partition key.
    pub key: Arc<str>,
    /// Positions and turns, in order.
    pub entries: Vec<(u64, u64)>,
    /// When the delivery began, in milliseconds since the epoch.
    pub began_at_ms: u64,
    /// Which delivery of the first entry it was, from 1.
    pub attempt: u32,
    /// What becomes of the events.
    pub ending: Ending,
}

/// What becomes of the events of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// They are done.
    Done,
    /// The first is due again at this time; all of them go one by one from now on.
    Retry {
        /// In milliseconds since the epoch.
        due_at_ms: u64,
    },
    /// The first one is given up; it was alone.
    Dead {
        /// Why.
        reason: Reason,
        /// What the subscriber said.
        detail: String,
    },
}
