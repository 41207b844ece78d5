//! Whether a store accepts writes.
//!
//! A full or damaged store still serves reads, so only a write proves that it works. One write per
//! probe would let clients cause unlimited writes, so a successful write counts for some time, for
//! all instances.

use super::{Store, StoreError};

/// How long a successful write counts, in milliseconds.
pub const GOOD_FOR_MS: u64 = 5_000;
/// The key of the time of the last write, in milliseconds since the epoch.
const KEY: &str = "readiness";

/// Fails if the store does not accept writes. Writes at most once per [`GOOD_FOR_MS`], and only
/// reads otherwise.
///
/// # Errors
/// The error of the store.
pub async fn check_writable<S: Store>(store: &S, now_ms: u64) -> Result<(), StoreError> {
    let known = store.get(KEY).await?;
    let last = known.and_then(|bytes| String::from_utf8(bytes).ok()?.parse::<u64>().ok());
    // A time in the future is the result of a clock change.
    if last.is_some_and(|last| last <= now_ms && now_ms - last < GOOD_FOR_MS) {
        return Ok(());
    }
    store.set(KEY, now_ms.to_string().as_bytes()).await
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing::{MemoryStore, ScriptedStore};

    const NOW: u64 = 1_800_000_000_000;

    #[tokio::test]
    async fn one_write_counts_for_some_time() {
        let store = MemoryStore::new();
        check_writable(&store, NOW).await.unwrap();
        // Only the first operation succeeds: a read.
        let read_only = || ScriptedStore::failing_after(1, store.clone());
        check_writable(&read_only(), NOW + GOOD_FOR_MS - 1).await.unwrap();
        assert!(check_writable(&read_only(), NOW + GOOD_FOR_MS).await.is_err());
        assert!(check_writable(&read_only(), NOW - 1).await.is_err());
        check_writable(&store, NOW + GOOD_FOR_MS).await.unwrap();
        assert_eq!(store.keys(), [KEY]);
    }
}
