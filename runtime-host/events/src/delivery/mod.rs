//! Delivery: reads due events from a log, sends them to subscribers, and records the outcomes.
//!
//! A [`Service`] is created from a log; starting it returns a [`Handle`], which stops it. Each
//! subscription has its own task, so that a slow subscriber does not delay others. A key that is in
//! delivery is claimed again only after the outcome is durable, which preserves the order.

mod pump;
mod queue;
mod service;

use std::sync::Arc;

use futures::future::BoxFuture;

use crate::{Entry, Member, Outcome};

pub use queue::{Claimed, Ending, Queue, Settlement, Work};
pub use service::{Handle, Service};

/// The transport of events to subscribers, implemented by the host.
pub trait Deliver: Send + Sync + 'static {
    /// Delivers events and returns the outcome. Called for several keys at the same time. The
    /// future is dropped after the timeout and when the service has to stop; a panic counts as a
    /// failure.
    fn deliver(&self, delivery: Delivery) -> BoxFuture<'_, Outcome>;
}

/// One request to a subscriber.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The consumer group.
    pub subscription: Arc<str>,
    /// The receiver, with its path and mode.
    pub member: Member,
    /// The events of one partition key, in order; one unless the mode is a batch.
    pub entries: Vec<Entry>,
    /// The number of deliveries of the first event, including this one. Those that were deferred
    /// do not count.
    pub attempt: u32,
}
