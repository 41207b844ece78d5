//! The books of other functions, the event log, and the means of this function.

use crate::domain::{Audit, DeadLetter, Entry, LoggedEvent, Standing, Subscription};
use chassis::Clock;
use chassis::auth::KeySource;
use chassis::http::Outbound;
use chassis::store::Store;
use std::future::Future;

pub use crate::bindings::tessera::events::log::Error as LogError;

/// All ports.
pub trait Ports: Sources + EventLog + Outbound + Clock {
    /// The store of the reconciliation.
    type Store: Store;
    /// The keys that callers' tokens are checked with.
    type Keys: KeySource;

    /// The store.
    fn store(&self) -> &Self::Store;

    /// The keys.
    fn keys(&self) -> &Self::Keys;
}

/// Some entries of a book.
#[derive(Clone, Debug)]
pub struct Part<T> {
    /// In the book's own order.
    pub entries: Vec<T>,
    /// The cursor of the next part; none at the end.
    pub next: Option<String>,
}

/// A book can't be read now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{book} can't be read now: {reason}")]
pub struct Unreadable {
    /// The component that keeps it.
    pub book: &'static str,
    /// The error of the component, for logs.
    pub reason: String,
}

/// The result of reading a book.
pub type Reading<T> = Result<T, Unreadable>;

/// The books of all functions.
pub trait Sources: Clone + Send + Sync + 'static {
    /// The entries of a book after `after`, at most `limit` (1 to 100). Orders come as
    /// [`Entry::Order`].
    fn page(
        &self,
        book: Audit,
        after: Option<String>,
        limit: u32,
    ) -> impl Future<Output = Reading<Part<Entry>>> + Send;

    /// The statuses of at most 100 reservations, in the order of the ids.
    fn reservations(&self, ids: Vec<String>)
    -> impl Future<Output = Reading<Vec<Standing>>> + Send;
}

/// The event log of the platform.
pub trait EventLog: Clone + Send + Sync + 'static {
    /// Events after a position (0: from the beginning), oldest first, at most `limit` (1 to
    /// 500).
    fn read(
        &self,
        after: u64,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<LoggedEvent>, LogError>> + Send;

    /// All subscriptions, by name.
    fn subscriptions(&self) -> impl Future<Output = Result<Vec<Subscription>, LogError>> + Send;

    /// Dead letters after the one with the id `after`, oldest first, at most `limit` (1 to
    /// 100).
    fn dead_letters(
        &self,
        after: Option<String>,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<DeadLetter>, LogError>> + Send;

    /// Delivers a dead letter again.
    fn replay(&self, dead_letter_id: String) -> impl Future<Output = Result<(), LogError>> + Send;

    /// Delivers all dead letters of a partition key again, and the events that wait for them.
    /// Returns the number of events.
    fn replay_key(
        &self,
        subscription: String,
        key: String,
    ) -> impl Future<Output = Result<u64, LogError>> + Send;

    /// Discards a dead letter permanently.
    fn discard(&self, dead_letter_id: String) -> impl Future<Output = Result<(), LogError>> + Send;

    /// Delivers the events of a period (milliseconds since the epoch, the end excluded) to a
    /// subscription again. Returns the number of events.
    fn replay_range(
        &self,
        subscription: String,
        from_ms: u64,
        until_ms: u64,
    ) -> impl Future<Output = Result<u64, LogError>> + Send;
}
