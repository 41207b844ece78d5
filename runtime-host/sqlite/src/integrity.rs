//! The check of a file before it is used.
//!
//! A damaged file that is opened without a check fails later, in the middle of an operation, and
//! until then writes spread the damage. So the structure of the file is checked when it is opened,
//! as far as the start time allows.

use std::path::Path;

use rusqlite::{Connection, ErrorCode};

use crate::{Error, ErrorKind, Result};

/// The size up to which files are checked completely, in bytes. Damage in larger files is detected
/// when it is read.
const CHECKED_BYTES_MAX: i64 = 128 * 1024 * 1024;

/// Returns the damage of a file, or `None`. Of a large file, only these tables are checked.
pub(crate) fn check(
    path: &Path,
    connection: &Connection,
    tables: &[&str],
) -> Result<Option<Error>> {
    match first_damage(connection, tables) {
        Ok(damage) => Ok(damage.map(|damage| damaged(path, &damage))),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt) => {
            Ok(Some(damaged(path, &error.to_string())))
        }
        Err(error) => Err(Error::sqlite(path, &error)),
    }
}

fn first_damage(connection: &Connection, tables: &[&str]) -> rusqlite::Result<Option<String>> {
    let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    if number("page_count")?.saturating_mul(number("page_size")?) <= CHECKED_BYTES_MAX {
        return quick_check(connection, "1");
    }
    for table in tables {
        if let Some(damage) = quick_check(connection, table)? {
            return Ok(Some(damage));
        }
    }
    Ok(None)
}

/// Checks a table, or the whole file up to a number of problems.
fn quick_check(connection: &Connection, scope: &str) -> rusqlite::Result<Option<String>> {
    let sql = format!("PRAGMA quick_check({scope})");
    let found = connection.query_row(&sql, [], |row| row.get::<_, String>(0))?;
    Ok((found != "ok").then_some(found))
}

fn damaged(path: &Path, damage: &str) -> Error {
    let path = path.display();
    let message = format!(
        "`{path}` is damaged ({damage}); restore it from a backup, or move it and its companion \
         files (`{path}-wal`, `{path}-shm`) away"
    );
    Error::new(ErrorKind::Corrupt, message)
}
