//! The subscribers.

use std::future::Future;
use tessera_events::{Event, Member, Outcome};

/// Delivers events to components.
pub trait Subscriber: Clone + Send + Sync + 'static {
    /// Delivers events of one partition key, within
    /// [`DELIVERY_TIMEOUT_MS`](crate::service::DELIVERY_TIMEOUT_MS).
    fn deliver(&self, member: &Member, events: &[Event]) -> impl Future<Output = Outcome> + Send;
}
