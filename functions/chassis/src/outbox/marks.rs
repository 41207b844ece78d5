//! Marks: which keys may have events in their outbox. After a crash, a sweep finds them by these,
//! because stores can't list keys.
//!
//! A mark is written *before* its change, so that there is always a mark for each event in an
//! outbox. Each request writes its own: if two requests shared one, the first to finish would
//! remove the mark of the other. The mark of a request that died stays. A sweep removes it if the
//! outbox is empty and the mark is older than [`MARK_AGE_MS`]: a request that is this old does not
//! write any more.

use crate::store::{Store, StoreError};
use crate::worklist::{self, Options, Worklist};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The number of index values with marks, which are selected by key.
pub const SHARDS: u8 = 16;
/// The maximum number of marks in one index value. If it is reached, the log has been unavailable
/// for a long time; changes are refused until it is available again.
pub const MARKS_MAX: usize = 2_048;
/// A mark that is older than this belongs to no running request, in milliseconds. The clocks of
/// machines that share a store may differ by a quarter of it.
pub const MARK_AGE_MS: u64 = 60_000;

/// The mark of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "unmark when the outbox is flushed"]
pub struct Mark(pub(super) Entry);

impl Mark {
    /// Whether the change may still be written at `now_ms` (milliseconds since the epoch): sweeps
    /// remove marks that are older than [`MARK_AGE_MS`]. Half of it is left for the write to
    /// arrive.
    pub fn is_valid(&self, now_ms: u64) -> bool {
        now_ms.saturating_sub(self.0.1.at_ms) < MARK_AGE_MS / 2
    }
}

/// The id of a mark, and what the index stores of it.
pub(super) type Entry = (String, Stored);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stored {
    pub(super) key: String,
    pub(super) at_ms: u64,
}

/// Marks by their id.
pub(super) type Shard = BTreeMap<String, Stored>;

impl worklist::Entry for Entry {
    type List = Shard;

    fn subject(&self) -> &str {
        &self.1.key
    }

    fn since_ms(&self) -> u64 {
        self.1.at_ms
    }

    fn is_same(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

/// The marks in a store.
pub(super) fn list<S: Store>(store: &S) -> Worklist<S, Entry> {
    let options = Options {
        prefix: "outbox/marks",
        shards: u32::from(SHARDS),
        shard_length_max: MARKS_MAX,
        what: "outboxes in one part of their index",
    };
    Worklist::new(store.clone(), options)
}

pub(super) async fn add<S: Store>(store: &S, key: &str, at_ms: u64) -> Result<Mark, StoreError> {
    let entry = (crate::id::new("mrk"), Stored { key: key.to_owned(), at_ms });
    list(store).put(&entry).await?;
    Ok(Mark(entry))
}

pub(super) async fn remove<S: Store>(store: &S, Mark(entry): Mark) -> Result<(), StoreError> {
    let list = list(store);
    list.forget(list.shard(&entry.1.key), &[entry]).await
}
