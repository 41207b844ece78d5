//! Keys that expire.
//!
//! [`expire_at`] sets the expiry time of a key, on every host. If the host supports expiry, the
//! host removes the key. Stores of other hosts can neither expire nor list keys. There, this module
//! notes the key in a [`Calendar`] of hours. [`sweep`], which the `/sweep` route of the function
//! calls, removes expired keys.

mod calendar;

pub use calendar::{Calendar, Options, Position, SWEEP_NOTES_MAX};

use crate::store::{Store, StoreError};
use serde::Serialize;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The notes of expiring keys.
const HOURS: Options = Options {
    prefix: "expiry",
    progress_key: "expiry/sweep",
    unit: "hour",
    period_ms: 3_600_000,
    // January 1, 2026.
    first_period: 490_896,
    settled_ms: 600_000,
};

/// The result of a sweep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// Processed notes. If there are [`SWEEP_NOTES_MAX`], more may be left.
    pub looked_at: usize,
    /// Removed keys.
    pub removed: usize,
}

/// Sets a key to be removed at this time (milliseconds since the epoch) or some time after it. Call
/// this before writing the key, so that a crash leaves no key without an expiry time.
///
/// # Errors
/// The store did not respond.
pub async fn expire_at<S: Store>(store: &S, key: &str, at_ms: u64) -> Result<(), StoreError> {
    if store.expire_at(key, at_ms).await? {
        return Ok(());
    }
    Calendar::new(store.clone(), HOURS).note(key, at_ms).await
}

/// Removes a bounded number of expired keys. `is_over` says whether a value has expired: it may
/// have been extended after the note was written, and then there is another note. Safe to repeat
/// and to run concurrently.
///
/// # Errors
/// The store did not respond.
pub async fn sweep<S: Store>(
    store: &S,
    now_ms: u64,
    is_over: impl Fn(&[u8]) -> bool + Send + Sync,
) -> Result<Swept, StoreError> {
    let removed = AtomicUsize::new(0);
    let (removed, is_over) = (&removed, &is_over);
    let look = |key: String| async move {
        if store.get(&key).await?.is_some_and(|value| is_over(&value)) {
            store.delete(&key).await?;
            removed.fetch_add(1, Ordering::Relaxed);
        }
        Ok::<_, StoreError>(())
    };
    let looked_at =
        Calendar::new(store.clone(), HOURS).sweep(now_ms, SWEEP_NOTES_MAX, look).await?;
    Ok(Swept { looked_at, removed: removed.load(Ordering::Relaxed) })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing::{MemoryStore, ScriptedStore};

    const NOW: u64 = 1_800_000_000_000;
    const HOUR_MS: u64 = HOURS.period_ms;
    const LATER: u64 = NOW + 2 * HOUR_MS + HOURS.settled_ms;
    const PROGRESS: &str = HOURS.progress_key;

    /// A value with its expiry time.
    fn value(until_ms: u64) -> Vec<u8> {
        until_ms.to_le_bytes().to_vec()
    }

    fn over_at(now_ms: u64) -> impl Fn(&[u8]) -> bool {
        move |value| u64::from_le_bytes(value.try_into().unwrap()) <= now_ms
    }

    /// Sweeps until nothing is left to do. Returns the number of removed keys.
    async fn sweep_all<S: Store>(store: &S, now_ms: u64) -> usize {
        let mut removed = 0;
        loop {
            let swept = sweep(store, now_ms, over_at(now_ms)).await.unwrap();
            assert!(swept.looked_at <= SWEEP_NOTES_MAX);
            removed += swept.removed;
            let at = Calendar::new(store.clone(), HOURS).progress().await.unwrap();
            if swept.looked_at == 0 && at.period >= now_ms / HOUR_MS - 1 {
                return removed;
            }
        }
    }

    #[tokio::test]
    async fn expired_keys_are_removed_with_their_notes() {
        let store = MemoryStore::new();
        for n in 0..1_000 {
            let key = format!("short/{n}");
            expire_at(&store, &key, NOW).await.unwrap();
            store.set(&key, &value(NOW)).await.unwrap();
        }
        for key in ["long", "prolonged"] {
            expire_at(&store, key, NOW).await.unwrap();
            store.set(key, &value(LATER + 9 * HOUR_MS)).await.unwrap();
        }
        assert_eq!(sweep_all(&store, NOW).await, 0, "the hour is not over");
        assert_eq!(sweep_all(&store, LATER).await, 1_000);
        assert_eq!(store.keys(), [PROGRESS, "long", "prolonged"]);
    }

    #[tokio::test]
    async fn an_unreadable_note_does_not_stop_the_sweep() {
        let store = MemoryStore::new();
        for key in ["one", "other"] {
            expire_at(&store, key, NOW).await.unwrap();
            store.set(key, &value(NOW)).await.unwrap();
        }
        store.set(&format!("expiry/{}/1", NOW / HOUR_MS), b"?").await.unwrap();
        assert_eq!(sweep_all(&store, LATER).await, 1);
        assert!(store.get("other").await.unwrap().is_none());
    }

    #[tokio::test]
    async fn the_progress_is_stored_as_before() {
        let store = MemoryStore::new();
        store.set(PROGRESS, br#"{"hour":500000,"place":0}"#).await.unwrap();
        sweep(&store, 500_002 * HOUR_MS, over_at(NOW)).await.unwrap();
        let stored = store.get(PROGRESS).await.unwrap().unwrap();
        assert_eq!(stored, br#"{"hour":500001,"place":0}"#);
    }

    #[tokio::test]
    async fn a_crash_at_any_step_leaves_no_key_without_expiry() {
        for operations in 0..20 {
            let store = MemoryStore::new();
            let dying = ScriptedStore::failing_after(operations, store.clone());
            let noted = expire_at(&dying, "key", NOW).await;
            if noted.is_ok() {
                store.set("key", &value(NOW)).await.unwrap();
            }
            sweep_all(&store, NOW).await;
            let dying = ScriptedStore::failing_after(operations, store.clone());
            let _ = sweep(&dying, LATER, over_at(LATER)).await;
            sweep_all(&store, LATER).await;
            assert_eq!(store.keys(), [PROGRESS], "after {operations} operations");
        }
    }
}
