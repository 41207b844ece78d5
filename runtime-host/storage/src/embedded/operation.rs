//! The writes, each with its answer.

use std::sync::Arc;

use bytes::Bytes;
use rusqlite::Result;
use tessera_sqlite::Operation;

use super::{group::Group, writes::Writes};
use crate::{Error, Version, Versioned, counter};

/// A write to one store.
pub(super) trait Write: Send + 'static {
    type Answer: Send + 'static;

    /// The size of keys and values in bytes, for the limit of the queue.
    fn bytes(&self) -> usize;

    /// Errors are those of SQLite and fail the transaction; a refusal is an answer.
    fn apply(&self, group: &mut Group<'_>, store: &Arc<str>) -> Result<Self::Answer>;
}

/// A write and its store.
pub(super) struct In<W> {
    pub(super) store: Arc<str>,
    pub(super) write: W,
}

impl<W: Write> Operation<Writes> for In<W> {
    type Answer = W::Answer;

    fn bytes(&self) -> usize {
        self.write.bytes()
    }

    fn apply(&self, group: &mut Group<'_>) -> Result<W::Answer> {
        self.write.apply(group, &self.store)
    }
}

pub(super) struct Put {
    pub(super) entries: Vec<(String, Bytes)>,
}

impl Write for Put {
    type Answer = ();

    fn bytes(&self) -> usize {
        self.entries.iter().map(|(key, value)| key.len() + value.len()).sum()
    }

    fn apply(&self, group: &mut Group<'_>, store: &Arc<str>) -> Result<()> {
        for (key, value) in &self.entries {
            group.put(store, key, value.clone());
        }
        Ok(())
    }
}

pub(super) struct Remove {
    pub(super) keys: Vec<String>,
}

impl Write for Remove {
    type Answer = ();

    fn bytes(&self) -> usize {
        self.keys.iter().map(String::len).sum()
    }

    fn apply(&self, group: &mut Group<'_>, store: &Arc<str>) -> Result<()> {
        self.keys.iter().try_for_each(|key| group.remove(store, key))
    }
}

pub(super) struct ExpireAt {
    pub(super) key: String,
    pub(super) at_ms: u64,
}

impl Write for ExpireAt {
    type Answer = ();

    fn bytes(&self) -> usize {
        self.key.len()
    }

    fn apply(&self, group: &mut Group<'_>, store: &Arc<str>) -> Result<()> {
        group.expire_at(store, &self.key, self.at_ms)
    }
}

/// Removes expired keys of all stores in the file, at most [`SWEPT_MAX`](super::expiry::SWEPT_MAX).
/// Returns their number.
pub(super) struct Sweep {
    pub(super) now_ms: u64,
}

impl Operation<Writes> for Sweep {
    type Answer = usize;

    fn bytes(&self) -> usize {
        0
    }

    fn apply(&self, group: &mut Group<'_>) -> Result<usize> {
        group.remove_expired(self.now_ms)
    }
}

pub(super) struct Increment {
    pub(super) key: String,
    pub(super) delta: i64,
}

impl Write for Increment {
    type Answer = Result<i64, Error>;

    fn bytes(&self) -> usize {
        self.key.len()
    }

    fn apply(&self, group: &mut Group<'_>, store: &Arc<str>) -> Result<Self::Answer> {
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

impl Write for Swap {
    /// The new version, or the current entry.
    type Answer = Result<Version, Versioned>;

    fn bytes(&self) -> usize {
        self.key.len() + self.new.len()
    }

    fn apply(&self, group: &mut Group<'_>, store: &Arc<str>) -> Result<Self::Answer> {
        let current = group.version(store, &self.key)?;
        if current != self.version {
            return Ok(Err(group.versioned(store, &self.key)?));
        }
        let version = group.put(store, &self.key, self.new.clone());
        Ok(Ok(Version::Present(version)))
    }
}
