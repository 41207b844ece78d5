//! Who waits for an event, so that nobody waits for many at once.

use std::collections::BTreeMap;

use chassis::store::{Store, StoreError};

use super::{OrderHistory, POSITION_WAIT_MAX_MS};
use crate::ports::{Clock, EventLog};

/// In how many values those who wait are split.
const SHARDS: u8 = 16;

/// Until when each caller waits at most, in milliseconds since the epoch.
type Waiting = BTreeMap<String, u64>;

impl<S: Store, L: EventLog, C: Clock> OrderHistory<S, L, C> {
    /// Notes that this caller waits; false if they do already. A note that was not taken away ends
    /// by itself.
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

    /// Takes the note away.
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
    let sum = caller.bytes().fold(0u8, |sum, b| sum.wrapping_mul(31).wrapping_add(b));
    format!("waiting/{}", sum % SHARDS)
}
