//! Keys that expire: an additional table, which stock Spin does not have.
//!
//! It has the expiry times of keys, whether or not the keys exist. So a time can be written before
//! its key, and a crash in between leaves a harmless row. Removing a key also removes its row, even
//! if the key does not exist; otherwise a later key of the same name would expire. Reads do not
//! check the table: an expired value stays readable until the next sweep, a few seconds later.

use std::sync::Arc;

use rusqlite::{Connection, Result};

use super::group::Group;

/// The maximum number of keys that one transaction removes.
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

/// Whether any key has an expiry time.
pub(super) fn is_used(connection: &Connection) -> Result<bool> {
    connection.prepare_cached("SELECT 1 FROM tessera_expiry LIMIT 1")?.exists([])
}

pub(super) fn put(connection: &Connection, store: &str, key: &str, at_ms: u64) -> Result<()> {
    let sql = "INSERT INTO tessera_expiry (store, key, at_ms) VALUES (?1, ?2, ?3) \
               ON CONFLICT (store, key) DO UPDATE SET at_ms = ?3";
    let at_ms = i64::try_from(at_ms).unwrap_or(i64::MAX);
    connection.prepare_cached(sql)?.execute((store, key, at_ms)).map(drop)
}

/// Clears the expiry time of a key. Returns whether there was one.
pub(super) fn forget(connection: &Connection, store: &str, key: &str) -> Result<bool> {
    let sql = "DELETE FROM tessera_expiry WHERE store = ?1 AND key = ?2";
    Ok(connection.prepare_cached(sql)?.execute((store, key))? > 0)
}

/// The expired keys, oldest first.
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
    /// Sets the expiry time of a key.
    pub(super) fn expire_at(&mut self, store: &str, key: &str, at_ms: u64) -> Result<()> {
        put(self.connection, store, key, at_ms)?;
        self.uses_expiry = true;
        self.has_changed = true;
        Ok(())
    }

    /// Removes expired keys. Returns the number of removed rows.
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
