//! Checks the file before it is used.
//!
//! A damaged log that is opened without a check fails later, in the middle of a delivery, and
//! writes in the meantime spread the damage. So the structure of the file is checked when it is
//! opened, as far as the start time allows.

use std::path::Path;

use rusqlite::Connection;

use super::schema::{number, sqlite_error};
use crate::{Error, Result};

/// Files up to this size are checked completely, in bytes.
const CHECKED_BYTES_MAX: i64 = 128 * 1024 * 1024;

/// Of larger files only these tables are checked, which hold the state of deliveries.
const SMALL_TABLES: [&str; 4] = ["subscriptions", "lanes", "dead_letters", "statistics"];

/// Fails with advice if the structure of the file is damaged.
pub(super) fn check(path: &Path, connection: &Connection) -> Result<()> {
    let found = look(connection).map_err(|error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DatabaseCorrupt) => damaged(path, &error.to_string()),
        _ => sqlite_error(path, &error),
    })?;
    found.map_or(Ok(()), |damage| Err(damaged(path, &damage)))
}

/// The first damage, if any.
fn look(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let bytes = number(connection, "page_count")? * number(connection, "page_size")?;
    if bytes <= CHECKED_BYTES_MAX {
        return quick_check(connection, "1");
    }
    for table in SMALL_TABLES {
        if let Some(damage) = quick_check(connection, table)? {
            return Ok(Some(damage));
        }
    }
    Ok(None)
}

fn quick_check(connection: &Connection, what: &str) -> rusqlite::Result<Option<String>> {
    let sql = format!("PRAGMA quick_check({what})");
    let found = connection.query_row(&sql, [], |row| row.get::<_, String>(0))?;
    Ok((found != "ok").then_some(found))
}

fn damaged(path: &Path, damage: &str) -> Error {
    let path = path.display();
    Error::Invalid(format!(
        "the event log `{path}` is damaged ({damage}); restore it from a backup, or move it and \
         its companion files (`{path}-wal`, `{path}-shm`) away and start again: the new log is \
         empty, and undelivered events of the old one are lost"
    ))
}
