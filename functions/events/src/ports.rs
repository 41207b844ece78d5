//! What the broker needs besides its store.

use std::future::Future;
use tessera_events::{Event, Member, Outcome};

/// Time and chance.
pub trait Clock: Clone + Send + Sync + 'static {
    /// Milliseconds since the epoch.
    fn now_ms(&self) -> u64;
    /// Evenly distributed, for jitter and for the names of those who deliver.
    fn random(&self) -> u64;
}

/// The way to the subscribers.
pub trait Subscriber: Clone + Send + Sync + 'static {
    /// Hand over events of one partition key, within
    /// [`DELIVERY_TIMEOUT_MS`](crate::service::DELIVERY_TIMEOUT_MS).
    fn deliver(&self, member: &Member, events: &[Event]) -> impl Future<Output = Outcome> + Send;
}
