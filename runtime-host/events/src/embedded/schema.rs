//! How the file is set up.
//!
//! An operator may look into it with `sqlite3`: `entries` is the log, `subscriptions` how far each
//! is, `pending` what they still have to get beside that, `dead_letters` what they could not be
//! given.

use std::{path::Path, time::Duration};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::{integrity, subscriptions::rebuild_all_lanes};
use crate::{Error, Options, Result, Statistics};

/// The format that this program writes (`user_version`).
const FORMAT: i64 = 3;

/// Marks the file as ours (`application_id`): "TsEv".
const APPLICATION: i64 = 0x5473_4576;

/// Statements kept compiled per connection; there are fewer different ones.
const STATEMENTS_MAX: usize = 64;

/// The journal is cut back to this many bytes when it was carried over to the database.
const JOURNAL_BYTES_KEPT_MAX: i64 = 64 * 1024 * 1024;

/// Pages of the journal that are carried over to the database at once, by the commit that fills
/// them: 16 MiB. Many a page has changed several times by then and is written once.
const CHECKPOINT_PAGES: i64 = 4_096;

/// Pages that the writer keeps in memory, in KiB.
const WRITER_CACHE_KIB: i64 = 16 * 1024;

const TABLES: &str = "
    -- The log. `event` is JSON; `bytes` is its length; `kind` is the attribute `type`. Positions
    -- are given once and never again.
    CREATE TABLE entries (
        position       INTEGER PRIMARY KEY,
        recorded_at_ms INTEGER NOT NULL,
        bytes          INTEGER NOT NULL,
        source         TEXT NOT NULL,
        id             TEXT NOT NULL,
        kind           TEXT NOT NULL,
        key            TEXT NOT NULL,
        event          TEXT NOT NULL,
        UNIQUE (source, id)
    );

    -- Every subscription that there ever was. `left_at` is the position of the youngest event
    -- when it was last seen to be gone, and null while it is served. What it asks for after the
    -- position `seen` it has still to get, rows in `pending` or not; before that, what has a row
    -- there, and what `open` names: distances between positions, seven bits in a byte.
    CREATE TABLE subscriptions (
        number  INTEGER PRIMARY KEY,
        name    TEXT NOT NULL UNIQUE,
        types   TEXT NOT NULL,
        left_at INTEGER,
        seen    INTEGER NOT NULL DEFAULT 0,
        open    BLOB NOT NULL DEFAULT x''
    );

    -- What a subscription still has to get and could not be given at once, first positions first
    -- for each key.
    CREATE TABLE pending (
        subscription     INTEGER NOT NULL,
        key              TEXT NOT NULL,
        position         INTEGER NOT NULL,
        turn             INTEGER NOT NULL DEFAULT 0,
        attempts         INTEGER NOT NULL DEFAULT 0,
        first_seen_at_ms INTEGER,
        due_at_ms        INTEGER NOT NULL,
        alone            INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (subscription, key, position)
    ) WITHOUT ROWID;
    CREATE INDEX pending_by_position ON pending (subscription, position);

    -- For each key with rows in `pending` or `dead_letters`, when the first of `pending` is due;
    -- the greatest number while that waits behind an older dead letter.
    CREATE TABLE lanes (
        subscription INTEGER NOT NULL,
        key          TEXT NOT NULL,
        due_at_ms    INTEGER NOT NULL,
        PRIMARY KEY (subscription, key)
    ) WITHOUT ROWID;
    CREATE INDEX lanes_by_due ON lanes (subscription, due_at_ms);

    CREATE TABLE dead_letters (
        number           INTEGER PRIMARY KEY AUTOINCREMENT,
        subscription     INTEGER NOT NULL,
        position         INTEGER NOT NULL,
        reason           TEXT NOT NULL,
        detail           TEXT NOT NULL,
        attempts         INTEGER NOT NULL,
        first_seen_at_ms INTEGER NOT NULL,
        died_at_ms       INTEGER NOT NULL,
        key              TEXT NOT NULL DEFAULT '',
        UNIQUE (subscription, position)
    );
    CREATE INDEX dead_letters_by_key ON dead_letters (subscription, key, position);

    CREATE TABLE statistics (
        entries           INTEGER NOT NULL,
        bytes             INTEGER NOT NULL,
        removed           INTEGER NOT NULL,
        lost_deliveries   INTEGER NOT NULL,
        lost_dead_letters INTEGER NOT NULL,
        youngest          INTEGER NOT NULL DEFAULT 0 -- the last position that was given
    );
    INSERT INTO statistics VALUES (0, 0, 0, 0, 0, 0);
";

/// From format 1, in which every event that was still to be delivered had a row.
const FROM_1: &str = "
    ALTER TABLE subscriptions ADD COLUMN seen INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE subscriptions ADD COLUMN open BLOB NOT NULL DEFAULT x'';
    ALTER TABLE statistics ADD COLUMN youngest INTEGER NOT NULL DEFAULT 0;
    UPDATE statistics SET youngest =
        (SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'entries');
    UPDATE subscriptions SET seen = (SELECT youngest FROM statistics);
    DROP INDEX entries_by_time;
";

/// From format 2, in which events after a dead letter did not wait for it.
const FROM_2: &str = "
    ALTER TABLE dead_letters ADD COLUMN key TEXT NOT NULL DEFAULT '';
    UPDATE dead_letters SET key = coalesce(
        (SELECT key FROM entries WHERE entries.position = dead_letters.position), '');
    CREATE INDEX dead_letters_by_key ON dead_letters (subscription, key, position);
