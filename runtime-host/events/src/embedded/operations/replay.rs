//! Replay of delivered events, and replay and removal of dead letters.

use rusqlite::{Connection, Result};
use tessera_sqlite::Operation;

use crate::embedded::{operation::Group, subscriptions::rebuild_lanes, writes::Writes};

/// A dead letter of a served subscription: the index of the subscription, the position and the key.
fn letter(group: &Group<'_>, number: i64) -> Result<Option<(usize, i64, String)>> {
    let sql = "SELECT subscription, position, key FROM dead_letters WHERE number = ?1";
    let read = |row: &rusqlite::Row<'_>| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, String>(2)?))
    };
    let Some((subscription, position, key)) = group.row(sql, [number], read)? else {
        return Ok(None);
    };
    let index = group.served.iter().position(|served| served.number == subscription);
    Ok(index.map(|index| (index, position, key)))
}

/// Makes a dead letter pending again, like an event that was never delivered.
fn revive(group: &mut Group<'_>, index: usize, position: i64, key: &str) -> Result<()> {
    let number = group.served[index].number;
    let sql = "DELETE FROM dead_letters WHERE subscription = ?1 AND position = ?2";
    group.execute(sql, (number, position))?;
    let sql = "INSERT INTO pending (subscription, key, position, due_at_ms) \
               VALUES (?1, ?2, ?3, ?4)";
    group.execute(sql, (number, key, position, group.now_ms.cast_signed()))?;
    let counts = &mut group.changes.subscriptions[index];
    counts.dead -= 1;
    counts.pending += 1;
    counts.woken = true;
    Ok(())
}

/// Replays all dead letters of a key. Returns the number of pending events of the key, or `None` if
/// it has no dead letter.
pub(in crate::embedded) struct ReplayKey {
    pub(in crate::embedded) index: usize,
    pub(in crate::embedded) key: String,
}

impl Operation<Writes> for ReplayKey {
    type Answer = Option<u64>;

    fn bytes(&self) -> usize {
        self.key.len()
    }

    fn apply(&self, group: &mut Group<'_>) -> Result<Option<u64>> {
        let (index, number, key) = (self.index, group.served[self.index].number, &self.key);
        let sql = "SELECT position FROM dead_letters WHERE subscription = ?1 AND key = ?2";
        let positions = {
            let mut statement = group.connection.prepare_cached(sql)?;
            let rows = statement.query_map((number, key), |row| row.get(0))?;
            rows.collect::<Result<Vec<i64>>>()?
        };
        if positions.is_empty() {
            return Ok(None);
        }
        for position in positions {
            revive(group, index, position, key)?;
        }
        group.refresh_lane(index, key)?;
        let sql = "SELECT count(*) FROM pending WHERE subscription = ?1 AND key = ?2";
        let count = group.row(sql, (number, key), |row| row.get::<_, i64>(0))?;
        Ok(count.map(i64::cast_unsigned))
    }
}

/// Discards a dead letter of a served subscription. Returns whether it existed.
pub(in crate::embedded) struct Discard {
    pub(in crate::embedded) number: i64,
}

impl Operation<Writes> for Discard {
    type Answer = bool;

    fn bytes(&self) -> usize {
        size_of::<Self>()
    }

    fn apply(&self, group: &mut Group<'_>) -> Result<bool> {
        let Some((index, _, key)) = letter(group, self.number)? else { return Ok(false) };
        group.execute("DELETE FROM dead_letters WHERE number = ?1", [self.number])?;
        let counts = &mut group.changes.subscriptions[index];
        counts.dead -= 1;
        counts.woken = true;
        group.refresh_lane(index, &key)?;
        Ok(true)
    }
}

/// Replays a dead letter of a served subscription. Returns whether it existed.
pub(in crate::embedded) struct Replay {
    pub(in crate::embedded) number: i64,
}

impl Operation<Writes> for Replay {
    type Answer = bool;

    fn bytes(&self) -> usize {
        size_of::<Self>()
    }

