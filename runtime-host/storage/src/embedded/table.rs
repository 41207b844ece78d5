//! The statements on the table `spin_key_value`.

use bytes::Bytes;
use rusqlite::{CachedStatement, Connection, OptionalExtension, Result, Row};

use super::cache::Entry;
use crate::KeyPage;

pub(super) fn entry(connection: &Connection, store: &str, key: &str) -> Result<Entry> {
    let sql = "SELECT value, version FROM spin_key_value WHERE store = ?1 AND key = ?2";
    let entry = |row: &Row<'_>| Ok((bytes(row)?, row.get::<_, i64>(1)?.cast_unsigned()));
    connection.prepare_cached(sql)?.query_row((store, key), entry).optional()
}

/// Several values at one point in time, and their size in bytes. Stops reading beyond `bytes_max`.
pub(super) fn entries(
    connection: &Connection,
    store: &str,
    keys: &[String],
    bytes_max: usize,
) -> Result<(Vec<Entry>, usize)> {
    let snapshot = connection.unchecked_transaction()?;
    let mut bytes = 0;
    let mut entries = Vec::with_capacity(keys.len());
    for key in keys {
        let found = entry(&snapshot, store, key)?;
        bytes += found.as_ref().map_or(0, |(value, _)| value.len());
        entries.push(found);
        if bytes > bytes_max {
            break;
        }
    }
    Ok((entries, bytes))
}

pub(super) fn exists(connection: &Connection, store: &str, key: &str) -> Result<bool> {
    let sql = "SELECT 1 FROM spin_key_value WHERE store = ?1 AND key = ?2";
    connection.prepare_cached(sql)?.exists((store, key))
}

/// Queries one key more than a page has, to find out whether there is a next page.
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

/// The statement of [`put`].
pub(super) fn upsert(connection: &Connection) -> Result<CachedStatement<'_>> {
    connection.prepare_cached(
        "INSERT INTO spin_key_value (store, key, value, version) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (store, key) DO UPDATE SET value = ?3, version = ?4",
    )
}

pub(super) fn put(
    upsert: &mut CachedStatement<'_>,
    store: &str,
    key: &str,
    value: &[u8],
    version: u64,
) -> Result<()> {
    upsert.execute((store, key, value, version.cast_signed())).map(drop)
}

/// The statement of [`remove`].
pub(super) fn removal(connection: &Connection) -> Result<CachedStatement<'_>> {
    connection.prepare_cached("DELETE FROM spin_key_value WHERE store = ?1 AND key = ?2")
}

/// Returns whether the key existed.
pub(super) fn remove(removal: &mut CachedStatement<'_>, store: &str, key: &str) -> Result<bool> {
    Ok(removal.execute((store, key))? > 0)
}

/// Text is read as its bytes: `sqlite3` writes text.
fn bytes(row: &Row<'_>) -> Result<Bytes> {
    Ok(Bytes::copy_from_slice(row.get_ref(0)?.as_bytes()?))
}

fn strings(
    mut rows: CachedStatement<'_>,
    parameters: impl rusqlite::Params,
) -> Result<Vec<String>> {
    rows.query_map(parameters, |row| row.get(0))?.collect()
}
