//! The transaction that a group of operations shares.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension};

use super::{
    meter::{Changes, Meter},
    staged::Staged,
    tail::Tail,
};
use crate::{Options, Subscription};

/// A subscription that is served, with its number in the file.
#[derive(Clone, Debug)]
pub(super) struct Served {
    pub(super) number: i64,
    pub(super) subscription: Arc<Subscription>,
}

/// The due time of a held lane: its first event waits for an older dead letter of its key.
pub(super) const HELD: i64 = i64::MAX;

/// A running transaction.
pub(super) struct Group<'a> {
    pub(super) connection: &'a Connection,
    pub(super) options: &'a Options,
    pub(super) served: &'a [Served],
    /// The figures of the last commit, and its tails in the order of `served`.
    pub(super) meter: &'a Meter,
    pub(super) tails: &'a [Tail],
    /// The time of all its operations, in milliseconds since the epoch.
    pub(super) now_ms: u64,
    /// When the latest event was appended.
    pub(super) recorded_at_ms: u64,
    /// The latest position.
    pub(super) youngest: u64,
    /// The position that retention has reached; 0 to start with the oldest.
    pub(super) tidied_through: i64,
    pub(super) changes: Changes,
    /// The changes of the tails.
    pub(super) staged: Vec<Staged>,
}

impl Group<'_> {
    /// Runs a cached statement. Returns the number of changed rows.
    pub(super) fn execute(
        &self,
        sql: &str,
        parameters: impl rusqlite::Params,
    ) -> rusqlite::Result<usize> {
        self.connection.prepare_cached(sql)?.execute(parameters)
    }

    /// The first row of a cached query, if there is one.
    pub(super) fn row<T>(
        &self,
        sql: &str,
        parameters: impl rusqlite::Params,
        read: impl FnOnce(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Option<T>> {
        self.connection.prepare_cached(sql)?.query_row(parameters, read).optional()
    }

    /// Updates the lane of a key from its first pending row, or marks it as held.
    pub(super) fn refresh_lane(&mut self, index: usize, key: &str) -> rusqlite::Result<()> {
        self.staged[index].rows_changed = true;
        let number = self.served[index].number;
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
