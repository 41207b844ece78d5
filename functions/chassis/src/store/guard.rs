//! Creating a key exactly once where the host's swap on an *absent* key lets every writer win.
//!
//! Stock Spin's SQLite store turns that swap into an upsert, but its `increment` is atomic.
//! So whoever brings a guard counter from 0 to 1 may create the key, and nobody else may.
//! If the key stays absent (the creator died in between), the next round has a guard of its
//! own. The creator gives up when it was slow, so that it can't write into a later round.

#![cfg_attr(not(target_family = "wasm"), allow(dead_code))]

use super::{Store, StoreError};
use std::future::Future;

/// Rounds, that is creators that may die in a row, before the key is given up for now.
const ROUNDS_MAX: u32 = 4;
/// How long the others wait for a round's creator before they start the next round.
const ROUND_MS: u64 = 1_000;
/// How often they look meanwhile.
const POLL_MS: u64 = 50;
/// A creator that took longer than this to get its ticket does not write any more.
const CREATOR_MS: u64 = ROUND_MS / 4;

/// What the guard needs of time: a stop watch and a pause.
pub(super) trait Pace: Sync {
    fn now_ms(&self) -> u64;
    fn pause(&self, ms: u64) -> impl Future<Output = ()> + Send;
}

/// Whether this caller created the key.
pub(super) async fn create<S: Store>(
    store: &S,
    pace: &impl Pace,
    key: &str,
    new: &[u8],
) -> Result<bool, StoreError> {
    for round in 1..=ROUNDS_MAX {
        if store.get(key).await?.is_some() {
            return Ok(false);
        }
        let started_ms = pace.now_ms();
        if store.increment(&format!("created/{round}/{key}"), 1).await? == 1 {
            if pace.now_ms().saturating_sub(started_ms) > CREATOR_MS {
                return Err(StoreError::Unavailable("the store is slow".to_owned()));
            }
            return store.compare_and_swap(key, None, new).await;
        }
        if appears(store, pace, key).await? {
            return Ok(false);
        }
    }
    Err(StoreError::Contended(key.to_owned()))
}

async fn appears<S: Store>(store: &S, pace: &impl Pace, key: &str) -> Result<bool, StoreError> {
    for _ in 0..ROUND_MS / POLL_MS {
        if store.get(key).await?.is_some() {
            return Ok(true);
        }
        pace.pause(POLL_MS).await;
    }
    Ok(false)
}
