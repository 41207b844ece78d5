//! Keys that end by themselves: a table beside that of stock Spin, which has none of it.
//!
//! It says when a key is to go, whether or not the key is there: so it can be written before the
//! key, and a crash in between leaves a line that leads nowhere. Removing a key takes its line
//! along, also if the key is not there; else a key of the same name would go in its stead. Nothing is asked of the table when a
//! key is read: a value that has run out is there until the next sweep, a few seconds later.

use std::sync::Arc;

use rusqlite::{Connection, Result};

use super::group::Group;

/// Keys that one transaction removes, at most.
pub(super) const SWEPT_MAX: usize = 500;

pub(super) const TABLE: &str = "
    CREATE TABLE tessera_expiry (
        store TEXT NOT NULL,
        key   TEXT NOT NULL,
        at_ms INTEGER NOT NULL,
        PRIMARY KEY (store, key)
    ) WITHOUT ROWID;
    CREATE INDEX tessera_expiry_by_time ON tessera_expiry (at_ms);
";

/// Whether any key is to end, at any time.
pub(super) fn is_used(connection: &Connection) -> Result<bool> {
    connection.prepare_cached("SELECT 1 FROM tessera_expiry LIMIT 1")?.exists([])
}

pub(super) fn put(connection: &Connection, store: &str, key: &str, at_ms: u64) -> Result<()> {
    let sql = "INSERT INTO tessera_expiry (store, key, at_ms) VALUES (?1, ?2, ?3) \
               ON CONFLICT (store, key) DO UPDATE SET at_ms = ?3";
    let at_ms = i64::try_from(at_ms).unwrap_or(i64::MAX);
    connection.prepare_cached(sql)?.execute((store, key, at_ms)).map(drop)
}

/// Whether there was something to forget.
pub(super) fn forget(connection: &Connection, store: &str, key: &str) -> Result<bool> {
    let sql = "DELETE FROM tessera_expiry WHERE store = ?1 AND key = ?2";
    Ok(connection.prepare_cached(sql)?.execute((store, key))? > 0)
}

/// The keys whose time has come, those that have waited longest first.
fn due(connection: &Connection, now_ms: u64) -> Result<Vec<(Arc<str>, String)>> {
    let sql = "SELECT store, key FROM tessera_expiry WHERE at_ms <= ?1 ORDER BY at_ms LIMIT ?2";
    let now_ms = i64::try_from(now_ms).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map((now_ms, SWEPT_MAX as i64), |row| {
        Ok((row.get::<_, Arc<str>>(0)?, row.get(1)?))
    })?;
    rows.collect()
}

impl Group<'_> {
    /// Has a key removed at that time.
    pub(super) fn expire_at(&mut self, store: &str, key: &str, at_ms: u64) -> Result<()> {
        put(self.connection, store, key, at_ms)?;
        self.uses_expiry = true;
        self.has_changed = true;
        Ok(())
    }

    /// Removes the keys whose time has come; gives how many lines that were.
    pub(super) fn remove_expired(&mut self, now_ms: u64) -> Result<usize> {
        if !self.uses_expiry {
            return Ok(0);
        }
        let due = due(self.connection, now_ms)?;
        for (store, key) in &due {
            self.remove(store, key)?;
        }
        Ok(due.len())
    }
}
