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
use chassis::worklist::{Entry, Options, Worklist};
use serde::{Deserialize, Serialize};

use super::{Loaded, Records};

/// The number of parts of the index.
pub const SHARDS: u32 = 64;
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
/// The content of the index, for errors.
const WHAT: &str = "orders in one part of their index";

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

impl Entry for Mark {
    type List = Vec<Self>;

    fn subject(&self) -> &str {
        &self.id
    }

    fn since_ms(&self) -> u64 {
        self.at_ms
    }

    fn is_same(&self, other: &Self) -> bool {
        self.id == other.id && self.by == other.by
    }
}

impl<S: Store> Records<S> {
    /// The index of unfinished orders.
    pub fn unfinished(&self) -> Worklist<S, Mark> {
        let (prefix, shards) = ("unfinished", SHARDS);
        let options = Options { prefix, shards, shard_length_max: 2 * MARKS_MAX, what: WHAT };
        Worklist::new(self.store.clone(), options)
    }

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

    async fn mark_within(&self, max: usize, id: &str, at_ms: u64) -> Result<(), StoreError> {
        let own = self.own_mark(id, at_ms);
        let insert = |marks: &mut Vec<Mark>| {
            let is_full = marks.len() >= max;
            match marks.iter_mut().find(|mark| mark.is_same(&own)) {
                Some(mark) => mark.at_ms = at_ms.max(mark.at_ms + 1),
                None if is_full => return Err(StoreError::Backlog { what: WHAT, max }),
                None => marks.push(own.clone()),
            }
            Ok(())
        };
        let index = self.unfinished();
        index.change(index.shard(id), insert).await
    }

    /// Removes the mark of this request. Idempotent.
    pub async fn unmark(&self, id: &str) -> Result<(), StoreError> {
        let own = self.own_mark(id, 0);
        let remove = |marks: &mut Vec<Mark>| {
            marks.retain(|mark| !mark.is_same(&own));
            Ok(())
        };
        let index = self.unfinished();
        index.change(index.shard(id), remove).await
    }

    fn own_mark(&self, id: &str, at_ms: u64) -> Mark {
        Mark { id: id.to_owned(), at_ms, by: self.request.clone() }
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
        let index = self.unfinished();
        index.forget(index.shard(id), old).await
    }

    /// Moves the marks of the former index into this one.
    pub async fn adopt_marks(&self) -> Result<(), StoreError> {
        let index = self.unfinished();
        for former in 0..FORMER_SHARDS {
            let key = format!("unfinished:{former}");
            let marks: Vec<Mark> = self.store.read(&key).await?.unwrap_or_default();
            if marks.is_empty() {
                continue;
            }
            for mark in &marks {
                let adopt = |known: &mut Vec<Mark>| {
                    if !known.contains(mark) {
                        known.push(mark.clone());
                    }
                    Ok::<_, StoreError>(())
                };
                index.change(index.shard(&mark.id), adopt).await?;
            }
            let remove = |known: &mut Vec<Mark>| {
                known.retain(|mark| !marks.contains(mark));
                Ok::<_, StoreError>(())
            };
            self.store.modify(&key, remove).await?;
        }
        Ok(())
    }
}
