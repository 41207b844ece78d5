//! What the projection needs of others.

use std::future::Future;

use chassis::events::Event;
use chassis::sealed::PersonKeys;

/// An event where it stands in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    /// Ascending, without meaning otherwise.
    pub position: u64,
    /// The event.
    pub event: Event,
}

/// How far behind a subscription is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lag {
    /// The consumer group.
    pub subscription: String,
    /// Events that are not yet done.
    pub events: u64,
    /// Age of the oldest of them, in milliseconds.
    pub age_ms: u64,
    /// Events that were given up.
    pub dead: u64,
}

/// The log can't answer now; its own words, for our log. Repeating is safe.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the log of events does not answer: {0}")]
pub struct Unavailable(pub String);

/// The log of all events, and the keys of their sealed data.
pub trait EventLog: PersonKeys {
    /// Events after a position (0: from the beginning), oldest first, at most `limit` (1 to
    /// 500). None means that this is the end for now.
    fn read(
        &self,
        after: u64,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<Logged>, Unavailable>> + Send;

    /// How far behind each subscription is.
    fn lags(&self) -> impl Future<Output = Result<Vec<Lag>, Unavailable>> + Send;
}

/// Time, as far as it must pass.
pub trait Clock: Clone + Send + Sync + 'static {
    /// Milliseconds since the epoch.
    fn now_ms(&self) -> u64;

    /// Ready after that many milliseconds.
    fn sleep(&self, ms: u64) -> impl Future<Output = ()> + Send;
}
