//! The index of unfinished orders.
//!
//! A request that is about to leave unfinished work for an order marks the order before, and removes
//! its own mark when it has seen the order settled. Marks contain the unique name of their request,
//! so that a request can't remove the mark of another one that is just starting.
//!
//! The sweep removes the marks of requests that died, once the order is settled and the mark is old.
//! A request may only seem dead: so the order's value is changed first (its fence), and the late
//! write of a request that had read it before fails, so the request has to mark the order again.

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
/// The age at which a mark certainly belongs to a dead request, in milliseconds: longer than any
/// request lives.
pub const MARK_AGE_MS: u64 = 60_000;
/// The age at which a mark without an order will never have one, in milliseconds.
pub const ORPHAN_AGE_MS: u64 = 10 * 60_000;

/// Says that an order is, or is about to be, unfinished.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The order.
    pub id: String,
    /// When it was made, in milliseconds since the epoch.
    pub at_ms: u64,
    /// The unique name of the request that made it.
    #[serde(default)]
    pub by: String,
}

impl Mark {
    /// Whether it is older than this age.
    pub fn is_older(&self, age_ms: u64, now_ms: u64) -> bool {
        self.at_ms.saturating_add(age_ms) < now_ms
    }
}

impl<S: Store> Records<S> {
    /// Marks an order that is about to be created. Refused while too many are unfinished
    /// ([`StoreError::Backlog`]).
    pub(super) async fn mark_new(&self, id: &str, at_ms: u64) -> Result<(), StoreError> {
        self.mark_within(MARKS_MAX, id, at_ms).await
    }

    /// Marks an order, before each attempt to change it. A request that tries again replaces its
    /// old mark, because a sweep may be about to remove that one.
    pub async fn mark(&self, id: &str, at_ms: u64) -> Result<(), StoreError> {
        self.mark_within(2 * MARKS_MAX, id, at_ms).await
    }

    async fn mark_within(&self, marks_max: usize, id: &str, at_ms: u64) -> Result<(), StoreError> {
        let (key, by) = (shard_key(shard_of(id)), &self.request);
        let insert = |marks: Option<Vec<Mark>>| {
            let mut marks = marks.unwrap_or_default();
            let is_full = marks.len() >= marks_max;
            match marks.iter_mut().find(|mark| mark.id == id && mark.by == *by) {
                Some(mark) => mark.at_ms = at_ms.max(mark.at_ms + 1),
                None if is_full => {
                    let what = "orders in one part of their index";
                    return Err(StoreError::Backlog { what, max: marks_max });
                }
                None => marks.push(Mark { id: id.to_owned(), at_ms, by: by.clone() }),
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
                self.change_marks(shard_of(&mark.id), |known| {
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

    /// Removes the mark of this request. Idempotent.
    pub async fn unmark(&self, id: &str) -> Result<(), StoreError> {
        let is_own = |mark: &Mark| mark.id == id && mark.by == self.request;
        self.change_marks(shard_of(id), |marks| marks.retain(|mark| !is_own(mark))).await
    }

    /// The marks in one part of the index.
    pub async fn marks(&self, shard: u32) -> Result<Vec<Mark>, StoreError> {
        Ok(self.store.read(&shard_key(shard)).await?.unwrap_or_default())
    }

    /// Removes these marks of a settled order. Does nothing if the order has changed since it was
    /// read.
    pub async fn retire(&self, loaded: &mut Loaded, old: &[Mark]) -> Result<(), StoreError> {
        loaded.record.fence += 1;
        if self.swap(loaded).await? {
            self.remove_marks(&loaded.order.placed.id, old).await?;
        }
        Ok(())
    }

    /// Removes these marks of one order.
    pub async fn remove_marks(&self, id: &str, old: &[Mark]) -> Result<(), StoreError> {
        self.change_marks(shard_of(id), |marks| marks.retain(|mark| !old.contains(mark))).await
    }

    async fn change_marks(
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
