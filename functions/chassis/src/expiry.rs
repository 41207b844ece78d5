//! Keys that end.
//!
//! [`expire_at`] has a key removed at a time, on every host. A host that can do it is asked to.
//! Elsewhere stores can neither expire nor list, so account is kept here: under the hour after
//! which the key may go, each with a number, lies its name. Hours follow each other, so no index
//! leads to them, and each note is one small value that is written once. [`sweep`], which the
//! `/sweep` route of the function calls, goes through the hours that are over, a bounded number of
//! notes at a time, and removes what has run out.

use crate::store::{Store, StoreError};
use serde::{Deserialize, Serialize};

const HOUR_MS: u64 = 3_600_000;
/// The sweep begins at this hour, counted from the epoch: the first of January 2026. No note is
/// for an earlier one.
const FIRST_HOUR: u64 = 490_896;
/// How long after the end of an hour its notes are left alone, in milliseconds: by then each note
/// that was begun before is written.
const SETTLED_MS: u64 = 600_000;
/// Notes that one sweep looks at, at most; the next goes on after them.
pub const SWEEP_NOTES_MAX: usize = 200;
/// Hours that one sweep goes through, at most: most of them are empty at the very first.
const SWEEP_HOURS_MAX: usize = 2_000;
/// Where the sweep has come to.
const PROGRESS: &str = "expiry/sweep";

/// What a sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// Notes that it looked at, at most [`SWEEP_NOTES_MAX`]; with as many, there are more.
    pub looked_at: usize,
    /// Keys that it removed.
    pub removed: usize,
}

/// The last note that was looked at; 0 before the first of the hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Progress {
    hour: u64,
    place: u64,
}

/// Have a key removed at this time (milliseconds since the epoch) or some time after it. Say so
/// before the key is written: then no crash leaves one that lasts for ever.
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

/// Remove what has run out, a bounded number of keys. `is_over` says of a value whether it has:
/// it may have been given more time since it was noted, and then it was noted again. Safe to
/// repeat, also at the same time.
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

/// Looks at the notes of an hour after `at`, and moves `at` along. Whether that was all.
async fn sweep_hour<S: Store>(
    store: &S,
    at: &mut Progress,
    is_over: &(impl Fn(&[u8]) -> bool + Send + Sync),
    swept: &mut Swept,
) -> Result<bool, StoreError> {
    let counter = hour_key(at.hour);
    // Asking a counter for its value makes one where there was none.
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

/// The key that a note names. A note that can't be read names none, so the sweep goes on with the
/// others.
async fn noted<S: Store>(store: &S, note: &str) -> Result<Option<String>, StoreError> {
    match store.read(note).await {
        Err(error @ StoreError::Corrupt { .. }) => {
            eprintln!("expiry: {error}");
            Ok(None)
        }
        read => read,
    }
}

/// How many notes there are of this hour.
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

    /// A value that says until when it is to be kept.
    fn value(until_ms: u64) -> Vec<u8> {
        until_ms.to_le_bytes().to_vec()
    }

    fn over_at(now_ms: u64) -> impl Fn(&[u8]) -> bool {
        move |value| u64::from_le_bytes(value.try_into().unwrap()) <= now_ms
    }

    /// Sweeps until there is nothing more to do; how many keys went.
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
    async fn what_has_run_out_goes_with_its_notes_and_the_rest_stays() {
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
    async fn a_note_that_can_not_be_read_does_not_keep_the_others() {
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
    async fn killed_at_any_step_it_leaves_nothing_that_lasts() {
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
