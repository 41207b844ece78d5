//! Delivery: takes what is due out of a log, hands it to subscribers, and notes how it went.
//!
//! [`Options`](crate::Options) and a log make a [`Service`]; starting it gives a [`Handle`], by
//! which it is stopped. Each subscription has a task of its own, so that a slow subscriber holds
//! up nobody else. A key that is in delivery is taken again only after the outcome is durable:
//! this is what keeps the order.

mod pump;
mod queue;
mod service;

use std::sync::Arc;

use futures::future::BoxFuture;

use crate::{Entry, Member, Outcome};

pub use queue::{Claimed, Ending, Queue, Settlement, Work};
pub use service::{Handle, Service};

/// Whoever can bring events to a subscriber: the host.
pub trait Deliver: Send + Sync + 'static {
    /// Brings it there and tells how that ended. Is called for several keys at the same time. A
    /// call is dropped when it takes too long, and when the service has to stop; a panic counts
    /// as a failure.
    fn deliver(&self, delivery: Delivery) -> BoxFuture<'_, Outcome>;
}

/// One request to a subscriber.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The consumer group.
    pub subscription: Arc<str>,
    /// Who gets it, where, and in which mode.
    pub member: Member,
    /// In order, all of one partition key; one unless the mode is a batch.
    pub entries: Vec<Entry>,
    /// Which delivery of the first of them this is, from 1.
    pub attempt: u32,
}
