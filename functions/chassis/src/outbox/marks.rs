//! Marks: which keys may have something in their outbox. A sweep after a crash finds them by
//! these, because stores list no keys.
//!
//! A mark is made *before* the change that it is for, so that there is no instant at which an
//! event lies in an outbox that no mark leads to. Each request makes its own: if two shared
//! one, the first to finish would take away the mark of the other. A mark whose request died
//! stays, and a sweep may take it away when the outbox is empty and the request can't come
//! back any more: then the mark is older than [`MARK_AGE_MS`], and a request that got so old
//! does not write.

use crate::hash;
use crate::store::{Store, StoreError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Index values that the marks are spread over, by key.
pub const SHARDS: u8 = 16;
/// Most marks in one of them. More means that the log has been away for long; changes are
/// refused until it is back.
pub const MARKS_MAX: usize = 2_048;
/// A mark older than this belongs to no running request, in milliseconds. Clocks of machines
/// that share a store may differ by a quarter of it.
pub const MARK_AGE_MS: u64 = 60_000;

/// The mark of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "unmark when the outbox is flushed"]
pub struct Mark {
    pub(super) id: String,
    pub(super) entry: Entry,
}

impl Mark {
    /// Whether the change may still be written at `now_ms` (milliseconds since the epoch): a
    /// sweep takes marks away that are older than [`MARK_AGE_MS`]. Half of it is left for the
    /// write to arrive.
    pub fn is_valid(&self, now_ms: u64) -> bool {
        now_ms.saturating_sub(self.entry.at_ms) < MARK_AGE_MS / 2
    }
}

/// What the index holds of a mark.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) at_ms: u64,
}

impl Entry {
    pub(super) fn is_old(&self, now_ms: u64) -> bool {
        now_ms.saturating_sub(self.at_ms) >= MARK_AGE_MS
    }
}

/// Marks by their id.
pub(super) type Shard = BTreeMap<String, Entry>;

pub(super) fn shard_key(shard: u8) -> String {
    format!("outbox/marks/{shard}")
}

fn shard_of(key: &str) -> u8 {
    u8::try_from(hash::shard(key, u32::from(SHARDS))).unwrap_or(0)
}

pub(super) async fn add<S: Store>(store: &S, key: &str, now_ms: u64) -> Result<Mark, StoreError> {
    let id = crate::id::new("mrk");
    let mark = Mark { id, entry: Entry { key: key.to_owned(), at_ms: now_ms } };
    let insert = |shard: Option<Shard>| {
        let mut shard = shard.unwrap_or_default();
        if shard.len() >= MARKS_MAX {
            let what = "outboxes in one part of their index";
            return Err(StoreError::Backlog { what, max: MARKS_MAX });
        }
        shard.insert(mark.id.clone(), mark.entry.clone());
        Ok((shard, ()))
    };
    store.update(&shard_key(shard_of(key)), insert).await?;
    Ok(mark)
}

pub(super) async fn remove<S: Store>(store: &S, mark: &Mark) -> Result<(), StoreError> {
    remove_all(store, shard_of(&mark.entry.key), std::slice::from_ref(&mark.id)).await
}

pub(super) async fn remove_all<S: Store>(
    store: &S,
    shard: u8,
    ids: &[String],
) -> Result<(), StoreError> {
    let take = |shard: Option<Shard>| {
        let mut shard = shard.unwrap_or_default();
        shard.retain(|id, _| !ids.contains(id));
        Ok((shard, ()))
    };
    store.update(&shard_key(shard), take).await
}
