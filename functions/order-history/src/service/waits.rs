//! The callers that wait for an event: each may wait for only one at a time.

use std::collections::BTreeMap;

use chassis::clock::Timer;
use chassis::hash::shard;
use chassis::store::{Store, StoreError};

use super::{OrderHistory, POSITION_WAIT_MAX_MS};
use crate::ports::EventLog;

/// The number of values that the waiting callers are split into.
const SHARDS: u32 = 16;

/// By caller, when the wait ends at the latest, in milliseconds since the epoch.
type Waiting = BTreeMap<String, u64>;

impl<S: Store, L: EventLog, C: Timer> OrderHistory<S, L, C> {
    /// Records that this caller waits; false if it already does. The entry expires.
    pub(super) async fn begin_wait(&self, caller: &str, now_ms: u64) -> Result<bool, StoreError> {
        let end_ms = now_ms.saturating_add(2 * POSITION_WAIT_MAX_MS);
        let begin = |waiting: Option<Waiting>| {
            let mut waiting = waiting.unwrap_or_default();
            waiting.retain(|_, until_ms| (now_ms..=end_ms).contains(until_ms));
            let is_first = !waiting.contains_key(caller);
            if is_first {
                waiting.insert(caller.to_owned(), end_ms);
            }
            Ok::<_, StoreError>((waiting, is_first))
        };
        self.store.update(&key(caller), begin).await
    }

    /// Removes the entry.
    pub(super) async fn end_wait(&self, caller: &str, began_ms: u64) -> Result<(), StoreError> {
        let end = |waiting: Option<Waiting>| {
            let mut waiting = waiting.unwrap_or_default();
            waiting.retain(|name, until_ms| name != caller && *until_ms >= began_ms);
            Ok::<_, StoreError>((waiting, ()))
        };
        self.store.update(&key(caller), end).await
    }
}

fn key(caller: &str) -> String {
    format!("waiting/{}", shard(caller, SHARDS))
}
