//! What the writer does: operations in a transaction that they share.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension};

use super::{
    meter::{Changes, Meter},
    staged::Staged,
    tail::Tail,
};
use crate::{Options, Subscription};

/// One write. It may be applied again, from the start, when the transaction that it shared with
/// others has failed.
pub(super) trait Operation: Send + 'static {
    type Answer: Send + 'static;

    /// What it keeps in memory while it waits, in bytes.
    fn bytes(&self) -> usize;

    /// Errors are those of SQLite and fail the transaction; a refusal is an answer.
    fn apply(&self, group: &mut Group<'_>) -> rusqlite::Result<Self::Answer>;
}

/// A subscription that is served, and its number in the file.
#[derive(Clone, Debug)]
pub(super) struct Served {
    pub(super) number: i64,
    pub(super) subscription: Arc<Subscription>,
}

/// The due time of a held lane: its first event waits behind an older dead letter of its key.
pub(super) const HELD: i64 = i64::MAX;

/// The transaction that a group of operations shares.
pub(super) struct Group<'a> {
    pub(super) connection: &'a Connection,
    pub(super) options: &'a Options,
    pub(super) served: &'a [Served],
    /// What was committed last: the figures, and the tails in the order of `served`.
    pub(super) meter: &'a Meter,
    pub(super) tails: &'a [Tail],
    /// What time it is for all of them, in milliseconds since the epoch.
    pub(super) now_ms: u64,
    /// When the youngest event was recorded.
    pub(super) recorded_at_ms: u64,
    /// The last position that was given.
    pub(super) youngest: u64,
    /// Where the last round of retention has come to; 0 to begin with the oldest.
    pub(super) tidied_through: i64,
    pub(super) changes: Changes,
    /// What the transaction does to the tails.
    pub(super) staged: Vec<Staged>,
}

impl Group<'_> {
    /// Runs a statement that is kept compiled; gives the number of rows it has changed.
    pub(super) fn execute(
        &self,
        sql: &str,
        parameters: impl rusqlite::Params,
    ) -> rusqlite::Result<usize> {
        self.connection.prepare_cached(sql)?.execute(parameters)
    }

    /// The first row of a query that is kept compiled, if it has one.
    pub(super) fn row<T>(
        &self,
        sql: &str,
        parameters: impl rusqlite::Params,
        read: impl FnOnce(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Option<T>> {
        self.connection.prepare_cached(sql)?.query_row(parameters, read).optional()
    }

    /// Updates the lane of a key from its first pending row, or marks it as held.
    pub(super) fn refresh_lane(&mut self, place: usize, key: &str) -> rusqlite::Result<()> {
        self.staged[place].rows_changed = true;
        let number = self.served[place].number;
        let head = "SELECT position, due_at_ms FROM pending WHERE subscription = ?1 AND key = ?2 \
                    ORDER BY position LIMIT 1";
        let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
        let head = self.row(head, (number, key), read)?;
        let due_at_ms = match self.oldest_dead(number, key)? {
            Some(dead) => Some(head.filter(|head| head.0 < dead).map_or(HELD, |head| head.1)),
            None => head.map(|head| head.1),
        };
        match due_at_ms {
            Some(due_at_ms) => {
                let sql = "INSERT INTO lanes (subscription, key, due_at_ms) VALUES (?1, ?2, ?3) \
                           ON CONFLICT (subscription, key) DO UPDATE SET due_at_ms = ?3";
                self.execute(sql, (number, key, due_at_ms))?;
            }
            None => {
                let sql = "DELETE FROM lanes WHERE subscription = ?1 AND key = ?2";
                self.execute(sql, (number, key))?;
            }
        }
        Ok(())
    }

    /// The position of the oldest dead letter of a key.
    fn oldest_dead(&self, number: i64, key: &str) -> rusqlite::Result<Option<i64>> {
        let sql = "SELECT position FROM dead_letters WHERE subscription = ?1 AND key = ?2 \
                   ORDER BY position LIMIT 1";
        self.row(sql, (number, key), |row| row.get(0))
    }
}
