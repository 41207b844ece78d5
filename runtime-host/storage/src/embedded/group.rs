//! The transaction that a group of writes shares.
//!
//! Writes are applied to a picture of the keys that they touch, and only what comes of it goes
//! into the table: a key that thirty callers count up is read once, from memory if it is known
//! there, and written once. What was committed then goes from here into the cache.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use rusqlite::{Connection, Result};

use super::{
    cache::{Cache, Entry},
    expiry, table,
};
use crate::{Version, Versioned, versions::Deletions};

/// A group of writes that is being applied.
pub(super) struct Group<'a> {
    pub(super) connection: &'a Connection,
    deletions: &'a Deletions,
    /// What is true of this database, and in which scope.
    remembered: Option<(&'a Cache, u64)>,
    /// The last version number given.
    version: &'a mut u64,
    keys: Keys,
    /// Cells of keys deleted in this transaction, to be published once it is committed.
    deleted: Vec<usize>,
    pub(super) has_changed: bool,
    /// Whether any key has an expiry time.
    pub(super) uses_expiry: bool,
}

/// By store, and in the order of the table.
type Keys = BTreeMap<Arc<str>, BTreeMap<Box<str>, Slot>>;

/// A key in the picture.
struct Slot {
    entry: Entry,
    /// Whether the table still has to be told.
    is_new: bool,
}

/// What a group has come to, once it is in the table.
pub(super) struct Applied {
    keys: Keys,
    /// Cells of deleted keys.
    pub(super) deleted: Vec<usize>,
    /// Whether the transaction changes the database at all.
    pub(super) has_changed: bool,
    pub(super) uses_expiry: bool,
}

impl<'a> Group<'a> {
    pub(super) fn new(
        connection: &'a Connection,
        deletions: &'a Deletions,
        remembered: Option<(&'a Cache, u64)>,
        version: &'a mut u64,
        uses_expiry: bool,
    ) -> Self {
        let (keys, deleted) = (BTreeMap::new(), Vec::new());
        Self {
            connection,
            deletions,
            remembered,
            version,
            keys,
            deleted,
            has_changed: false,
            uses_expiry,
        }
    }

    /// Gives the new version.
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
                // To ask costs as much as to do it.
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

    /// The value now, with what earlier writes of the group have made of it.
    pub(super) fn entry(&mut self, store: &Arc<str>, key: &str) -> Result<Entry> {
        if let Some(entry) = self.known(store, key) {
            return Ok(entry);
        }
        let entry = table::entry(self.connection, store, key)?;
        self.set(store, key, Slot { entry: entry.clone(), is_new: false });
        Ok(entry)
    }

    /// The version of a key now.
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

    /// Brings the table to what the group has come to.
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
        Ok(Applied {
            keys: self.keys,
            deleted: self.deleted,
            has_changed: self.has_changed,
            uses_expiry: self.uses_expiry,
        })
    }

    fn known(&self, store: &str, key: &str) -> Option<Entry> {
        match self.keys.get(store).and_then(|keys| keys.get(key)) {
            Some(slot) => Some(slot.entry.clone()),
            None => self.remembered.and_then(|(cache, scope)| cache.recall(scope, store, key)),
        }
    }

    fn set(&mut self, store: &Arc<str>, key: &str, slot: Slot) {
        let keys = self.keys.entry(Arc::clone(store)).or_default();
        match keys.get_mut(key) {
            Some(there) => *there = slot,
            None => drop(keys.insert(key.into(), slot)),
        }
    }
}

impl Applied {
    /// After the commit: all that is known of the keys now.
    pub(super) fn remember(self, cache: &Cache, scope: u64) {
        for (store, keys) in self.keys {
            for (key, slot) in keys {
                cache.replace(scope, &store, key, slot.entry);
            }
        }
    }
}
