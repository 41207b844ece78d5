//! Events: sending them to the platform's log, receiving them from it.
//!
//! Use cases don't publish by hand: what an aggregate has to tell lies in its
//! [`crate::outbox`] and leaves with its relay, so that no crash can separate the change from
//! its event. Receivers take [`Received`] and admit each event once, through [`crate::inbox`].

#[cfg(any(test, feature = "testing"))]
mod memory;
mod received;

#[cfg(any(test, feature = "testing"))]
pub use memory::{Behavior, MemoryProducer};
pub use received::Received;
pub use tessera_cloudevents::{Event, Invalid};

use std::future::Future;

/// Most events of one call of [`Producer::publish`].
pub const PUBLISH_EVENTS_MAX: usize = 100;

/// Why events were not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// An event is malformed or too long; repeating won't help. Nothing was accepted.
    #[error("the log refuses the event: {0}")]
    Invalid(String),
    /// Some, all or none of the events were accepted. Repeat with the same ids.
    #[error("the log is unavailable: {0}")]
    Unavailable(String),
}

/// The port to the platform's log of events. In a component whose world imports
/// `tessera:events/producer`, `bindings::EventProducer`.
pub trait Producer: Clone + Send + Sync + 'static {
    /// Answers when all events are durable, in this order, at most [`PUBLISH_EVENTS_MAX`] at
    /// once. The log passes over those that it has already (by source and id).
    fn publish(&self, events: &[Event]) -> impl Future<Output = Result<(), PublishError>> + Send;
}
