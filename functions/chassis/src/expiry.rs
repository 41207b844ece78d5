//! Keys that expire.
//!
//! [`expire_at`] sets the expiry time of a key, on every host. If the host supports expiry, the
//! host removes the key. Stores of other hosts can neither expire nor list keys. There, this module
//! writes a note: a small numbered value with the name of the key, filed under the hour after which
//! the key may be removed. Hours are consecutive, so they need no index. [`sweep`], which the
//! `/sweep` route of the function calls, goes through past hours, a bounded number of notes at a
//! time, and removes expired keys.

use crate::store::{Store, StoreError};
use serde::{Deserialize, Serialize};

const HOUR_MS: u64 = 3_600_000;
/// The sweep begins at this hour, counted from the epoch: January 1, 2026. There are no notes for
/// earlier hours.
const FIRST_HOUR: u64 = 490_896;
/// How long the sweep waits after the end of an hour, in milliseconds. By then all notes for that
/// hour are written.
const SETTLED_MS: u64 = 600_000;
/// The maximum number of notes that one sweep processes. The next sweep continues after them.
pub const SWEEP_NOTES_MAX: usize = 200;
/// The maximum number of hours that one sweep goes through. In the first sweep most of them are
/// empty.
const SWEEP_HOURS_MAX: usize = 2_000;
/// The key of the sweep's progress.
const PROGRESS: &str = "expiry/sweep";

/// The result of a sweep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// Processed notes. If there are [`SWEEP_NOTES_MAX`], more may be left.
    pub looked_at: usize,
    /// Removed keys.
    pub removed: usize,
}

/// The last processed note; 0 before the first one of the hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Progress {
    hour: u64,
    place: u64,
}

/// Sets a key to be removed at this time (milliseconds since the epoch) or some time after it. Call
/// this before writing the key, so that a crash leaves no key without an expiry time.
///
/// # Errors
/// The store did not answer.
pub async fn expire_at<S: Store>(store: &S, key: &str, at_ms: u64) -> Result<(), StoreError> {
    if store.expire_at(key, at_ms).await? {
        return Ok(());
    }
    let hour = (at_ms / HOUR_MS).max(FIRST_HOUR);
    let place = store.increment(&hour_key(hour), 1).await?.unsigned_abs();
    store.write(&note_key(hour, place), &key).await
}

/// Removes a bounded number of expired keys. `is_over` says whether a value has expired: it may
/// have been extended after the note was written, and then there is another note. Safe to repeat
/// and to run concurrently.
///
/// # Errors
/// The store did not answer.
pub async fn sweep<S: Store>(
    store: &S,
    now_ms: u64,
    is_over: impl Fn(&[u8]) -> bool + Send + Sync,
) -> Result<Swept, StoreError> {
    let start = Progress { hour: FIRST_HOUR, place: 0 };
    let known: Option<Progress> = store.read(PROGRESS).await?;
    let mut at = known.unwrap_or(start);
    let mut swept = Swept::default();
    for _ in 0..SWEEP_HOURS_MAX {
        let over_ms = (at.hour + 1).saturating_mul(HOUR_MS).saturating_add(SETTLED_MS);
        if now_ms < over_ms || !sweep_hour(store, &mut at, &is_over, &mut swept).await? {
            break;
        }
    }
    if known == Some(at) {
        return Ok(swept);
    }
    let advance = |known: Option<Progress>| {
        Ok::<_, StoreError>((known.map_or(at, |known| known.max(at)), ()))
    };
    store.update(PROGRESS, advance).await.map(|()| swept)
}

/// Processes the notes of an hour after `at` and advances `at`. Returns whether the hour is
/// finished.
async fn sweep_hour<S: Store>(
    store: &S,
    at: &mut Progress,
    is_over: &(impl Fn(&[u8]) -> bool + Send + Sync),
    swept: &mut Swept,
) -> Result<bool, StoreError> {
    let counter = hour_key(at.hour);
    // Reading a counter through `increment` would create it.
    if store.get(&counter).await?.is_some() {
        let last = store.increment(&counter, 0).await?.unsigned_abs();
        while at.place < last {
            if swept.looked_at >= SWEEP_NOTES_MAX {
                return Ok(false);
            }
            let note = note_key(at.hour, at.place + 1);
            if let Some(key) = noted(store, &note).await? {
                if store.get(&key).await?.is_some_and(|value| is_over(&value)) {
                    store.delete(&key).await?;
                    swept.removed += 1;
                }
                store.delete(&note).await?;
            }
            at.place += 1;
            swept.looked_at += 1;
        }
        store.delete(&counter).await?;
    }
    *at = Progress { hour: at.hour + 1, place: 0 };
    Ok(true)
}

/// The key that a note names. An unreadable note is skipped, so that the sweep continues.
async fn noted<S: Store>(store: &S, note: &str) -> Result<Option<String>, StoreError> {
    match store.read(note).await {
        Err(error @ StoreError::Corrupt { .. }) => {
            eprintln!("expiry: {error}");
            Ok(None)
        }
        read => read,
    }
}

/// The key of the number of notes of this hour.
fn hour_key(hour: u64) -> String {
    format!("expiry/{hour}")
}

fn note_key(hour: u64, place: u64) -> String {
    format!("expiry/{hour}/{place}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::store::{FailingStore, MemoryStore};

    const NOW: u64 = 1_800_000_000_000;
    const LATER: u64 = NOW + 2 * HOUR_MS + SETTLED_MS;

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
            let at: Progress = store.read(PROGRESS).await.unwrap().unwrap();
            if swept.looked_at == 0 && at.hour >= now_ms / HOUR_MS - 1 {
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
        store.set(&note_key(NOW / HOUR_MS, 1), b"?").await.unwrap();
        assert_eq!(sweep_all(&store, LATER).await, 1);
        assert!(store.get("other").await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_crash_at_any_step_leaves_no_key_without_expiry() {
        for operations in 0..20 {
            let store = MemoryStore::new();
            let dying = FailingStore::after(operations, store.clone());
            let noted = expire_at(&dying, "key", NOW).await;
            if noted.is_ok() {
                store.set("key", &value(NOW)).await.unwrap();
            }
            sweep_all(&store, NOW).await;
            let dying = FailingStore::after(operations, store.clone());
            let _ = sweep(&dying, LATER, over_at(LATER)).await;
            sweep_all(&store, LATER).await;
            assert_eq!(store.keys(), [PROGRESS], "after {operations} operations");
        }
    }
}
