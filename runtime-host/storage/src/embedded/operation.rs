//! The writes, each with the answer that it gives.
//!
//! An operation is applied within a transaction that it shares with others. It may be applied
//! again, from the start, when that transaction fails because of a neighbour.

use std::sync::Arc;

use bytes::Bytes;

use super::group::Group;
use crate::{Error, Version, Versioned, counter};

/// One write, able to run more than once.
pub(super) trait Operation: Send + 'static {
    type Answer: Send + 'static;

    /// Keys and values in bytes, for the bound on the queue.
    fn bytes(&self) -> usize;

    /// Errors are those of SQLite only and fail the transaction; a refusal is an answer.
    fn apply(&self, group: &mut Group<'_>, store: &Arc<str>) -> rusqlite::Result<Self::Answer>;
}

pub(super) struct Put {
    pub(super) entries: Vec<(String, Bytes)>,
}

impl Operation for Put {
    type Answer = ();

    fn bytes(&self) -> usize {
        self.entries.iter().map(|(key, value)| key.len() + value.len()).sum()
    }

    fn apply(&self, group: &mut Group<'_>, store: &Arc<str>) -> rusqlite::Result<()> {
        for (key, value) in &self.entries {
            group.put(store, key, value.clone());
        }
        Ok(())
    }
}

pub(super) struct Remove {
    pub(super) keys: Vec<String>,
}

impl Operation for Remove {
    type Answer = ();

    fn bytes(&self) -> usize {
        self.keys.iter().map(String::len).sum()
    }

    fn apply(&self, group: &mut Group<'_>, store: &Arc<str>) -> rusqlite::Result<()> {
        self.keys.iter().try_for_each(|key| group.remove(store, key))
    }
}

pub(super) struct ExpireAt {
    pub(super) key: String,
    pub(super) at_ms: u64,
}

impl Operation for ExpireAt {
    type Answer = ();

    fn bytes(&self) -> usize {
        self.key.len()
    }

    fn apply(&self, group: &mut Group<'_>, store: &Arc<str>) -> rusqlite::Result<()> {
        group.expire_at(store, &self.key, self.at_ms)
    }
}

/// Removes expired keys in all stores of the file, at most [`SWEPT_MAX`](super::expiry::SWEPT_MAX).
/// Returns their number.
pub(super) struct Sweep {
    pub(super) now_ms: u64,
}

impl Operation for Sweep {
    type Answer = usize;

    fn bytes(&self) -> usize {
        0
    }

    fn apply(&self, group: &mut Group<'_>, _: &Arc<str>) -> rusqlite::Result<usize> {
        group.remove_expired(self.now_ms)
    }
}

pub(super) struct Increment {
    pub(super) key: String,
    pub(super) delta: i64,
}

impl Operation for Increment {
    type Answer = Result<i64, Error>;

    fn bytes(&self) -> usize {
        self.key.len()
    }

    fn apply(&self, group: &mut Group<'_>, store: &Arc<str>) -> rusqlite::Result<Self::Answer> {
        let old = group.entry(store, &self.key)?.map(|(value, _)| value);
        let sum = match counter::add(&self.key, old.as_deref(), self.delta) {
            Ok(sum) => sum,
            Err(refusal) => return Ok(Err(refusal)),
        };
        group.put(store, &self.key, Bytes::copy_from_slice(&sum.to_le_bytes()));
        Ok(Ok(sum))
    }
}

pub(super) struct Swap {
    pub(super) key: String,
    pub(super) version: Version,
    pub(super) new: Bytes,
}

impl Operation for Swap {
    /// The new version, or what was there instead.
    type Answer = Result<Version, Versioned>;

    fn bytes(&self) -> usize {
        self.key.len() + self.new.len()
    }

    fn apply(&self, group: &mut Group<'_>, store: &Arc<str>) -> rusqlite::Result<Self::Answer> {
        let current = group.version(store, &self.key)?;
        if current != self.version {
            return Ok(Err(group.versioned(store, &self.key)?));
        }
        let version = group.put(store, &self.key, self.new.clone());
        Ok(Ok(Version::Present(version)))
    }
}
