//! Whether a store takes writes.
//!
//! A store that is full or damaged still answers what is asked of it, so reading says nothing. But
//! a write each time that somebody asks would let askers wear the store out: one write is good for
//! a while, whichever instance made it.

use super::{Store, StoreError};

/// For so long a write says that the store takes writes, in milliseconds.
pub const GOOD_FOR_MS: u64 = 5_000;
/// When that was, in milliseconds since the epoch.
const KEY: &str = "readiness";

/// Fails if the store does not take writes. Writes at most once in [`GOOD_FOR_MS`], and reads
/// once otherwise.
///
/// # Errors
/// What the store said.
pub async fn check_writable<S: Store>(store: &S, now_ms: u64) -> Result<(), StoreError> {
    let known = store.get(KEY).await?;
    let last = known.and_then(|bytes| String::from_utf8(bytes).ok()?.parse::<u64>().ok());
    // A time that is yet to come is of a clock that went wrong.
    if last.is_some_and(|last| last <= now_ms && now_ms - last < GOOD_FOR_MS) {
        return Ok(());
    }
    store.set(KEY, now_ms.to_string().as_bytes()).await
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::store::{FailingStore, MemoryStore};

    const NOW: u64 = 1_800_000_000_000;

    #[tokio::test]
    async fn one_write_is_good_for_a_while() {
        let store = MemoryStore::new();
        check_writable(&store, NOW).await.unwrap();
        // A read is all that there is time for.
        let read_only = || FailingStore::after(1, store.clone());
        check_writable(&read_only(), NOW + GOOD_FOR_MS - 1).await.unwrap();
        assert!(check_writable(&read_only(), NOW + GOOD_FOR_MS).await.is_err());
        assert!(check_writable(&read_only(), NOW - 1).await.is_err());
        check_writable(&store, NOW + GOOD_FOR_MS).await.unwrap();
        assert_eq!(store.keys(), [KEY]);
    }
}
