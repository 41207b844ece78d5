//! Which orders are unfinished.
//!
//! Whoever is about to leave something to be done for an order first marks it, and takes its
//! own mark away once it has seen the order settled. Marks bear the name of their request, so
//! that nobody takes away the mark of another who is just beginning.
//!
//! The marks of requests that died are taken away by the sweep, once the order is settled and
//! the mark is old. A request may only seem dead: so the order's value is changed first (its
//! fence), and the late write of a request that had read it before finds it changed and has
//! to mark the order anew.

use chassis::store::{Store, StoreError};
use serde::{Deserialize, Serialize};

use super::{Loaded, Records};

/// Parts of the index. A part is written as a whole, so there are many of them: they stay short,
/// and concurrent checkouts seldom collide.
pub const OPEN_SHARDS: u32 = 64;
/// The maximum number of marks in one part for new orders. Existing orders may use up to twice as
/// many, so that they can always be finished.
pub const MARKS_MAX: usize = 512;
/// The number of parts of the former index.
const FORMER_SHARDS: u32 = 16;
/// From this age on a mark is taken for the rest of a request that died, in milliseconds:
/// longer than any request lives.
pub const MARK_AGE_MS: u64 = 60_000;
/// From this age on a mark without an order will never have one, in milliseconds.
pub const ORPHAN_AGE_MS: u64 = 10 * 60_000;

/// Says that an order is, or is about to be, unfinished.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The order.
    pub id: String,
    /// When it was made, in milliseconds since the epoch.
    pub at_ms: u64,
    /// The request that made it, by its unique name.
    #[serde(default)]
    pub by: String,
}

impl Mark {
    /// Whether it was made that long ago.
    pub fn is_older(&self, age_ms: u64, now_ms: u64) -> bool {
        self.at_ms.saturating_add(age_ms) < now_ms
    }
}

impl<S: Store> Records<S> {
    /// Marks an order that is about to be created. Refused while too many are unfinished
    /// ([`StoreError::Backlog`]).
    pub(super) async fn mark_new(&self, id: &str, by: &str, at_ms: u64) -> Result<(), StoreError> {
        self.mark_within(MARKS_MAX, id, by, at_ms).await
    }

    /// Marks an order, before each try at changing it. A request that tries once more makes
    /// a new mark in the place of its old one: a sweep may be about to take that away.
    pub async fn mark(&self, id: &str, by: &str, at_ms: u64) -> Result<(), StoreError> {
        self.mark_within(2 * MARKS_MAX, id, by, at_ms).await
    }

    async fn mark_within(
        &self,
        marks_max: usize,
        id: &str,
        by: &str,
        at_ms: u64,
    ) -> Result<(), StoreError> {
        let key = shard_key(shard_of(id));
        let insert = |marks: Option<Vec<Mark>>| {
            let mut marks = marks.unwrap_or_default();
            let is_full = marks.len() >= marks_max;
            match marks.iter_mut().find(|mark| mark.id == id && mark.by == by) {
                Some(mark) => mark.at_ms = at_ms.max(mark.at_ms + 1),
                None if is_full => {
                    let what = "orders in one part of their index";
                    return Err(StoreError::Backlog { what, max: marks_max });
                }
                None => marks.push(Mark { id: id.to_owned(), at_ms, by: by.to_owned() }),
            }
            Ok((marks, ()))
        };
        self.store.update(&key, insert).await
    }

    /// Moves the marks of the former index into this one.
    pub async fn adopt_marks(&self) -> Result<(), StoreError> {
        for former in 0..FORMER_SHARDS {
            let key = format!("unfinished:{former}");
            let marks: Vec<Mark> = self.store.read(&key).await?.unwrap_or_default();
            if marks.is_empty() {
                continue;
            }
            for mark in &marks {
                self.change(shard_of(&mark.id), |known| {
                    if !known.contains(mark) {
                        known.push(mark.clone());
                    }
                })
                .await?;
            }
            let remove = |known: Option<Vec<Mark>>| {
                let mut known = known.unwrap_or_default();
                known.retain(|mark| !marks.contains(mark));
                Ok::<_, StoreError>((known, ()))
            };
            self.store.update(&key, remove).await?;
        }
        Ok(())
    }

    /// Takes the mark of one request away. Idempotent.
    pub async fn unmark(&self, id: &str, by: &str) -> Result<(), StoreError> {
        self.change(shard_of(id), |marks| marks.retain(|mark| mark.id != id || mark.by != by)).await
    }

    /// The marks in one part of the index.
    pub async fn marks(&self, shard: u32) -> Result<Vec<Mark>, StoreError> {
        Ok(self.store.read(&shard_key(shard)).await?.unwrap_or_default())
    }

    /// Takes these marks of an order that is settled away. Does nothing if the order has
    /// changed since it was read.
    pub async fn retire(&self, loaded: &mut Loaded, old: &[Mark]) -> Result<(), StoreError> {
        let mut record = loaded.record.clone();
        record.fence += 1;
        if self.extend(loaded, record, &[]).await? {
            self.forget(&loaded.order.placed.id, old).await?;
        }
        Ok(())
    }

    /// Takes these marks of one order away.
    pub async fn forget(&self, id: &str, old: &[Mark]) -> Result<(), StoreError> {
        self.change(shard_of(id), |marks| marks.retain(|mark| !old.contains(mark))).await
    }

    async fn change(
        &self,
        shard: u32,
        change: impl Fn(&mut Vec<Mark>) + Send + Sync,
    ) -> Result<(), StoreError> {
        self.store
            .update(&shard_key(shard), |marks: Option<Vec<Mark>>| {
                let mut marks = marks.unwrap_or_default();
                change(&mut marks);
                Ok::<_, StoreError>((marks, ()))
            })
            .await
    }
}

fn shard_key(shard: u32) -> String {
    format!("unfinished/{shard}")
}

/// The part of the index for this name. FNV-1a: spreads evenly and is the same in every build.
pub(crate) fn shard_of(name: &str) -> u32 {
    let hash = name
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    hash % OPEN_SHARDS
}