";

/// Opens the connection that writes and sets up a file that is new.
pub(super) fn open_writer(path: &Path, options: &Options) -> Result<Connection> {
    let explain = |error| sqlite_error(path, &error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = connect(path, flags, options.busy_timeout).map_err(explain)?;
    check_owner(path, &connection)?;
    let mode = make_durable(&connection).map_err(explain)?;
    if mode != "wal" {
        let path = path.display();
        let message = format!("`{path}` is on a file system without shared memory; move it");
        return Err(Error::Unavailable(message));
    }
    integrity::check(path, &connection)?;
    migrate(&mut connection).map_err(explain)?;
    limit_size(&connection, options.database_bytes_max).map_err(explain)?;
    Ok(connection)
}

/// Opens a connection that only reads. The file is there and set up.
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

/// A file with tables that are not ours, or of a later format, is left alone.
fn check_owner(path: &Path, connection: &Connection) -> Result<()> {
    let explain = |error| sqlite_error(path, &error);
    let shown = path.display();
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(explain)?;
    let application = number(connection, "application_id").map_err(explain)?;
    if tables > 0 && application != APPLICATION {
        return Err(Error::Invalid(format!("`{shown}` is not an event log; choose another file")));
    }
    let format = number(connection, "user_version").map_err(explain)?;
    if format > FORMAT {
        return Err(Error::Invalid(format!(
            "`{shown}` has format {format} and this program knows formats up to {FORMAT}; start \
             the newer version that wrote it"
        )));
    }
    Ok(())
}

/// Every commit waits for the disk, on macOS for the platter too. Gives the journal mode.
fn make_durable(connection: &Connection) -> rusqlite::Result<String> {
    let mode = connection
        .pragma_update_and_check(None, "journal_mode", "wal", |row| row.get::<_, String>(0))?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    let kept = JOURNAL_BYTES_KEPT_MAX;
    connection.pragma_update_and_check(None, "journal_size_limit", kept, |_| Ok(()))?;
    let pages = CHECKPOINT_PAGES;
    connection.pragma_update_and_check(None, "wal_autocheckpoint", pages, |_| Ok(()))?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    Ok(mode)
}

fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let format = number(&transaction, "user_version")?;
    match format {
        FORMAT => return Ok(()),
        0 => transaction.execute_batch(TABLES)?,
        _ => {
            if format == 1 {
                transaction.execute_batch(FROM_1)?;
            }
            transaction.execute_batch(FROM_2)?;
            rebuild_all_lanes(&transaction)?;
        }
    }
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", FORMAT)?;
    transaction.commit()
}

pub(super) fn number(connection: &Connection, pragma: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, pragma, |row| row.get(0))
}

fn limit_size(connection: &Connection, bytes_max: u64) -> rusqlite::Result<()> {
    let page_bytes = number(connection, "page_size")?;
    let pages = i64::try_from(bytes_max).unwrap_or(i64::MAX) / page_bytes.max(1);
    // SQLite numbers pages with 32 bits and takes a larger figure for a mistake.
    let pages = pages.clamp(1, i64::from(u32::MAX) - 1);
    connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))
}

pub(super) fn read_statistics(connection: &Connection) -> rusqlite::Result<Statistics> {
    let sql = "SELECT entries, bytes, removed, lost_deliveries, lost_dead_letters FROM statistics";
    connection.query_row(sql, [], |row| {
        let number = |column| row.get::<_, i64>(column).map(i64::cast_unsigned);
        Ok(Statistics {
            entries: number(0)?,
            bytes: number(1)?,
            removed: number(2)?,
            lost_deliveries: number(3)?,
            lost_dead_letters: number(4)?,
        })
    })
}

pub(super) fn write_statistics(
    connection: &Connection,
    statistics: &Statistics,
    youngest: u64,
) -> rusqlite::Result<()> {
    let sql = "UPDATE statistics SET entries = ?1, bytes = ?2, removed = ?3, \
               lost_deliveries = ?4, lost_dead_letters = ?5, youngest = ?6";
    let row = [
        statistics.entries,
        statistics.bytes,
        statistics.removed,
        statistics.lost_deliveries,
        statistics.lost_dead_letters,
        youngest,
    ];
    connection.prepare_cached(sql)?.execute(row.map(u64::cast_signed)).map(drop)
}

/// What a failure of SQLite means to the caller, with the file in the message.
pub(super) fn sqlite_error(path: &Path, error: &rusqlite::Error) -> Error {
    let path = path.display();
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => Error::Full(format!(
            "`{path}`: {error}; make room on the disk or raise the limit of the event log"
        )),
        Some(ErrorCode::NotADatabase) => {
            Error::Invalid(format!("`{path}` is not an event log; choose another file"))
        }
        Some(ErrorCode::DatabaseCorrupt) => Error::Unavailable(format!(
            "`{path}`: {error}; restore the file from a backup or move it away"
        )),
        _ => Error::Unavailable(format!("`{path}`: {error}")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn every_commit_waits_for_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.db");
        let connection = open_writer(&path, &Options::default()).unwrap();
        assert_eq!(number(&connection, "synchronous"), Ok(2), "FULL");
        assert_eq!(number(&connection, "fullfsync"), Ok(1));
        let mode = |row: &rusqlite::Row<'_>| row.get::<_, String>(0);
        assert_eq!(connection.pragma_query_value(None, "journal_mode", mode), Ok("wal".into()));
    }
}
