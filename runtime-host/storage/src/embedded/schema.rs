//! The tables of a database file.
//!
//! The table is the one of stock Spin with an additional column that has a default, so that both
//! hosts read and write each other's files. `user_version` is the version of these changes; stock
//! Spin leaves it at 0.

use rusqlite::{Connection, Result};
use tessera_sqlite::Format;

use super::expiry;

pub(super) const FORMAT: Format = Format {
    name: "a key-value store",
    // Stock Spin does not set it.
    application_id: None,
    version: 2,
    migrate,
    checked_tables: &[],
    opens_damaged: true,
    thread_name: "tessera-store",
};

/// Versions of one opening start at its number shifted by this many bits, so that no version is
/// ever assigned twice: a million openings with a trillion writes each.
const OPENING_SHIFT: u32 = 40;

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

fn migrate(connection: &Connection, version: i64) -> Result<()> {
    if version == 0 {
        connection.execute_batch(FROM_0)?;
    }
    connection.execute_batch(expiry::TABLE)
}

/// Counts this opening. Returns the version number before its first one.
pub(super) fn first_version(connection: &Connection) -> Result<u64> {
    let count = "UPDATE tessera_opening SET number = number + 1 RETURNING number";
    let opening = connection.query_row(count, [], |row| row.get::<_, i64>(0))?;
    Ok(opening.cast_unsigned() << OPENING_SHIFT)
}