    fn apply(&self, group: &mut Group<'_>) -> Result<bool> {
        let Some((index, position, key)) = letter(group, self.number)? else { return Ok(false) };
        group.spill_key(index, &key)?;
        revive(group, index, position, &key)?;
        group.refresh_lane(index, &key)?;
        Ok(true)
    }
}

/// Delivers matching events of a period again. Returns the number of events.
///
/// This is one transaction; otherwise, later events of a key could be delivered between two earlier
/// ones. All other operations wait for it: about a second for 200,000 events.
pub(in crate::embedded) struct ReplayRange {
    pub(in crate::embedded) index: usize,
    pub(in crate::embedded) from_ms: u64,
    pub(in crate::embedded) until_ms: u64,
}

impl Operation<Writes> for ReplayRange {
    type Answer = u64;

    fn bytes(&self) -> usize {
        size_of::<Self>()
    }

    fn apply(&self, group: &mut Group<'_>) -> Result<u64> {
        group.spill_all(self.index)?;
        let served = group.served[self.index].clone();
        let connection = group.connection;
        let span = [self.from_ms, self.until_ms];
        let [from, until] = span.map(|ms| first_recorded(connection, ms));
        let sql = "SELECT position, kind, key FROM entries \
                   WHERE position >= ?1 AND position < ?2 ORDER BY position";
        let mut entries = connection.prepare_cached(sql)?;
        let mut rows = entries.query([from?, until?])?;
        let mut count = 0;
        while let Some(row) = rows.next()? {
            if served.subscription.wants(row.get_ref(1)?.as_str()?) {
                self.repeat(group, row.get(0)?, row.get_ref(2)?.as_str()?)?;
                count += 1;
            }
        }
        if count > 0 {
            rebuild_lanes(connection, served.number)?;
            group.staged[self.index].rows_changed = true;
            group.changes.subscriptions[self.index].woken = true;
        }
        Ok(count)
    }
}

/// The position of the first event appended at or after a time, or else one after the latest. Times
/// ascend with positions, so this is a binary search without an index on the time.
fn first_recorded(connection: &Connection, at_ms: u64) -> Result<i64> {
    // Separate queries: only then does SQLite read just the first and the last row.
    let ends = "SELECT coalesce((SELECT min(position) FROM entries), 1), \
                coalesce((SELECT max(position) FROM entries), 0) + 1";
    let ends = connection.prepare_cached(ends)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?)));
    let (mut low, mut high): (i64, i64) = ends?;
    let sql = "SELECT position, recorded_at_ms FROM entries WHERE position >= ?1 \
               ORDER BY position LIMIT 1";
    let mut probe = connection.prepare_cached(sql)?;
    while low < high {
        let middle = low + (high - low) / 2;
        let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
        let (position, recorded_at_ms) = probe.query_row([middle], read)?;
        if recorded_at_ms.cast_unsigned() < at_ms {
            low = position + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}

impl ReplayRange {
    fn repeat(&self, group: &mut Group<'_>, position: i64, key: &str) -> Result<()> {
        let number = group.served[self.index].number;
        let sql = "DELETE FROM dead_letters WHERE subscription = ?1 AND position = ?2";
        let dead = group.execute(sql, (number, position))?;
        let sql = "SELECT attempts > 0 FROM pending WHERE subscription = ?1 AND key = ?2 \
                   AND position = ?3";
        let pending = group.row(sql, (number, key, position), |row| row.get::<_, bool>(0))?;
        // Another turn, so that the outcome of a delivery in progress does not count for it.
        let sql = "INSERT INTO pending (subscription, key, position, due_at_ms) \
                   VALUES (?1, ?2, ?3, ?4) ON CONFLICT (subscription, key, position) DO UPDATE SET \
                   turn = turn + 1, attempts = 0, first_seen_at_ms = NULL, due_at_ms = ?4, \
                   alone = 0";
        group.execute(sql, (number, key, position, group.now_ms.cast_signed()))?;
        let counts = &mut group.changes.subscriptions[self.index];
        counts.dead -= dead as i64;
        counts.pending += i64::from(pending.is_none());
        counts.retrying -= i64::from(pending == Some(true));
        Ok(())
    }
}
