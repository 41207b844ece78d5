//! The interface between delivery and a log.

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;

use crate::{Entry, Options, Reason, Result, Subscription};

/// The consumer side of a log.
pub trait Queue: Send + Sync + 'static {
    /// The subscriptions of this process.
    fn served(&self) -> &[Arc<Subscription>];

    /// The limits, the clock and the source of jitter.
    fn options(&self) -> &Options;

    /// Returns due events of a subscription (by its index in [`served`](Self::served)), of at most
    /// `limit` keys, none of them among `busy`.
    fn claim(
        &self,
        subscription: usize,
        busy: Vec<Arc<str>>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Claimed>>;

    /// Records the outcome of a delivery, and returns when it is durable.
    fn settle(&self, settlement: Settlement) -> BoxFuture<'_, Result<()>>;

    /// Waits until events of a subscription may have become due since the last call. Only one task
    /// at a time may wait for a subscription.
    fn changed(&self, subscription: usize) -> BoxFuture<'_, ()>;

    /// Removes a limited number of events by the rules of retention. Returns whether there may be
    /// more.
    fn tidy(&self) -> BoxFuture<'_, Result<bool>>;
}

/// Due events, and the time until others are due.
#[derive(Debug, Default)]
pub struct Claimed {
    /// One item per key.
    pub work: Vec<Work>,
    /// The time until the next key is due.
    pub pause: Option<Duration>,
}

/// The next events of a key.
#[derive(Debug)]
pub struct Work {
    /// The partition key.
    pub key: Arc<str>,
    /// In order; at least one.
    pub entries: Vec<Entry>,
    /// The turn of each entry: a replay during a delivery gives the event another turn, which the
    /// outcome of that delivery does not affect.
    pub turns: Vec<u64>,
    /// The number of earlier deliveries of the first entry, without those that were deferred.
    pub attempts: u32,
}

/// The outcome of a delivery, to be recorded.
#[derive(Clone, Debug)]
pub struct Settlement {
    /// The index of the subscription in [`Queue::served`].
    pub subscription: usize,
    /// The partition key.
    pub key: Arc<str>,
    /// Positions and turns, in order.
    pub entries: Vec<(u64, u64)>,
    /// When the delivery began, in milliseconds since the epoch.
    pub began_at_ms: u64,
    /// The number of deliveries of the first entry, including this one.
    pub attempt: u32,
    /// What happens to the events.
    pub ending: Ending,
}

/// What happens to the events of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// They are processed.
    Done,
    /// The first one is retried at a time; from now on, all of them are delivered one by one.
    Retry {
        /// The time, in milliseconds since the epoch.
        due_at_ms: u64,
        /// Whether this was an attempt. If not, only the time changes: the delivery was not made,
        /// which says nothing about the events.
        counts: bool,
    },
    /// The (single) event becomes a dead letter.
    Dead {
        /// The reason.
        reason: Reason,
        /// The response of the subscriber.
        detail: String,
    },
}
