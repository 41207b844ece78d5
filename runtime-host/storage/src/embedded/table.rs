//! The statements, all of them, over the table `spin_key_value`.

use rusqlite::{CachedStatement, Connection, OptionalExtension, Result, Row};

use crate::{KeyPage, Value};

/// A value and its version number.
pub(super) type Entry = (Value, u64);

pub(super) fn value(connection: &Connection, store: &str, key: &str) -> Result<Option<Value>> {
    let sql = "SELECT value FROM spin_key_value WHERE store = ?1 AND key = ?2";
    connection.prepare_cached(sql)?.query_row((store, key), bytes).optional()
}

pub(super) fn entry(connection: &Connection, store: &str, key: &str) -> Result<Option<Entry>> {
    let sql = "SELECT value, version FROM spin_key_value WHERE store = ?1 AND key = ?2";
    let entry = |row: &Row<'_>| Ok((bytes(row)?, row.get::<_, i64>(1)?.cast_unsigned()));
    connection.prepare_cached(sql)?.query_row((store, key), entry).optional()
}

/// Several values at one point in time, and their bytes. Stops reading beyond `bytes_max`.
pub(super) fn values(
    connection: &Connection,
    store: &str,
    keys: &[String],
    bytes_max: usize,
) -> Result<(Vec<Option<Value>>, usize)> {
    let snapshot = connection.unchecked_transaction()?;
    let mut bytes = 0;
    let mut values = Vec::with_capacity(keys.len());
    for key in keys {
        let found = value(&snapshot, store, key)?;
        bytes += found.as_ref().map_or(0, Vec::len);
        values.push(found);
        if bytes > bytes_max {
            break;
        }
    }
    Ok((values, bytes))
}

pub(super) fn exists(connection: &Connection, store: &str, key: &str) -> Result<bool> {
    let sql = "SELECT 1 FROM spin_key_value WHERE store = ?1 AND key = ?2";
    connection.prepare_cached(sql)?.exists((store, key))
}

/// Asks for one key more than the page holds, to know whether there is another page.
pub(super) fn page(
    connection: &Connection,
    store: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<KeyPage> {
    let rows_max = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
    let mut keys = match after {
        Some(after) => {
            let sql = "SELECT key FROM spin_key_value WHERE store = ?1 AND key > ?2 \
                       ORDER BY key LIMIT ?3";
            strings(connection.prepare_cached(sql)?, (store, after, rows_max))?
        }
        None => {
            let sql = "SELECT key FROM spin_key_value WHERE store = ?1 ORDER BY key LIMIT ?2";
            strings(connection.prepare_cached(sql)?, (store, rows_max))?
        }
    };
    let more = keys.len() > limit;
    keys.truncate(limit);
    let next = if more { keys.last().cloned() } else { None };
    Ok(KeyPage { keys, next })
}

pub(super) fn put(
    connection: &Connection,
    store: &str,
    key: &str,
    value: &[u8],
    version: u64,
) -> Result<()> {
    let sql = "INSERT INTO spin_key_value (store, key, value, version) VALUES (?1, ?2, ?3, ?4) \
               ON CONFLICT (store, key) DO UPDATE SET value = ?3, version = ?4";
    connection.prepare_cached(sql)?.execute((store, key, value, version.cast_signed())).map(drop)
}

/// Whether there was something to remove.
pub(super) fn remove(connection: &Connection, store: &str, key: &str) -> Result<bool> {
    let sql = "DELETE FROM spin_key_value WHERE store = ?1 AND key = ?2";
    Ok(connection.prepare_cached(sql)?.execute((store, key))? > 0)
}

/// Text counts as its bytes: that is what an operator with `sqlite3` writes.
fn bytes(row: &Row<'_>) -> Result<Value> {
    Ok(row.get_ref(0)?.as_bytes()?.to_vec())
}

fn strings(
    mut rows: CachedStatement<'_>,
    parameters: impl rusqlite::Params,
) -> Result<Vec<String>> {
    rows.query_map(parameters, |row| row.get(0))?.collect()
}
