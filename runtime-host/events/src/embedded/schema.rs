//! The tables of the file.
//!
//! An operator may read it with `sqlite3`: `entries` is the log, `subscriptions` has their progress,
//! `pending` has further pending events, and `dead_letters` the events that could not be
//! delivered.

use rusqlite::{Connection, Result};
use tessera_sqlite::Format;

use super::subscriptions::rebuild_all_lanes;
use crate::Statistics;

pub(super) const FORMAT: Format = Format {
    name: "an event log",
    // "TsEv"
    application_id: Some(0x5473_4576),
    version: 3,
    migrate,
    // The state of deliveries.
    checked_tables: &["subscriptions", "lanes", "dead_letters", "statistics"],
    opens_damaged: false,
    thread_name: "tessera-events",
};

const TABLES: &str = "
    -- The log. `event` is JSON; `bytes` is its length; `kind` is the attribute `type`. Positions
    -- are never reused.
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

    -- All subscriptions that ever existed. `left_at` is null while a subscription is served, and
    -- otherwise the position of the latest event when it was first missing. All matching events
    -- after the position `seen` are pending, with or without a row in `pending`. Of those before
    -- `seen`, the ones with a row and the ones in `open` are pending: distances between positions,
    -- seven bits per byte.
    CREATE TABLE subscriptions (
        number  INTEGER PRIMARY KEY,
        name    TEXT NOT NULL UNIQUE,
        types   TEXT NOT NULL,
        left_at INTEGER,
        seen    INTEGER NOT NULL DEFAULT 0,
        open    BLOB NOT NULL DEFAULT x''
    );

    -- Pending events of keys whose delivery has failed or was delayed, per key in the order of
    -- their positions.
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

    -- For each key with rows in `pending` or `dead_letters`, the due time of the first of
    -- `pending`; the greatest number while it waits for an older dead letter.
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
        youngest          INTEGER NOT NULL DEFAULT 0 -- the latest position
    );
    INSERT INTO statistics VALUES (0, 0, 0, 0, 0, 0);
";

/// From version 1, in which every pending event had a row.
const FROM_1: &str = "
    ALTER TABLE subscriptions ADD COLUMN seen INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE subscriptions ADD COLUMN open BLOB NOT NULL DEFAULT x'';
    ALTER TABLE statistics ADD COLUMN youngest INTEGER NOT NULL DEFAULT 0;
    UPDATE statistics SET youngest =
        (SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'entries');
    UPDATE subscriptions SET seen = (SELECT youngest FROM statistics);
    DROP INDEX entries_by_time;
";

/// From version 2, in which events did not wait for an earlier dead letter.
const FROM_2: &str = "
    ALTER TABLE dead_letters ADD COLUMN key TEXT NOT NULL DEFAULT '';
    UPDATE dead_letters SET key = coalesce(
        (SELECT key FROM entries WHERE entries.position = dead_letters.position), '');
    CREATE INDEX dead_letters_by_key ON dead_letters (subscription, key, position);
";

fn migrate(connection: &Connection, version: i64) -> Result<()> {
    if version == 0 {
        return connection.execute_batch(TABLES);
    }
    if version == 1 {
        connection.execute_batch(FROM_1)?;
    }
    connection.execute_batch(FROM_2)?;
    rebuild_all_lanes(connection)
}

pub(super) fn read_statistics(connection: &Connection) -> Result<Statistics> {
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
) -> Result<()> {
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
