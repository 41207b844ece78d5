//! The event log.

use std::future::Future;

use chassis::events::Event;
use chassis::sealed::PersonKeys;

/// An event in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    /// Its position: ascending, with gaps.
    pub position: u64,
    /// The event.
    pub event: Event,
}

/// How far behind a subscription is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lag {
    /// The consumer group.
    pub subscription: String,
    /// Events that are not yet processed.
    pub events: u64,
    /// Age of the oldest of them, in milliseconds.
    pub age_ms: u64,
    /// Dead letters.
    pub dead: u64,
}

/// The event log is unavailable, with its error. The call can be repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the event log is unavailable: {0}")]
pub struct Unavailable(pub String);

/// The event log, and the keys of sealed data in events.
pub trait EventLog: PersonKeys {
    /// Events after a position (0: from the beginning), oldest first, at most `limit` (1 to 500).
    /// Only an empty page is the end.
    fn read(
        &self,
        after: u64,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<Logged>, Unavailable>> + Send;

    /// How far behind each subscription is.
    fn lags(&self) -> impl Future<Output = Result<Vec<Lag>, Unavailable>> + Send;
}
