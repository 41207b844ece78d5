//! The transaction that a group of writes shares.
//!
//! Writes are applied to an overlay of the keys that they touch, and only its final state is
//! written to the table: a counter that thirty callers increment is read once, from memory if it is
//! cached, and written once. After the commit, the cache takes over the overlay.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use rusqlite::{Connection, Result};

use super::{cache::Entry, coherence::Coherence, expiry, table};
use crate::{Version, Versioned, versions::Deletions};

/// A group of writes that is being applied.
pub(super) struct Group<'a> {
    pub(super) connection: &'a Connection,
    deletions: &'a Deletions,
    coherence: &'a Coherence,
    /// The last version number that was assigned.
    version: &'a mut u64,
    keys: Keys,
    /// Cells of keys deleted in this transaction. They are counted after the commit.
    deleted: Vec<usize>,
    pub(super) has_changed: bool,
    /// Whether any key has an expiry time.
    pub(super) uses_expiry: bool,
}

/// By store, and in the order of the table.
type Keys = BTreeMap<Arc<str>, BTreeMap<Box<str>, Slot>>;

/// A key of the overlay.
struct Slot {
    entry: Entry,
    /// Whether it has to be written to the table.
    is_new: bool,
}

/// The result of a group whose statements have run.
pub(super) struct Applied {
    keys: Keys,
    /// Cells of deleted keys.
    deleted: Vec<usize>,
    /// Whether the keys are marked as being in flight.
    is_marked: bool,
    pub(super) uses_expiry: bool,
}

impl<'a> Group<'a> {
    pub(super) fn new(
        connection: &'a Connection,
        deletions: &'a Deletions,
        coherence: &'a Coherence,
        version: &'a mut u64,
        uses_expiry: bool,
    ) -> Self {
        let (keys, deleted) = (BTreeMap::new(), Vec::new());
        Self {
            connection,
            deletions,
            coherence,
            version,
            keys,
            deleted,
            has_changed: false,
            uses_expiry,
        }
    }

    /// Returns the new version.
    pub(super) fn put(&mut self, store: &Arc<str>, key: &str, value: Bytes) -> u64 {
        *self.version += 1;
        let entry = Some((value, *self.version));
        self.set(store, key, Slot { entry, is_new: true });
        *self.version
    }

    pub(super) fn remove(&mut self, store: &Arc<str>, key: &str) -> Result<()> {
        let mut is_new = true;
        let was_there = match self.known(store, key) {
            Some(entry) => entry.is_some(),
            None => {
                // A query would cost as much as the removal.
                is_new = false;
                table::remove(&mut table::removal(self.connection)?, store, key)?
            }
        };
        if self.uses_expiry {
            self.has_changed |= expiry::forget(self.connection, store, key)?;
        }
        if was_there {
            self.has_changed |= !is_new;
            self.deleted.push(self.deletions.cell(store, key));
            self.set(store, key, Slot { entry: None, is_new });
        }
        Ok(())
    }

    /// The current entry, including earlier writes of the group.
    pub(super) fn entry(&mut self, store: &Arc<str>, key: &str) -> Result<Entry> {
        if let Some(entry) = self.known(store, key) {
            return Ok(entry);
        }
        let entry = table::entry(self.connection, store, key)?;
        self.set(store, key, Slot { entry: entry.clone(), is_new: false });
        Ok(entry)
    }

    /// The current version of a key.
    pub(super) fn version(&mut self, store: &Arc<str>, key: &str) -> Result<Version> {
        let Some((_, version)) = self.entry(store, key)? else {
            let cell = self.deletions.cell(store, key);
            let unpublished = self.deleted.iter().filter(|deleted| **deleted == cell).count();
            return Ok(Version::Absent(self.deletions.count(cell) + unpublished as u64));
        };
        Ok(Version::Present(version))
    }

    pub(super) fn versioned(&mut self, store: &Arc<str>, key: &str) -> Result<Versioned> {
        let version = self.version(store, key)?;
        let value = self.entry(store, key)?.map(|(value, _)| value.into());
        Ok(Versioned { value, version })
    }

    /// Writes the overlay to the table, and marks its keys for the commit.
    pub(super) fn finish(mut self) -> Result<Applied> {
        let mut upsert = table::upsert(self.connection)?;
        let mut removal = table::removal(self.connection)?;
        for (store, keys) in &self.keys {
            for (key, slot) in keys.iter().filter(|(_, slot)| slot.is_new) {
                self.has_changed |= match &slot.entry {
                    Some((value, version)) => {
                        table::put(&mut upsert, store, key, value, *version).map(|()| true)
                    }
                    None => table::remove(&mut removal, store, key),
                }?;
            }
        }
        let is_marked = self.has_changed && self.coherence.is_open();
        if is_marked {
            for_each(&self.keys, |store, key| self.coherence.mark(store, key));
        }
        let (keys, deleted) = (self.keys, self.deleted);
        Ok(Applied { keys, deleted, is_marked, uses_expiry: self.uses_expiry })
    }

    fn known(&self, store: &str, key: &str) -> Option<Entry> {
        match self.keys.get(store).and_then(|keys| keys.get(key)) {
            Some(slot) => Some(slot.entry.clone()),
            None => self.coherence.recall(store, key),
        }
    }

    fn set(&mut self, store: &Arc<str>, key: &str, slot: Slot) {
        let keys = self.keys.entry(Arc::clone(store)).or_default();
        match keys.get_mut(key) {
            Some(existing) => *existing = slot,
            None => drop(keys.insert(key.into(), slot)),
        }
    }
}

impl Applied {
    /// After the commit: counts deletions, and updates the cache.
    pub(super) fn publish(self, deletions: &Deletions, coherence: &Coherence) {
        // Not earlier: a reader that sees the count must see the deletion, too.
        self.deleted.into_iter().for_each(|cell| deletions.publish(cell));
        if self.is_marked {
            coherence.count_update();
        }
        for (store, keys) in self.keys {
            for (key, slot) in keys {
                coherence.update(&store, key, slot.entry, self.is_marked);
            }
        }
    }

    /// After a failed commit. Its outcome may be unclear, so the cache starts again.
    pub(super) fn discard(self, coherence: &Coherence) {
        coherence.discard();
        if self.is_marked {
            for_each(&self.keys, |store, key| coherence.unmark(store, key));
        }
    }
}

fn for_each(keys: &Keys, apply: impl Fn(&str, &str)) {
    keys.iter().for_each(|(store, keys)| keys.keys().for_each(|key| apply(store, key)));
}
