//! The writes, each with the answer that it gives.
//!
//! An operation is applied within a transaction that it shares with others. It may be applied
//! again, from the start, when that transaction fails because of a neighbour.

use rusqlite::Connection;

use super::table;
use crate::{Error, Value, Version, Versioned, counter, versions::Deletions};

/// One write, able to run more than once.
pub(super) trait Operation: Send + 'static {
    type Answer: Send + 'static;

    /// Keys and values in bytes, for the bound on the queue.
    fn bytes(&self) -> usize;

    /// Errors are those of SQLite only and fail the transaction; a refusal is an answer.
    fn apply(&self, group: &mut Group<'_>, store: &str) -> rusqlite::Result<Self::Answer>;
}

/// The transaction that a group of operations shares.
pub(super) struct Group<'a> {
    pub(super) connection: &'a Connection,
    pub(super) deletions: &'a Deletions,
    /// The last version number given.
    pub(super) version: &'a mut u64,
    /// Cells of keys deleted in this transaction, to be published once it is committed.
    pub(super) deleted: Vec<usize>,
}

impl Group<'_> {
    fn put(&mut self, store: &str, key: &str, value: &[u8]) -> rusqlite::Result<u64> {
        *self.version += 1;
        table::put(self.connection, store, key, value, *self.version)?;
        Ok(*self.version)
    }

    fn remove(&mut self, store: &str, key: &str) -> rusqlite::Result<()> {
        if table::remove(self.connection, store, key)? {
            self.deleted.push(self.deletions.cell(store, key));
        }
        Ok(())
    }

    fn versioned(&self, store: &str, key: &str) -> rusqlite::Result<Versioned> {
        let Some((value, version)) = table::entry(self.connection, store, key)? else {
            let cell = self.deletions.cell(store, key);
            let unpublished = self.deleted.iter().filter(|deleted| **deleted == cell).count();
            let count = self.deletions.count(cell) + unpublished as u64;
            return Ok(Versioned { value: None, version: Version::Absent(count) });
        };
        Ok(Versioned { value: Some(value), version: Version::Present(version) })
    }
}

pub(super) struct Put {
    pub(super) entries: Vec<(String, Value)>,
}

impl Operation for Put {
    type Answer = ();

    fn bytes(&self) -> usize {
        self.entries.iter().map(|(key, value)| key.len() + value.len()).sum()
    }

    fn apply(&self, group: &mut Group<'_>, store: &str) -> rusqlite::Result<()> {
        self.entries.iter().try_for_each(|(key, value)| group.put(store, key, value).map(drop))
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

    fn apply(&self, group: &mut Group<'_>, store: &str) -> rusqlite::Result<()> {
        self.keys.iter().try_for_each(|key| group.remove(store, key))
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

    fn apply(&self, group: &mut Group<'_>, store: &str) -> rusqlite::Result<Self::Answer> {
        let old = table::value(group.connection, store, &self.key)?;
        let sum = match counter::add(&self.key, old.as_deref(), self.delta) {
            Ok(sum) => sum,
            Err(refusal) => return Ok(Err(refusal)),
        };
        group.put(store, &self.key, &sum.to_le_bytes())?;
        Ok(Ok(sum))
    }
}

pub(super) struct Swap {
    pub(super) key: String,
    pub(super) version: Version,
    pub(super) new: Value,
}

impl Operation for Swap {
    /// The new version, or what was there instead.
    type Answer = Result<Version, Versioned>;

    fn bytes(&self) -> usize {
        self.key.len() + self.new.len()
    }

    fn apply(&self, group: &mut Group<'_>, store: &str) -> rusqlite::Result<Self::Answer> {
        let current = group.versioned(store, &self.key)?;
        if current.version != self.version {
            return Ok(Err(current));
        }
        let version = group.put(store, &self.key, &self.new)?;
        Ok(Ok(Version::Present(version)))
    }
}
