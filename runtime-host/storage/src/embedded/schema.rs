//! How a database file is set up, and what its numbers mean.
//!
//! The table is the one of stock Spin plus a column with a default, so that either host reads and
//! writes what the other one left. `user_version` counts our changes to that; stock Spin leaves
//! it at 0.

use std::{path::Path, time::Duration};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::{Options, expiry};
use crate::{Error, ErrorKind, Result};

/// The format that this program writes.
const FORMAT: i64 = 2;

/// Statements kept compiled per connection; there are fewer different ones.
const STATEMENTS_MAX: usize = 32;

/// The log is carried over to the database when it has this many pages (of 4 KiB, as a rule).
///
/// A page that was written ten times meanwhile is carried over once, and each time costs two more
/// fsyncs, in which all writers wait. The price of a long log is that it is read when the file is
/// opened after a crash: some 50 ms for this one.
const LOG_PAGES_MAX: i64 = 8_192;

/// Room is taken for a log of this many bytes ahead of its use: what it grows to between two
/// times of being carried over.
pub(super) const LOG_BYTES_RESERVED_MAX: u64 = 34 * 1024 * 1024;

/// What the writer keeps of the file in memory, in KiB. Taken only as it is needed.
const WRITER_PAGES_KIB: i64 = 16 * 1024;

/// The log is cut back to this many bytes when it was carried over to the database.
const LOG_BYTES_KEPT_MAX: i64 = 64 * 1024 * 1024;

/// Versions count up from here, once per opening, so that no version is ever given twice: a
/// million openings of a trillion writes each.
const WRITES_PER_OPENING: u32 = 40;

/// Opens the connection that writes, brings the file up to date, and gives the first version
/// number of this opening.
pub(super) fn open_writer(path: &Path, options: &Options) -> Result<(Connection, u64)> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let explain = |error| sqlite_error(path, &error);
    let mut connection = connect(path, flags, options.busy_timeout).map_err(explain)?;
    let format = format(&connection).map_err(explain)?;
    if format > FORMAT {
        return Err(too_new(path, format));
    }
    let mode = make_durable(&connection).map_err(explain)?;
    if mode != "wal" {
        let message = format!("`{}` is on a file system without shared memory", path.display());
        return Err(Error::new(ErrorKind::Denied, message));
    }
    migrate(&mut connection).map_err(explain)?;
    limit_size(&connection, options.database_bytes_max).map_err(explain)?;
    let opening = count_opening(&connection).map_err(explain)?;
    Ok((connection, opening << WRITES_PER_OPENING))
}

/// Files up to this size are checked when they are opened, in bytes. Checking larger ones takes too
/// long; their damage is detected when they are used.
const CHECKED_BYTES_MAX: i64 = 128 * 1024 * 1024;

/// Fails if the structure of the file is damaged.
pub(super) fn check(path: &Path, connection: &Connection) -> Result<()> {
    let explain = |error| sqlite_error(path, &error);
    let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let pages = number("page_count").map_err(explain)?;
    if pages.saturating_mul(number("page_size").map_err(explain)?) > CHECKED_BYTES_MAX {
        return Ok(());
    }
    let found = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
    match found.map_err(explain)?.as_str() {
        "ok" => Ok(()),
        damage => Err(Error::new(ErrorKind::Corrupt, format!("`{}`: {damage}", path.display()))),
    }
}

/// Opens a connection that only reads. The file is there and up to date.
pub(super) fn open_reader(path: &Path, busy_timeout: Duration) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = connect(path, flags, busy_timeout)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

fn connect(path: &Path, flags: OpenFlags, busy: Duration) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(busy)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    Ok(connection)
}

/// Every commit waits for the disk, on macOS for the platter too. Gives the journal mode.
fn make_durable(connection: &Connection) -> rusqlite::Result<String> {
    let mode = connection
        .pragma_update_and_check(None, "journal_mode", "wal", |row| row.get::<_, String>(0))?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    connection
        .pragma_update_and_check(None, "journal_size_limit", LOG_BYTES_KEPT_MAX, |_| Ok(()))?;
    connection.pragma_update_and_check(None, "wal_autocheckpoint", LOG_PAGES_MAX, |_| Ok(()))?;
    connection.pragma_update(None, "cache_size", -WRITER_PAGES_KIB)?;
    Ok(mode)
}

fn format(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Brings a file that is new, or of stock Spin, to our format.
fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let format = format(&transaction)?;
    if format == FORMAT {
        return Ok(());
    }
    if format == 0 {
        transaction.execute_batch(FROM_0)?;
    }
    transaction.execute_batch(expiry::TABLE)?;
    transaction.pragma_update(None, "user_version", FORMAT)?;
    transaction.commit()
}

/// From an empty file, or from a file of stock Spin.
const FROM_0: &str = "
    CREATE TABLE IF NOT EXISTS spin_key_value (
             store TEXT NOT NULL,
             key   TEXT NOT NULL,
             value BLOB NOT NULL,
             PRIMARY KEY (store, key)
         );
         ALTER TABLE spin_key_value ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
         CREATE TABLE tessera_opening (number INTEGER NOT NULL);
         INSERT INTO tessera_opening VALUES (0);
";

fn limit_size(connection: &Connection, bytes_max: u64) -> rusqlite::Result<()> {
    let page_bytes: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    let pages = i64::try_from(bytes_max).unwrap_or(i64::MAX) / page_bytes.max(1);
    // SQLite numbers pages with 32 bits and takes a larger figure for a mistake.
    let pages = pages.clamp(1, i64::from(u32::MAX) - 1);
    connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))
}

fn count_opening(connection: &Connection) -> rusqlite::Result<u64> {
    let count = "UPDATE tessera_opening SET number = number + 1 RETURNING number";
    connection.query_row(count, [], |row| Ok(row.get::<_, i64>(0)?.cast_unsigned()))
}

fn too_new(path: &Path, format: i64) -> Error {
    let path = path.display();
    Error::new(
        ErrorKind::Incompatible,
        format!(
            "`{path}` has format {format} and this program knows formats up to {FORMAT}; \
             start the newer version that wrote it"
        ),
    )
}

/// What a failure of SQLite means to the caller, with the file in the message.
pub(super) fn sqlite_error(path: &Path, error: &rusqlite::Error) -> Error {
    let (kind, advice) = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => {
            (ErrorKind::Full, "make room on the disk or raise the limit of the database")
        }
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
            (ErrorKind::Denied, "check who may write to the file and to its folder")
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            (ErrorKind::Corrupt, "restore the file from a backup or move it away")
        }
        Some(ErrorCode::TooBig) => (ErrorKind::Invalid, "store smaller values"),
        Some(_) => (ErrorKind::Unavailable, "try again"),
        None => (ErrorKind::Corrupt, "the file has a table or a value of an unknown form"),
    };
    Error::new(kind, format!("`{}`: {error}; {advice}", path.display()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn every_commit_waits_for_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.db");
        let (connection, _) = open_writer(&path, &Options::default()).unwrap();
        let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        assert_eq!(pragma("synchronous"), Ok(2), "FULL");
        assert_eq!(pragma("fullfsync"), Ok(1));
        let mode = |row: &rusqlite::Row<'_>| row.get::<_, String>(0);
        assert_eq!(connection.pragma_query_value(None, "journal_mode", mode), Ok("wal".into()));
    }
}
